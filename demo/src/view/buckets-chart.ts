/**
 * The k-buckets: the id space by distance from this node, in which each bucket is half of what is nearer than the one
 * above it and every link a line in its peer's colour; and below it a row for each bucket in use.
 */
import type { LinkInspection } from 'kadrtc'
import { distanceFraction, type UsedBucket, usedBuckets } from '../model/buckets.js'
import { formatElapsed, formatPlural, formatShare, shortId } from '../model/format.js'
import { nodeGlyph } from '../model/node-glyph.js'
import { element, part, setText, svgElement } from './dom.js'
import { KeyedList, type RowOf } from './keyed-list.js'
import { glyphOf } from './node-name.js'

/** Buckets that are wide enough to be seen: the next would be a thousandth of the strip. */
const bucketsDrawn = 10
const [width, height] = [1000, 40]

export class BucketsChart {
  readonly #lines = svgElement('g')
  readonly #none = part('no-buckets', HTMLElement)
  readonly #rows = new KeyedList(
    part('buckets', HTMLOListElement),
    ({ bucket }: UsedBucket) => String(bucket),
    bucketRow,
  )
  #drawn = ''

  constructor() {
    const buckets = Array.from({ length: bucketsDrawn }, (_, halvings) => {
      const end = width / 2 ** halvings
      return svgElement('rect', { x: end / 2, y: 0, width: end / 2, height })
    })
    const view = { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none' }
    part('id-space', HTMLElement).replaceChildren(
      svgElement('svg', view, ...buckets, this.#lines),
      element('span', {}, 'this node'),
      element('span', {}, 'farthest'),
    )
  }

  /** `own` is this node's id in hex. */
  show(own: string, links: readonly LinkInspection[]): void {
    const used = usedBuckets(links)
    this.#none.hidden = used.length > 0
    this.#rows.show(used)
    const drawn = links.map(({ peer }) => peer).join()
    if (drawn === this.#drawn) return
    this.#drawn = drawn
    this.#lines.replaceChildren(
      ...links.map(({ peer }) => linkLine(peer, distanceFraction(own, peer) * width)),
    )
  }
}

function linkLine(peer: string, x: number): SVGLineElement {
  const line = svgElement('line', {
    x1: x,
    x2: x,
    y1: 7,
    y2: height - 7,
    'vector-effect': 'non-scaling-stroke',
  })
  line.style.setProperty('--hue', String(nodeGlyph(peer).hue))
  return line
}

function bucketRow({ bucket }: UsedBucket): RowOf<UsedBucket> {
  const blocks = element('span', { class: 'blocks', 'aria-hidden': 'true' })
  const count = element('span', { class: 'count' })
  const shown = new KeyedList(blocks, ({ peer }: LinkInspection) => peer, linkBlock)
  const number = element('span', { class: 'bucket-number' }, String(bucket))
  const share = element('span', { class: 'share', title: 'of the id space' }, formatShare(bucket))
  return {
    element: element('li', {}, number, share, blocks, count),
    update({ links }) {
      shown.show(links)
      setText(count, formatPlural(links.length, 'link'))
    },
  }
}

function linkBlock({ peer }: LinkInspection): RowOf<LinkInspection> {
  const block = element('span', { class: 'block' }, glyphOf(peer))
  return {
    element: block,
    update({ rttMs }) {
      block.title = rttMs === undefined ? shortId(peer) : `${shortId(peer)}, ${formatElapsed(rttMs)}`
    },
  }
}
