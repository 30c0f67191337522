/**
 * Ranks by distance, asked for many keys: how many of some ids are closer to a key than a certain one, and who is n-th.
 *
 *   const rank = new RankOf(own, neighbours)
 *   const isReplica = rank.at(key) < k
 */
import { commonPrefixLength, compareDistances } from './distance.js'
import { type Id, idBits } from './id.js'

/** Of `headOf`. */
const headBits = 31

/**
 * How many of `ids` are strictly closer to a key than `than` is.
 *
 * An id is closer to a key than `than` exactly when the key has the id's bit at the first place where the two differ. So it
 * is enough to know how many differ from `than` first at each place, and to add up those of the places where the key does.
 */
export class RankOf {
  readonly #head: number
  /** How many differ first at each of the first 31 bits. */
  readonly #counts: readonly number[]
  /** The bits at which any does, as `headOf` counts them. */
  #mask = 0
  /** The same, as [bit, how many], of those beyond. */
  readonly #deep = new Map<number, number>()

  constructor(
    readonly than: Id,
    ids: Iterable<Id>,
  ) {
    const counts: number[] = new Array(headBits).fill(0)
    for (const id of ids) {
      const bit = commonPrefixLength(than, id)
      if (bit < headBits) {
        counts[bit]!++
        this.#mask |= 1 << (headBits - 1 - bit)
      } else if (bit < idBits) this.#deep.set(bit, (this.#deep.get(bit) ?? 0) + 1)
    }
    this.#counts = counts
    this.#head = headOf(than)
  }

  at(key: Id): number {
    let closer = this.atLeast(headOf(key))
    if (this.#deep.size === 0) return closer
    for (const [bit, count] of this.#deep) if (this.#differsAt(key, bit)) closer += count
    return closer
  }

  /** No more than `at` says of any key with this head: nearly always as much. For many keys, whose heads stand together. */
  atLeast(keyHead: number): number {
    let closer = 0
    let differing = (keyHead ^ this.#head) & this.#mask
    while (differing !== 0) {
      const bit = Math.clz32(differing) - 1
      closer += this.#counts[bit]!
      differing ^= 1 << (headBits - 1 - bit)
    }
    return closer
  }

  #differsAt(key: Id, bit: number): boolean {
    const byte = bit >> 3
    return (((key[byte]! ^ this.than[byte]!) << (bit & 7)) & 0x80) !== 0
  }
}

/** Who of some ids is n-th, for many keys. The first 31 bits nearly always decide; the whole id is compared only when they tie. */
export class IdRanks {
  readonly #heads: readonly number[]

  constructor(readonly ids: readonly Id[]) {
    this.#heads = ids.map(headOf)
  }

  /** The index of the one that `rank` others are closer to `target` than; undefined when there are no more than that. */
  indexAt(target: Id, rank: number): number | undefined {
    const { length } = this.#heads
    if (rank >= length) return undefined
    const targetHead = headOf(target)
    // The distance and the index in one number, so that numbers are sorted.
    const order = new Float64Array(length)
    for (let index = 0; index < length; index++)
      order[index] = (this.#heads[index]! ^ targetHead) * length + index
    order.sort()
    const distanceAt = (place: number) => Math.floor(order[place]! / length)
    const isTied = distanceAt(rank) === distanceAt(rank - 1) || distanceAt(rank) === distanceAt(rank + 1)
    return isTied ? this.#indexAmongTied(target, rank) : order[rank]! % length
  }

  #indexAmongTied(target: Id, rank: number): number {
    const order = this.ids.map((_, index) => index)
    return order.sort((a, b) => compareDistances(target, this.ids[a]!, this.ids[b]!))[rank]!
  }
}

/** The first 31 bits, as an integer that every engine keeps unboxed. */
export function headOf(id: Id): number {
  return ((id[0]! << 24) | (id[1]! << 16) | (id[2]! << 8) | id[3]!) >>> 1
}
