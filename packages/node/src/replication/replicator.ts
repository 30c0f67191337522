/**
 * Keeps each record on the k nodes closest to its key while neighbours come and go (Kademlia paper, section 2.5, made
 * event-driven). When a neighbour becomes one of the k, the closest holder hands the record over at once; the others
 * stand in one step later each, offer only a digest, and find it is there. The hourly digest is the backstop.
 */
import { compareDistances, handoverDelayMs, type Id, idKey } from '@kadrtc/kademlia'
import type { LinkTable } from '../overlay/link-table.js'
import type { Clock, Timer } from '../ports/clock.js'
import { type Random, randomFraction } from '../ports/random.js'
import type { RecordShelf } from '../records/record-shelf.js'
import type { Rpc } from '../rpc/rpc.js'
import type { Settings } from '../settings.js'

export interface ReplicatorPorts {
  readonly own: Id
  readonly links: LinkTable
  readonly shelf: RecordShelf
  readonly rpc: Rpc
  readonly clock: Clock
  readonly random: Random
  readonly settings: Settings
}

/** Entries of one digest; the wire's limit. */
const digestEntries = 512
/** Records handed to one peer at once: its link and its store are shared with live traffic. A guess. */
const handedAtOnce = 8

/** Records to offer one peer when their wait is over. One batch per peer and rank: at most links x k. */
interface Batch {
  readonly peer: Id
  readonly slots: Set<string>
  readonly timer: Timer
}

export class Replicator {
  readonly counters = { offered: 0, handedOver: 0 }
  readonly #batches = new Map<string, Batch>()
  #hourly: Timer | undefined
  #closed = false

  constructor(readonly ports: ReplicatorPorts) {
    this.#scheduleDigests()
  }

  /** `peer` has been linked: offer it what it should hold. */
  onPeerJoined(peer: Id): void {
    this.#forEachHeld((slot, keyId, peers) => {
      const others = peers.filter((id) => id !== peer)
      if (countCloser(keyId, peer, [...others, this.ports.own]) < this.ports.settings.k) {
        this.#plan(slot, peer, countCloser(keyId, this.ports.own, others))
      }
    })
  }

  /** `peer` has gone: whoever moved up into its place in a replica set is offered the record. */
  onPeerLeft(peer: Id): void {
    const { own, settings } = this.ports
    this.#forEachHeld((slot, keyId, peers) => {
      const all = [...peers, own]
      if (countCloser(keyId, peer, all) >= settings.k || all.length < settings.k) return
      const entrant = all.sort((a, b) => compareDistances(keyId, a, b))[settings.k - 1]
      if (!entrant || entrant === own) return
      this.#plan(slot, entrant, countCloser(keyId, own, peers))
    })
  }

  close(): void {
    this.#closed = true
    this.#hourly?.cancel()
    for (const { timer } of this.#batches.values()) timer.cancel()
    this.#batches.clear()
  }

  #forEachHeld(visit: (slot: string, keyId: Id, peers: Id[]) => void): void {
    if (this.#closed) return
    const peers = this.ports.links.peers()
    for (const { slot, keyId, cached } of this.ports.shelf.entries()) if (!cached) visit(slot, keyId, peers)
  }

  #plan(slot: string, peer: Id, ownRank: number): void {
    const { settings, clock, random } = this.ports
    const rank = Math.min(ownRank, settings.k)
    const key = `${rank}:${idKey(peer)}`
    const standing = this.#batches.get(key)
    if (standing) {
      standing.slots.add(slot)
      return
    }
    const jitterMs = 50 + 100 * randomFraction(random)
    const delayMs = jitterMs + handoverDelayMs(rank, { rankStepMs: settings.handoverStepMs })
    const timer = clock.setTimer(delayMs, () => {
      this.#batches.delete(key)
      this.#offer(peer, batch.slots).catch(() => undefined)
    })
    const batch: Batch = { peer, slots: new Set([slot]), timer }
    this.#batches.set(key, batch)
  }

  /** Offers digests, then stores what the peer wants. A peer that is gone by now ends it: its leaving plans anew. */
  async #offer(peer: Id, slots: Iterable<string>): Promise<void> {
    const { shelf, links, rpc } = this.ports
    const held = [...slots].filter((slot) => shelf.entry(slot)?.cached === false)
    for (let start = 0; start < held.length; start += digestEntries) {
      const link = links.get(peer)
      if (!link || this.#closed) return
      const part = held.slice(start, start + digestEntries)
      const entries = part.map((slot) => shelf.entry(slot)!)
      this.counters.offered += entries.length
      const { reply } = await rpc.request({ kind: 'link', link }, { type: 'digest', entries })
      await this.#hand(
        peer,
        part.filter((_, index) => reply.wanted[index]),
      )
    }
  }

  async #hand(peer: Id, slots: readonly string[]): Promise<void> {
    const waiting = [...slots]
    const worker = async () => {
      for (let slot = waiting.shift(); slot !== undefined; slot = waiting.shift()) {
        const link = this.ports.links.get(peer)
        const record = await this.ports.shelf.read(slot)
        if (!link || this.#closed) return
        if (!record) continue
        await this.ports.rpc.request({ kind: 'link', link }, { type: 'store', record, cached: false })
        this.counters.handedOver += 1
      }
    }
    await Promise.allSettled(Array.from({ length: Math.min(handedAtOnce, slots.length) }, worker))
  }

  #scheduleDigests(): void {
    const { clock, random, settings, links } = this.ports
    const delayMs = settings.digestIntervalMs * (0.75 + randomFraction(random) / 2)
    this.#hourly = clock.setTimer(delayMs, () => {
      this.#scheduleDigests()
      for (const peer of links.peers()) this.onPeerJoined(peer)
      this.ports.shelf.expire().catch(() => undefined)
    })
  }
}

function countCloser(keyId: Id, than: Id, ids: readonly Id[]): number {
  let closer = 0
  for (const id of ids) if (compareDistances(keyId, id, than) < 0) closer += 1
  return closer
}
