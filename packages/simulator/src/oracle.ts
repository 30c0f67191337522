/**
 * What lookups could be at best, and what they are elsewhere, on the same nodes and the same latencies: the direct round
 * trip to the owner; greedy routing on perfect tables; and today's usual way, an iterative lookup over perfect
 * k-buckets that opens a connection to each contact it asks.
 */
import {
  bucketIndex,
  compareDistances,
  distanceBits,
  type Id,
  idKey,
  isCloser,
  Lookup,
} from '@kadrtc/kademlia'
import { bestOfBucket, inOtherHalves, linksWantedInto, msPerBit } from '@kadrtc/node'
import type { LatencyModel } from './latency-plane.js'
import type { SeededRandom } from './seeded-random.js'

export interface OracleOptions {
  readonly ids: readonly Id[]
  readonly latencyMs: LatencyModel
  /** Draws which contacts a k-bucket holds. */
  readonly random: SeededRandom
  readonly k: number
  /** Links of a perfect table into each bucket, as a node's settings have it: those with the lowest round-trip times. */
  readonly linksPerBucket: number
  readonly alpha: number
  /** Round trips to open a connection, besides signalling. */
  readonly dialRoundTrips: number
}

interface Peer {
  readonly id: Id
}

export class Oracle {
  readonly #options: OracleOptions
  /** By id, as numbers sort: neighbours in this order share the longest prefixes. */
  readonly #sorted: readonly Id[]
  readonly #tables = new Map<string, readonly Id[]>()
  readonly #buckets = new Map<string, readonly Id[]>()

  constructor(options: OracleOptions) {
    this.#options = options
    this.#sorted = [...options.ids].sort(compareIds)
  }

  roundTripMs(from: Id, to: Id): number {
    const { latencyMs } = this.#options
    return latencyMs(from, to) + latencyMs(to, from)
  }

