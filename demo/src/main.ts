/** The demo page: composition only. Each tab is a node; the panels show it, the forms use it. */
import { ChatPanel } from './forms/chat-panel.js'
import { FilesForm } from './forms/files-form.js'
import { ValuesForm } from './forms/values-form.js'
import { EventLog } from './model/event-log.js'
import { pageState } from './model/page-state.js'
import { readSettings } from './model/settings.js'
import { Refresh } from './refresh.js'
import { Session } from './session.js'
import { BucketsChart } from './view/buckets-chart.js'
import { CountersPanel } from './view/counters-panel.js'
import { part, setText } from './view/dom.js'
import { LinksPanel } from './view/links-panel.js'
import { LogPanel } from './view/log-panel.js'
import { StatusPanel } from './view/status-panel.js'

const logEntriesMax = 200

/** A page served without a config.json falls back to the defaults. */
async function servedSettings(): Promise<unknown> {
  try {
    const response = await fetch(new URL('config.json', document.baseURI))
    return await response.json()
  } catch {
    return undefined
  }
}

const settings = readSettings(location.search, await servedSettings())
setText(part('network', HTMLElement), settings.network)

const log = new EventLog(logEntriesMax, () => new Date())
const session = new Session(settings, {
  onPhase: () => refresh.now(),
  onActivity: () => refresh.soon(),
  onEvent(kind, text) {
    log.add(kind, text)
    refresh.soon()
  },
  onChannel: (channel) => chat.take(channel),
})

const node = () => session.node
const status = new StatusPanel({ join: () => session.join(), leave: () => session.leave() })
const links = new LinksPanel((peer) => chat.open(peer))
const buckets = new BucketsChart()
const counters = new CountersPanel()
const logPanel = new LogPanel(log)
const tellVerb = (text: string) => session.events.onEvent('you', text)
const chat = new ChatPanel(node, (text) => session.events.onEvent('chat', text))
new ValuesForm(node, tellVerb)
new FilesForm(node, tellVerb)

const fieldsets = document.querySelectorAll<HTMLFieldSetElement>('fieldset[data-needs-node]')

const refresh = new Refresh(() => {
  const { phase } = session
  const inspection = phase.type === 'running' ? phase.inspection : undefined
  status.show(pageState(phase, settings.server), phase)
  for (const fieldset of fieldsets) fieldset.disabled = inspection === undefined
  links.show(inspection?.links ?? [])
  buckets.show(inspection?.id ?? '', inspection?.links ?? [])
  counters.show(inspection)
  logPanel.show()
})

await session.join()
