/** What happened, newest on top. Bounded by the log it shows. */
import type { EventLog, LogEntry } from '../model/event-log.js'
import { formatTime } from '../model/format.js'
import { element, part, scrollable } from './dom.js'
import { KeyedList, type RowOf } from './keyed-list.js'

export class LogPanel {
  readonly #none = part('no-events', HTMLElement)
  readonly #list = scrollable(part('log', HTMLOListElement))
  readonly #rows = new KeyedList(this.#list, ({ number }: LogEntry) => String(number), entryRow)
  #shown: readonly LogEntry[] = []

  constructor(readonly log: EventLog) {
    part('clear-log', HTMLButtonElement).addEventListener('click', () => {
      log.clear()
      this.show()
    })
  }

  show(): void {
    const { entries } = this.log
    if (entries === this.#shown) return
    this.#shown = entries
    this.#none.hidden = entries.length > 0
    this.#list.hidden = entries.length === 0
    this.#rows.show(entries.toReversed())
  }
}

function entryRow({ at, kind, text }: LogEntry): RowOf<LogEntry> {
  const time = element('time', { datetime: at.toISOString() }, formatTime(at))
  const row = element(
    'li',
    {},
    time,
    element('span', { class: `kind ${kind}` }, kind),
    element('span', {}, text),
  )
  return { element: row, update() {} }
}
