/** The head of the page: who this node is, what state it is in, who introduced it, and the figures that matter. */
import type { Inspection } from 'kadrtc'
import { formatBytes, formatCount, shortId } from '../model/format.js'
import type { PageState, Phase } from '../model/page-state.js'
import { copyOnClick } from './copy-button.js'
import { element, part, setText } from './dom.js'
import { KeyedList } from './keyed-list.js'
import { glyphOf } from './node-name.js'

type IntroducerView = Inspection['introducers'][number]

const introducerStates: Readonly<Record<IntroducerView['state'], string>> = {
  connecting: 'asking',
  welcomed: 'in touch',
  released: 'needed no longer',
  down: 'down',
}

export interface StatusActions {
  join(): void
  leave(): void
}

export class StatusPanel {
  readonly #section = part('status', HTMLElement)
  readonly #title = part('state-title', HTMLElement)
  readonly #detail = part('state-detail', HTMLElement)
  readonly #code = part('state-code', HTMLElement)
  readonly #join = part('join', HTMLButtonElement)
  readonly #leave = part('leave', HTMLButtonElement)
  readonly #openTab = part('open-tab', HTMLAnchorElement)
  readonly #identity = part('identity', HTMLElement)
  readonly #tiles = part('tiles', HTMLElement)
  readonly #introducers = new KeyedList(
    part('introducers', HTMLUListElement),
    ({ name }: IntroducerView) => name,
    introducerRow,
  )
  #shownId = ''

  constructor(actions: StatusActions) {
    this.#openTab.href = location.href
    this.#join.addEventListener('click', () => actions.join())
    this.#leave.addEventListener('click', () => actions.leave())
    copyOnClick(part('copy-id', HTMLButtonElement), () => this.#shownId)
  }

  show(state: PageState, phase: Phase): void {
    const running = phase.type === 'running'
    this.#section.dataset.state = state.name
    setText(this.#title, state.title)
    setText(this.#detail, state.detail)
    setText(this.#code, state.code ?? '')
    this.#code.hidden = state.code === undefined
    this.#join.hidden = state.action !== 'join'
    setText(this.#join, phase.type === 'closed' ? 'Join again' : 'Try again')
    this.#leave.hidden = !running
    this.#openTab.hidden = !running
    this.#openTab.classList.toggle('primary', state.action === 'open-tab')
    this.#identity.hidden = !running
    this.#tiles.hidden = !running && phase.type !== 'starting'
    document.title = running
      ? `${shortId(phase.inspection.id)} · ${state.title.toLowerCase()} · kadrtc`
      : `${state.title} · kadrtc`
    if (running) this.#showId(phase.inspection.id)
    this.#introducers.show(running ? phase.inspection.introducers : [])
    this.#showTiles(running ? phase.inspection : undefined)
  }

  #showId(id: string): void {
    if (id === this.#shownId) return
    this.#shownId = id
    setText(part('short-id', HTMLElement), shortId(id))
    setText(part('own-id', HTMLElement), id)
    part('own-glyph', HTMLElement).replaceChildren(glyphOf(id))
  }

  #showTiles(inspection: Inspection | undefined): void {
    const tile = (name: string, figure: number | undefined, format = formatCount) =>
      setText(part(`tile-${name}`, HTMLElement), figure === undefined ? '–' : format(figure))
    tile('links', inspection?.links.length)
    tile('contacts', inspection?.contacts)
    tile('dialling', inspection?.dialling)
    tile('records', inspection?.records.count)
    tile('bytes', inspection?.records.bytes, formatBytes)
    tile('published', inspection?.records.published)
  }
}

function introducerRow({ name }: IntroducerView) {
  const state = element('span', { class: 'introducer-state' })
  const row = element(
    'li',
    {},
    element('span', { class: 'lamp', 'aria-hidden': 'true' }),
    element('code', {}, name),
    state,
  )
  return {
    element: row,
    update(introducer: IntroducerView) {
      row.dataset.state = introducer.state
      const why = introducer.error === undefined ? '' : `: ${introducer.error}`
      setText(state, `${introducerStates[introducer.state]}${why}`)
    },
  }
}
