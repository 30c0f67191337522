/** Some seconds after neighbours have left, those who have moved up into their places in replica sets are offered the records. */
import { equalIds, headOf, type Id, RankOf } from '@kadrtc/kademlia'
import type { Contact } from '../lookups/contact.js'
import type { Clock, Timer } from '../ports/clock.js'
import { type Random, randomFraction } from '../ports/random.js'
import type { RecordShelf } from '../records/record-shelf.js'
import type { Settings } from '../settings.js'
import { Entrants } from './entrants.js'

/**
 * Those who leave within some seconds are mended together: of those who move up one in three is pushed out again by a
 * newcomer meanwhile. The more replicas there are, the longer one may be missing: so long for each. With k = 20 that is
 * about as long as it takes to notice a crash, and far less than the five minutes within which nothing is lost.
 */
const delayPerReplicaMs = 1_000

export interface MendingPorts {
  readonly own: Id
  readonly neighbourhood: { members(): readonly Contact[] }
  readonly shelf: RecordShelf
  readonly clock: Clock
  readonly random: Random
  readonly settings: Settings
}

export interface MendingActs {
  /** Of the holders of a record so many that are farther than the closest see to it too, in case that one does not. */
  readonly rankMost: number
  /** Does this node look after the replica set of a key? */
  seesTo(keyId: Id): boolean
  /** `peer` is to have the record in `slot`, to whose key this node is closer than all but `rank` others. */
  offer(slot: string, keyId: Id, peer: Contact, rank: number): void
}

export class Mending {
  /** From the first departure on until who has moved up is offered its records. */
  #planned: Timer | undefined
  /** The departures that were mended last, and the records that this node saw to. */
  #last: { readonly entrants: Entrants; readonly seenTo: ReadonlySet<string> } | undefined

  constructor(
    readonly ports: MendingPorts,
    readonly acts: MendingActs,
  ) {}

  onLeft(gone: Id): void {
    const { clock, random, settings, neighbourhood } = this.ports
    if (this.#planned) return
    const others = neighbourhood.members().map(({ id }) => id)
    const before = [...others.filter((id) => !equalIds(id, gone)), gone]
    // Who heard of the same departure is not to act at the same moment.
    const delayMs = settings.k * delayPerReplicaMs * (0.75 + randomFraction(random) / 2)
    this.#planned = clock.setTimer(delayMs, () => {
      this.#planned = undefined
      // With fewer all who were there held everything, whoever is left.
      if (before.length >= settings.k) this.#mend(before)
    })
  }

  close(): void {
    this.#planned?.cancel()
  }

  /** Offers records to who has moved up since `before`. Newcomers are offered them as they come. */
  #mend(before: readonly Id[]): void {
    const { own, settings, neighbourhood, shelf } = this.ports
    const { rankMost, seesTo, offer } = this.acts
    const members = neighbourhood.members()
    const ids = members.map(({ id }) => id)
    const ownRank = new RankOf(own, ids)
    const entrants = new Entrants(own, before, ids, settings.k)
    const last = this.#last
    const missed = last && new Entrants(own, last.entrants.before, ids, settings.k, { newcomersToo: true })
    const seenTo = new Set<string>()
    this.#last = { entrants, seenTo }
    const mayBe = (head: number) =>
      ownRank.atLeast(head) <= rankMost && (entrants.mayBe(head) || missed?.mayBe(head) === true)
    shelf.forEachHeld(mayBe, (slot, keyId) => {
      const rank = ownRank.at(keyId)
      if (rank > rankMost || rank >= settings.k || !seesTo(keyId)) return
      seenTo.add(slot)
      // Those who were to see to it last time may have been dead already: the closest of all makes up for it.
      const isHeir = rank === 0 && last?.entrants.mayBe(headOf(keyId)) && !last.seenTo.has(slot)
      for (const place of (isHeir ? missed! : entrants).of(keyId)) offer(slot, keyId, members[place]!, rank)
    })
  }
}
