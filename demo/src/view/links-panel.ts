/** The table of links: to whom, why, how far away in time and in the id space, and a way to talk to them. */
import type { LinkInspection } from 'kadrtc'
import { farthestFirst } from '../model/buckets.js'
import { formatDuration, formatElapsed, shortId } from '../model/format.js'
import { element, part, scrollable, setText } from './dom.js'
import { KeyedList, type RowOf } from './keyed-list.js'
import { nodeName } from './node-name.js'

/** What each reason means, for a hover. */
const meanings: Readonly<Record<LinkInspection['reasons'][number], string>> = {
  sibling: 'One of the k nodes nearest to this one: they keep the same records',
  bucket: 'Keeps a far part of the id space in reach',
  greeter: 'Young: one of the two is being introduced',
  app: 'Held open for a channel, such as the chat',
}

export class LinksPanel {
  readonly #table = part('links', HTMLTableElement)
  readonly #none = part('no-links', HTMLElement)
  readonly #rows: KeyedList<LinkInspection>

  constructor(onChat: (peer: string) => void) {
    scrollable(part('links-scroll', HTMLElement))
    this.#rows = new KeyedList(
      part('link-rows', HTMLTableSectionElement),
      ({ peer }) => peer,
      (link) => linkRow(link, onChat),
    )
  }

  show(links: readonly LinkInspection[]): void {
    this.#table.hidden = links.length === 0
    this.#none.hidden = links.length > 0
    this.#rows.show([...links].sort(farthestFirst))
  }
}

function linkRow({ peer }: LinkInspection, onChat: (peer: string) => void): RowOf<LinkInspection> {
  const cell = (name: string, ...children: Node[]) => element('td', { class: name }, ...children)
  const reasons = cell('reasons')
  const [roundTrip, bucket, age] = [cell('number rtt'), cell('number in-bucket'), cell('number age')]
  const chat = element(
    'button',
    { type: 'button', class: 'quiet', 'aria-label': `Chat with ${shortId(peer)}` },
    'Chat',
  )
  chat.addEventListener('click', () => onChat(peer))
  const name = element('th', { scope: 'row', class: 'peer' }, nodeName(peer))
  let shownReasons: string | undefined
  return {
    element: element('tr', {}, name, reasons, roundTrip, bucket, age, cell('talk', chat)),
    update(link) {
      setText(roundTrip, link.rttMs === undefined ? 'measuring' : formatElapsed(link.rttMs))
      setText(bucket, String(link.bucket))
      setText(age, formatDuration(link.openForMs))
      if (link.reasons.join() === shownReasons) return
      shownReasons = link.reasons.join()
      reasons.replaceChildren(...reasonTags(link.reasons))
    },
  }
}

function reasonTags(reasons: LinkInspection['reasons']): HTMLElement[] {
  if (reasons.length === 0) {
    return [
      element('span', { class: 'tag', title: 'Nobody needs it: about to be offered for closing' }, 'idle'),
    ]
  }
  return reasons.map((reason) => element('span', { class: `tag ${reason}`, title: meanings[reason] }, reason))
}
