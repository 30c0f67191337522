/**
 * Who holds a record, who moves it, and what goes first when a holder is full. Decisions only: the caller owns the
 * timers, the store and the network.
 */
import { compareDistances } from './distance.js'
import { equalIds, type Id } from './id.js'

export interface ReplicaSet {
  /** The k ids closest to the key, nearest first, our own among them if it belongs there. */
  readonly members: Id[]
  /** Our place among the members, 0 being the closest; -1 when we are not among them. */
  readonly ownRank: number
}

/**
 * The k nodes that should hold `keyId`, as far as we know (paper, section 2.3). `peers` may name `own` or repeat ids.
 * At most k members; fewer only when fewer nodes are known.
 */
export function replicaSet(keyId: Id, own: Id, peers: readonly Id[], k: number): ReplicaSet {
  const byDistance = [own, ...peers].sort((a, b) => compareDistances(keyId, a, b))
  const members: Id[] = []
  let ownRank = -1
  for (const id of byDistance) {
    if (members.length >= k) break
    const last = members.at(-1)
    if (last && equalIds(last, id)) continue
    if (equalIds(id, own)) ownRank = members.length
    members.push(id)
  }
  return { members, ownRank }
}

/**
 * How long the holder of rank `ownRank` waits before it hands a record over: the closest acts at once, the others
 * stand in one step of `rankStepMs` after another, and need not once somebody did it. The rank is that among the
 * holders: leave a newcomer that has nothing yet out of the set. Throws RangeError for a rank below 0.
 */
export function handoverDelayMs(ownRank: number, options: { readonly rankStepMs: number }): number {
  if (!Number.isInteger(ownRank) || ownRank < 0)
    throw new RangeError(`A holder's rank is 0 or more, not ${ownRank}`)
  return ownRank * options.rankStepMs
}

/**
 * How long a node off the replica set caches a value it passed on: `lifeMs` halved for each of the `closerNodes` nodes
 * that are closer to the key than itself (section 2.3: exponentially inversely proportional to that number, so that a
 * popular key is cached widely and an unpopular one leaves no trace far out). Whole milliseconds, down to 0.
 */
export function cacheLifeMs(closerNodes: number, lifeMs: number): number {
  return Math.floor(lifeMs / 2 ** Math.max(0, closerNodes))
}

/** When an author puts a record of that life again: at half-life, so that one missed round loses nothing. */
export function republishDelayMs(lifeMs: number): number {
  return Math.floor(lifeMs / 2)
}

/**
 * The same records in the order in which a full holder drops them: farthest from its own id first, since others are
 * closer to those and hold them too. Records of one key keep their order.
 */
export function evictionOrder<R extends { readonly keyId: Id }>(own: Id, records: readonly R[]): R[] {
  return [...records].sort((a, b) => compareDistances(own, b.keyId, a.keyId))
}