  /** The `count` nodes closest to `target`, nearest first. */
  closest(target: Id, count: number): Id[] {
    // All of the smallest subtree around the target that holds enough nodes, and no more than twice that many on average.
    // Ids are spread evenly: so deep there is hardly a second one.
    const deepest = Math.min(159, 2 * Math.ceil(Math.log2(this.#sorted.length + 1)))
    for (let prefix = deepest; ; prefix--) {
      const [start, end] = this.#subtree(target, prefix)
      if (end - start < count && prefix > 0) continue
      const near = prefix > 0 ? this.#sorted.slice(start, end) : [...this.#sorted]
      return near.sort((a, b) => compareDistances(target, a, b)).slice(0, count)
    }
  }

  /** Up to `count` different nodes, drawn by `random`, of those that share exactly the first `prefix` bits with `id`. */
  inBucket(id: Id, prefix: number, count: number, random: SeededRandom): Id[] {
    const other = Uint8Array.from(id) as Id
    other[prefix >> 3]! ^= 0x80 >> (prefix & 7)
    const [start, end] = this.#subtree(other, prefix + 1)
    const drawn = new Set<Id>()
    for (let i = 0; i < count && end > start; i++)
      drawn.add(this.#sorted[start + random.integer(end - start)]!)
    return [...drawn]
  }

  /** There and back along the greedy way over perfect tables, in ms, and its hops. */
  greedy(from: Id, target: Id): { readonly ms: number; readonly hops: number } {
    let ms = 0
    let hops = 0
    for (let at = from; ; hops++) {
      const next = this.#best(at, target)
      if (!next) return { ms, hops }
      ms += this.roundTripMs(at, next)
      at = next
    }
  }

  /**
   * An iterative lookup, alpha at once, that dials each contact it asks: a signal over whoever named it and back, the
   * round trips of a connection, then the question. Ms until the first of the k closest has answered.
   */
  dialing(from: Id, target: Id): number {
    const { k, alpha, dialRoundTrips } = this.#options
    const holders = new Set(this.closest(target, k).map(idKey))
    if (holders.has(idKey(from))) return 0
    const namedBy = new Map<string, Id>()
    const linked = this.#bucketContacts(from, target)
    const lookup = new Lookup<Peer>({
      target,
      own: from,
      seeds: linked.map((id) => ({ id })),
      k,
      alpha,
      slowAfterMs: 1e9,
      timeoutMs: 2e9,
    })
    const due: { readonly atMs: number; readonly id: Id }[] = []
    let nowMs = 0
    for (;;) {
      const step = lookup.next(nowMs)
      if (step.type === 'finished') return nowMs
      if (step.type === 'ask') {
        const { id } = step.contact
        const namer = namedBy.get(idKey(id))
        const signalMs = namer ? this.roundTripMs(from, namer) + this.roundTripMs(namer, id) : 0
        // Its own contacts are as far away as any: it has met them and has no link to them.
        const dialMs = signalMs + dialRoundTrips * this.roundTripMs(from, id)
        due.push({ atMs: nowMs + dialMs + this.roundTripMs(from, id), id })
        due.sort((a, b) => b.atMs - a.atMs)
        continue
      }
      const answer = due.pop()!
      nowMs = answer.atMs
      if (holders.has(idKey(answer.id))) return nowMs
      const named = this.#bucketContacts(answer.id, target)
      for (const id of named) if (!namedBy.has(idKey(id))) namedBy.set(idKey(id), answer.id)
      lookup.onReply(
        answer.id,
        named.map((id) => ({ id })),
        nowMs,
      )
    }
  }

  /** The link of a perfect table over which the way is likely to be shortest, as nodes choose; none at the end of the way. */
  #best(at: Id, target: Id): Id | undefined {
    let best: Id | undefined
    let bestMs = Number.POSITIVE_INFINITY
    for (const id of this.#table(at)) {
      if (!isCloser(target, id, at)) continue
      const wayMs = this.roundTripMs(at, id) / 2 + msPerBit * distanceBits(id, target)
      if (wayMs < bestMs) {
        best = id
        bestMs = wayMs
      }
    }
    return best
  }

  /** Siblings, and of each farther bucket the nodes with the lowest round-trip times. */
  #table(of: Id): readonly Id[] {
    const known = this.#tables.get(idKey(of))
    if (known) return known
    const { k } = this.#options
    const siblings = this.closest(of, k + 1).filter((id) => id !== of)
    const perBucket = new Map<number, Id[]>()
    for (const id of this.#sorted) {
      if (id === of) continue
      const bucket = bucketIndex(of, id)
      const members = perBucket.get(bucket)
      if (members) members.push(id)
      else perBucket.set(bucket, [id])
    }
    const table = new Set(siblings)
    for (const [bucket, members] of perBucket)
      for (const id of this.linksInto(of, bucket, members)) table.add(id)
    const links = [...table]
    this.#tables.set(idKey(of), links)
    return links
  }

  /** To which of `members`, of one of its buckets, a node has links if it knows these and has measured them all. */
  linksInto(of: Id, bucket: number, members: readonly Id[]): Id[] {
    const count = linksWantedInto(bucket, this.#options.linksPerBucket)
    const fastest = (ids: readonly Id[], count: number) =>
      lowest(ids, count, (id) => this.roundTripMs(of, id))
    const best = fastest(members, count)
    const inOtherHalf = members.filter((id) => inOtherHalves(bucket, best[0]!, id) && !best.includes(id))
    const ordered = [...best, ...fastest(inOtherHalf, 1)].map((id) => ({ id }))
    return bestOfBucket(bucket, ordered, count).map(({ id }) => id)
  }

  /** What a node with perfect k-buckets names for a target: of its bucket k at random, if there are more. */
  #bucketContacts(of: Id, target: Id): Id[] {
    const { k, random } = this.#options
    const prefix = 159 - bucketIndex(of, target)
    if (prefix > 159) return this.closest(target, k)
    const key = `${idKey(of)}${prefix}`
    const known = this.#buckets.get(key)
    const [start, end] = this.#subtree(target, prefix + 1)
    const members =
      known ??
      random
        .fork(key)
        .sample(
          Array.from({ length: end - start }, (_, i) => i),
          k,
        )
        .map((i) => this.#sorted[start + i]!)
    this.#buckets.set(key, members)
    if (members.length >= k) return [...members].sort((a, b) => compareDistances(target, a, b))
    // A bucket that is not full: the nearest nodes it knows are as near as there are.
    return this.closest(target, k).filter((id) => id !== of)
  }

  /** Where in the sorted ids those lie that share the first `bits` bits with `target`. */
  #subtree(target: Id, bits: number): [start: number, end: number] {
    return [this.#bound(target, bits, 0), this.#bound(target, bits, 1)]
  }

  /** The first index whose id, cut to `bits` bits, is not below (`past` 0) or is above (`past` 1) the target's. */
  #bound(target: Id, bits: number, past: 0 | 1): number {
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (comparePrefixes(this.#sorted[middle]!, target, bits) < past) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** The `count` items of the lowest values, lowest first; between equals the earlier one. Without sorting all: there may be 50,000. */
export function lowest<T>(items: readonly T[], count: number, measure: (item: T) => number): T[] {
  const kept: { readonly item: T; readonly value: number }[] = []
  for (const item of items) {
    const value = measure(item)
    if (kept.length === count && value >= kept.at(-1)!.value) continue
    const at = kept.findIndex((one) => value < one.value)
    kept.splice(at < 0 ? kept.length : at, 0, { item, value })
    if (kept.length > count) kept.pop()
  }
  return kept.map(({ item }) => item)
}

function compareIds(a: Id, b: Id): number {
  return comparePrefixes(a, b, 160)
}

function comparePrefixes(a: Id, b: Id, bits: number): number {
  for (let i = 0; i < 20 && i * 8 < bits; i++) {
    const left = bits - i * 8
    const mask = left >= 8 ? 0xff : (0xff << (8 - left)) & 0xff
    const difference = (a[i]! & mask) - (b[i]! & mask)
    if (difference !== 0) return difference < 0 ? -1 : 1
  }
  return 0
}
