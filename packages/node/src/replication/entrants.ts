/** Who has moved up into the k closest to a key since some have left, for many keys. Newcomers are counted if wanted. */
import { type Id, IdRanks, idKey, RankOf } from '@kadrtc/kademlia'

export class Entrants {
  readonly #ranks: IdRanks
  /** By `idKey`: how many were closer, of those who were there before. Made when one is asked for. */
  readonly #before: Map<string, RankOf | undefined>
  readonly #gone: readonly RankOf[]

  /** This node, `own`, was there before, is there now, and is in neither list. */
  constructor(
    readonly own: Id,
    readonly before: readonly Id[],
    readonly now: readonly Id[],
    readonly k: number,
    readonly options: { readonly newcomersToo?: boolean } = {},
  ) {
    this.#ranks = new IdRanks(now)
    this.#before = new Map(before.map((id) => [idKey(id), undefined]))
    const present = new Set(now.map(idKey))
    this.#gone = before.filter((id) => !present.has(idKey(id))).map((id) => this.#rankBefore(id))
  }

  /** Whether there may be any for keys with this head: one of the k has gone. */
  mayBe(keyHead: number): boolean {
    return this.#gone.some((gone) => gone.atLeast(keyHead) < this.k)
  }

  /** Places in `now` of those for a key to which `own` is one of the k closest. */
  *of(keyId: Id): Generator<number> {
    const { newcomersToo } = this.options
    // This node is closer than the last of the k.
    for (let rank = this.k - 2; rank >= 0; rank--) {
      const place = this.#ranks.indexAt(keyId, rank)
      if (place === undefined) continue
      const id = this.now[place]!
      if (this.#before.has(idKey(id))) {
        if (this.#rankBefore(id).at(keyId) < this.k) {
          // So were all that are closer and were there.
          if (!newcomersToo) return
          continue
        }
      } else if (!newcomersToo) continue
      yield place
    }
  }

  #rankBefore(id: Id): RankOf {
    const key = idKey(id)
    const rank = this.#before.get(key) ?? new RankOf(id, [...this.before, this.own])
    this.#before.set(key, rank)
    return rank
  }
}
