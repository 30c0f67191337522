/**
 * Keeps each record on the k nodes closest to its key while neighbours come and go (Kademlia paper, section 2.5, made
 * event-driven). When a newcomer becomes one of the k, the closest holder hands the record over at once; the next two
 * stand in a step later each, offer only a digest, and find it is there. Who moves up because others have left is handed it
 * some seconds later. A record that is new here is offered to the rest of its replica set too, since its author may have missed
 * one of them or be gone: by the closest holder, and by another only if it has heard of no offer. Now and then each holder
 * compares with a few neighbours. The hourly digest to all is the backstop, and with it goes what was left here when closer
 * nodes came.
 */
import { compareDistances, equalIds, handoverDelayMs, type Id, idKey, RankOf } from '@kadrtc/kademlia'
import { KadrtcError } from '../errors.js'
import type { Contact } from '../lookups/contact.js'
import type { LinkTable } from '../overlay/link-table.js'
import type { Clock, Timer } from '../ports/clock.js'
import { type Random, randomFraction } from '../ports/random.js'
import type { RecordShelf } from '../records/record-shelf.js'
import type { Rpc } from '../rpc/rpc.js'
import type { Settings } from '../settings.js'
import { Comparisons } from './comparisons.js'
import { Handover } from './handover.js'
import { retireLeftovers } from './leftovers.js'
import { Mending } from './mending.js'
import { isFar, isLikelyReplica, mayBeReplica, sharesNoRecords } from './replica-rank.js'

/** Who is near, linked or only heard of: the replicas of a key need not all be siblings of each other. */
export interface Neighbourhood {
  members(): readonly Contact[]
  /** Somebody who is not linked did not answer. */
  forget(id: Id): void
}

export interface ReplicatorPorts {
  readonly own: Id
  readonly links: LinkTable
  readonly neighbourhood: Neighbourhood
  readonly shelf: RecordShelf
  readonly rpc: Rpc
  readonly clock: Clock
  readonly random: Random
  readonly settings: Settings
}

/**
 * Of the holders of a record the closest offers it to a new member of its replica set, and so many more in case that one does
 * not: of a hundred holders two or three have crashed and are not missed yet. With all nineteen a departure cost 1,300 digests.
 */
const standIns = 2
/** Who is near and not linked is mostly being dialled: over its link records cost half of what they cost over others. A guess. */
const linkAwaitedMs = 3_000
/** An offer that failed is made again this often, if the peer is still there. A guess. */
const attemptsMax = 3

/** Who is none of a record's replicas brings it to so many of those that are nearest. A guess. */
const nearestTold = 3

/** Records to offer one peer when their wait is over. One batch per peer and rank: at most neighbourhood x k. */
interface Batch {
  readonly peer: Contact
  readonly slots: Set<string>
  readonly timer: Timer
  /** It was not linked when this was planned. */
  readonly isAwaited: boolean
}

/** Records that are new here, to be offered to their replica sets when the wait is over. One a rank. */
interface Fresh {
  readonly slots: Set<string>
  readonly timer: Timer
}

export class Replicator {
  readonly #batches = new Map<string, Batch>()
  readonly #fresh = new Map<number, Fresh>()
  /** Where in `#fresh` a slot stands. */
  readonly #freshOf = new Map<string, Set<string>>()
  readonly #handover: Handover
  readonly #mending: Mending
  #hourly: Timer | undefined
  readonly #comparisons: Comparisons
  #closed = false

