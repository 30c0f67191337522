/**
 * Why each link lives (DESIGN, links and their budget). Pure: computed from the links as they stand, so that no
 * reason can outlive its cause.
 */
import { bucketIndex, type Id, idKey } from '@kadrtc/kademlia'
import type { Link } from '../ports/link-transport.js'
import type { Settings } from '../settings.js'
import { bestOfBucket, linksWantedInto } from './bucket-links.js'
import type { Neighbour } from './link-table.js'

/** sibling: one of my k nearest. bucket: keeps a far bucket reachable. greeter: young, or being introduced. app: pinned. */
export type LinkReason = 'sibling' | 'bucket' | 'greeter' | 'app'

export interface ReasonInputs {
  readonly own: Id
  /** Nearest first. */
  readonly neighbours: readonly Neighbour[]
  /** Peers an app has a channel to. */
  readonly pinned: ReadonlySet<string>
  readonly settings: Settings
  readonly nowMs: number
}

/** A link with an empty list is needed no longer. */
export function linkReasons(inputs: ReasonInputs): Map<Link, LinkReason[]> {
  const { own, neighbours: byDistance, pinned, settings, nowMs } = inputs
  const reasons = new Map<Link, LinkReason[]>()
  const bestOfBuckets = new Set<Neighbour>()
  // Neighbours of one bucket stand together, nearest buckets first.
  for (let start = 0, end = 0; start < byDistance.length; start = end) {
    const bucket = bucketIndex(own, byDistance[start]!.link.peer)
    while (end < byDistance.length && bucketIndex(own, byDistance[end]!.link.peer) === bucket) end++
    const inBucket = byDistance.slice(start, end)
    const count = linksWantedInto(bucket, settings.linksPerBucket)
    if (inBucket.length > count) inBucket.sort(preferred)
    for (const best of bestOfBucket(bucket, inBucket, count)) bestOfBuckets.add(best)
  }
  byDistance.forEach((neighbour, rank) => {
    const list: LinkReason[] = rank < settings.k ? ['sibling'] : []
    if (nowMs - neighbour.openedAtMs < settings.greetingMs) list.push('greeter')
    if (pinned.size > 0 && pinned.has(idKey(neighbour.id))) list.push('app')
    if (bestOfBuckets.has(neighbour)) list.push('bucket')
    reasons.set(neighbour.link, list)
  })
  return reasons
}

/** Lowest round-trip time first; between equals the oldest, since who stayed long stays longer (paper, section 2.4). */
function preferred(a: Neighbour, b: Neighbour): number {
  const [stepsA, stepsB] = [rttSteps(a), rttSteps(b)]
  return stepsA === stepsB ? a.openedAtMs - b.openedAtMs : stepsA - stepsB
}

/** Round-trip times that differ by a few ms are equal: measured ones waver by as much. */
function rttSteps({ link }: Neighbour): number {
  return Math.floor((link.rttMs ?? Number.POSITIVE_INFINITY) / 10)
}
