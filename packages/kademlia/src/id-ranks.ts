/**
 * Ids that are compared with many keys: how many of them are closer to one than another id is, and who is n-th.
 *
 *   const ranks = new IdRanks(neighbours)
 *   const isReplica = ranks.countCloser(key, own, k) < k
 *
 * The first 31 bits nearly always decide, as numbers that every engine keeps unboxed; the whole id is compared only when
 * they tie.
 */
import { compareDistances } from './distance.js'
import type { Id } from './id.js'

export class IdRanks {
  readonly #heads: readonly number[]

  constructor(readonly ids: readonly Id[]) {
    this.#heads = ids.map(headOf)
  }

  /** How many are strictly closer to `target` than `than` is; what is beyond `most` is not counted: then `most` + 1. */
  countCloser(target: Id, than: Id, most = Number.POSITIVE_INFINITY): number {
    const heads = this.#heads
    const targetHead = headOf(target)
    const limit = headOf(than) ^ targetHead
    let closer = 0
    for (let i = 0; i < heads.length; i++) {
      const head = heads[i]! ^ targetHead
      if (head > limit || (head === limit && compareDistances(target, this.ids[i]!, than) >= 0)) continue
      if (++closer > most) break
    }
    return closer
  }

  /** The index of the one that `rank` others are closer to `target` than; undefined when there are no more than that. */
  indexAt(target: Id, rank: number): number | undefined {
    const heads = this.#heads
    const targetHead = headOf(target)
    const order = heads.map((_, index) => index)
    order.sort((a, b) => {
      const difference = (heads[a]! ^ targetHead) - (heads[b]! ^ targetHead)
      return difference === 0 ? compareDistances(target, this.ids[a]!, this.ids[b]!) : difference
    })
    return order[rank]
  }
}

/** The first 31 bits. */
function headOf(id: Id): number {
  return ((id[0]! << 24) | (id[1]! << 16) | (id[2]! << 8) | id[3]!) >>> 1
}
