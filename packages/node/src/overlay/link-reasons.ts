/**
 * Why each link lives (DESIGN, links and their budget). Pure: computed from the links as they stand, so that no
 * reason can outlive its cause.
 */
import { bucketIndex, compareDistances, type Id, idKey } from '@kadrtc/kademlia'
import type { Settings } from '../settings.js'
import type { Neighbour } from './link-table.js'

/** sibling: one of my k nearest. bucket: keeps a far bucket reachable. greeter: young, or being introduced. app: pinned. */
export type LinkReason = 'sibling' | 'bucket' | 'greeter' | 'app'

export interface ReasonInputs {
  readonly own: Id
  readonly neighbours: readonly Neighbour[]
  /** Peers an app has a channel to. */
  readonly pinned: ReadonlySet<string>
  readonly settings: Settings
  readonly nowMs: number
}

/** Reasons by `idKey` of the peer; a peer with an empty list is needed no longer. */
export function linkReasons(inputs: ReasonInputs): Map<string, LinkReason[]> {
  const { own, neighbours, pinned, settings, nowMs } = inputs
  const reasons = new Map<string, LinkReason[]>()
  const byDistance = [...neighbours].sort((a, b) => compareDistances(own, a.link.peer, b.link.peer))
  const perBucket = new Map<number, Neighbour[]>()
  byDistance.forEach((neighbour, rank) => {
    const { peer } = neighbour.link
    const list: LinkReason[] = rank < settings.k ? ['sibling'] : []
    if (nowMs - neighbour.openedAtMs < settings.greetingMs) list.push('greeter')
    if (pinned.has(idKey(peer))) list.push('app')
    reasons.set(idKey(peer), list)
    const bucket = bucketIndex(own, peer)
    perBucket.set(bucket, [...(perBucket.get(bucket) ?? []), neighbour])
  })
  for (const bucket of perBucket.values()) {
    const best = bucket.sort(preferred).slice(0, settings.linksPerBucket)
    for (const { link } of best) reasons.get(idKey(link.peer))!.push('bucket')
  }
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