  constructor(readonly ports: ReplicatorPorts) {
    this.#handover = new Handover(ports)
    this.#scheduleDigests()
    const { clock, random, settings, neighbourhood } = ports
    this.#mending = new Mending(ports, {
      rankMost: standIns,
      seesTo: (keyId) => this.#seesTo(keyId),
      offer: (slot, keyId, peer, rank) => {
        if (this.#mayOffer(keyId, peer.id)) this.#plan(slot, peer, rank)
      },
    })
    this.#comparisons = new Comparisons({
      clock,
      random,
      settings,
      peers: () => neighbourhood.members().filter(({ id }) => !this.#sharesNoRecords(id)),
      compare: (peer) => this.#offerTo(peer, settings.k, () => true, { staggered: false }),
    })
  }

  get counters(): Handover['counters'] {
    return this.#handover.counters
  }

  /** `peer` is a neighbour now: offer it what it should hold. A former holder leaves that to the k closest, who know better. */
  onPeerJoined(peer: Contact): void {
    if (this.#sharesNoRecords(peer.id)) return
    this.#offerTo(peer, standIns, (keyId) => this.#seesTo(keyId))
  }

  /**
   * Offers it what is ours and what no more than `rankMost` others are closer to than this node. Staggered: later the more of
   * them there are, as many act at once.
   */
  #offerTo(peer: Contact, rankMost: number, isOurs: (keyId: Id) => boolean, { staggered = true } = {}): void {
    const { own, settings, shelf } = this.ports
    if (this.#closed || shelf.count === 0) return
    const others = this.#others().filter((id) => !equalIds(id, peer.id))
    const ownRank = new RankOf(own, others)
    const peerRank = new RankOf(peer.id, [...others, own])
    const mayBe = (head: number) => ownRank.atLeast(head) <= rankMost && peerRank.atLeast(head) < settings.k
    shelf.forEachHeld(mayBe, (slot, keyId) => {
      const rank = ownRank.at(keyId)
      if (rank > rankMost || peerRank.at(keyId) >= settings.k || !isOurs(keyId)) return
      if (this.#mayOffer(keyId, peer.id)) this.#plan(slot, peer, staggered ? rank : 0)
    })
  }

  /** A neighbour has gone: whoever moves up into its place in a replica set is offered the record, some seconds later. */
  onPeerLeft(gone: Id): void {
    if (this.#closed || this.ports.shelf.count === 0 || this.#sharesNoRecords(gone)) return
    this.#comparisons.onChange()
    this.#mending.onLeft(gone)
  }

  /** This node holds a record that it did not hold before. */
  onStored(slot: string, keyId: Id): void {
    if (this.#closed) return
    const { own, clock, random, settings } = this.ports
    const rank = new RankOf(own, this.#others()).at(keyId)
    if (rank >= settings.k) return
    const standing = this.#fresh.get(rank)
    if (standing) {
      standing.slots.add(slot)
      this.#freshOf.set(slot, standing.slots)
      return
    }
    // One step more than for a neighbour that is new: the author's own requests may still be under way.
    const waitMs = handoverDelayMs(rank + 1, { rankStepMs: settings.handoverStepMs })
    const timer = clock.setTimer(waitMs + jitterMs(random), () => {
      this.#fresh.delete(rank)
      for (const fresh of slots) {
        this.#freshOf.delete(fresh)
        this.#offerToReplicas(fresh)
      }
    })
    const slots = new Set([slot])
    this.#fresh.set(rank, { slots, timer })
    this.#freshOf.set(slot, slots)
  }

  /** A holder offered us the very record that we hold: if it is closer than we are, it sees to the replica set. */
  onOffered(slot: string, keyId: Id, holder: Id): void {
    const fresh = this.#freshOf.get(slot)
    if (!fresh || compareDistances(keyId, holder, this.ports.own) > 0) return
    fresh.delete(slot)
    this.#freshOf.delete(slot)
  }

  close(): void {
    this.#closed = true
    this.#handover.close()
    this.#mending.close()
    this.#hourly?.cancel()
    this.#comparisons.close()
    for (const { timer } of [...this.#batches.values(), ...this.#fresh.values()]) timer.cancel()
    this.#batches.clear()
    this.#fresh.clear()
    this.#freshOf.clear()
  }

  #offerToReplicas(slot: string): void {
    const { shelf, neighbourhood, settings } = this.ports
    const entry = shelf.entry(slot)
    if (!entry || entry.cached) return
    const { keyId } = entry
    const nearest = [...neighbourhood.members()].sort((a, b) => compareDistances(keyId, a.id, b.id))
    // Who is hardly one of them brings it to the nearest that it knows, and they see to the others.
    const count = this.#seesTo(keyId) ? settings.k - 1 : nearestTold
    for (const peer of nearest.slice(0, count)) {
      if (this.#mayOffer(keyId, peer.id)) this.#plan(slot, peer, 0)
    }
  }

  /** Who is far from a key knows few who are near it, and would take others for replicas: it offers inward only. */
  #mayOffer(keyId: Id, to: Id): boolean {
    const { own, links, settings } = this.ports
    // Where packets toward the key end somebody has to see to it, and those who are near by mistake are few.
    if (this.#isLast(keyId)) return !isFar(to, keyId, own, links, settings.k, 'absurd')
    if (isFar(to, keyId, own, links, settings.k)) return false
    const isInward = compareDistances(keyId, to, own) < 0
    return isInward || mayBeReplica(own, keyId, links, settings.k)
  }

  /** Does this node look after the replica set of a key? */
  #seesTo(keyId: Id): boolean {
    const { own, links, settings } = this.ports
    return this.#isLast(keyId) || isLikelyReplica(own, keyId, links, settings.k)
  }

  /** However far the key is, packets toward it end here: those who were closer may all have died at once. */
  #isLast(keyId: Id): boolean {
    return this.ports.links.countCloser(keyId) === 0
  }

  #sharesNoRecords(other: Id): boolean {
    const { own, links, settings } = this.ports
    return sharesNoRecords(own, other, links, settings.k)
  }

  #others(): Id[] {
    return this.ports.neighbourhood.members().map(({ id }) => id)
  }

  #plan(slot: string, peer: Contact, ownRank: number, attempt = 0): void {
    const { settings, clock, random, links } = this.ports
    const rank = Math.min(ownRank, settings.k)
    const key = `${rank}:${attempt}:${idKey(peer.id)}`
    const isAwaited = !links.has(peer.id)
    const standing = this.#batches.get(key)
    if (standing && (isAwaited || !standing.isAwaited)) {
      standing.slots.add(slot)
      return
    }
    // The link stands now: what waited for it goes along.
    standing?.timer.cancel()
    const delayMs =
      jitterMs(random) +
      (isAwaited ? linkAwaitedMs : 0) +
      handoverDelayMs(rank + attempt, { rankStepMs: settings.handoverStepMs })
    const timer = clock.setTimer(delayMs, () => {
      this.#batches.delete(key)
      this.#handover
        .offer(peer, batch.slots)
        .catch((error) => this.#onOfferFailed(batch, rank, attempt, error))
    })
    const batch: Batch = { peer, slots: new Set([...(standing?.slots ?? []), slot]), timer, isAwaited }
    this.#batches.set(key, batch)
  }

  /** Who is gone has its leaving planned by that; who is only busy is offered again. */
  #onOfferFailed({ peer, slots }: Batch, rank: number, attempt: number, error: unknown): void {
    const { links, neighbourhood } = this.ports
    const silent = error instanceof KadrtcError && (error.code === 'TIMEOUT' || error.code === 'UNREACHABLE')
    if (this.#closed) return
    if (silent && !links.has(peer.id)) neighbourhood.forget(peer.id)
    else if (attempt < attemptsMax) for (const slot of slots) this.#plan(slot, peer, rank, attempt + 1)
  }

  #scheduleDigests(): void {
    const { clock, random, settings, neighbourhood } = this.ports
    const delayMs = settings.digestIntervalMs * (0.75 + randomFraction(random) / 2)
    this.#hourly = clock.setTimer(delayMs, () => {
      this.#scheduleDigests()
      for (const peer of neighbourhood.members()) this.#offerTo(peer, settings.k, () => true)
      retireLeftovers(this.ports, this.#handover)
      this.ports.shelf.expire().catch(() => undefined)
    })
  }
}

/** Many holders hear of a change at the same moment, and their offers need not arrive at the same one. */
function jitterMs(random: Random): number {
  return 50 + 100 * randomFraction(random)
}
