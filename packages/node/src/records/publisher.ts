/**
 * Own records: makes them, brings them to the k closest, and puts them there again at half-life for as long as this
 * node is online, and after a restart (Kademlia paper, section 2.5). What it published is kept in a store of its own.
 */
import {
  compareRecords,
  type Id,
  type KadRecord,
  recordLimits,
  republishDelayMs,
  slotOf,
} from '@kadrtc/kademlia'
import { decodeRecord, encodeRecord } from '@kadrtc/wire'
import { KadrtcError } from '../errors.js'
import type { Contact } from '../lookups/contact.js'
import { findClosest } from '../lookups/find-closest.js'
import type { Timer } from '../ports/clock.js'
import type { Awaitable } from '../ports/identity.js'
import { type Random, randomFraction } from '../ports/random.js'
import type { RecordStore } from '../ports/record-store.js'
import { linkedReplicas } from '../replication/replica-rank.js'
import { Placement, type PlacementPorts, type StoreOptions, type StoreOutcome } from './placement.js'
import type { RecordProofs } from './proofs.js'

export interface PublisherPorts extends PlacementPorts {
  readonly random: Random
  readonly proofs: RecordProofs
  readonly published: RecordStore
  readonly onStoreFailed: (error: unknown) => void
}

interface Publication {
  readonly record: KadRecord
  readonly dueAtMs: number
  /** How many of the k closest were found when it was last put. */
  readonly wanted: number
}

/** Own records republished within one tick: the rest wait for the next. */
const republishedAtOnce = 16
/** After a restart, and when links have come, republishing is spread over this time. A guess. */
const restartSpreadMs = 5_000

export class Publisher {
  readonly #publications = new Map<string, Publication>()
  /** Records that are being brought to their replicas; bounded by what apps put at once. */
  readonly #placements = new Set<Placement>()
  #timer: Timer | undefined
  #highestSeq: number | undefined
  #closed = false

  constructor(
    readonly ports: PublisherPorts,
    readonly publishedMax: number,
  ) {}

  get count(): number {
    return this.#publications.size
  }

  /** The newest record that this node published in a slot. */
  published(slot: string): KadRecord | undefined {
    return this.#publications.get(slot)?.record
  }

  /** Of all signed records published here, earlier runs included. */
  get highestSeq(): number | undefined {
    return this.#highestSeq
  }

  /** Reads what earlier runs published; those records are put again soon. */
  async load(): Promise<void> {
    const { published, clock, random } = this.ports
    const rubbish: string[] = []
    for (const [slot, bytes] of await published.scan()) {
      const record = tryDecode(bytes)
      if (!record || record.expiresAtMs <= clock.wallMs()) rubbish.push(slot)
      // Put while the store was being read, and written over it: the newer is to be there.
      else if (this.#publications.has(slot)) this.#remember(slot, record, this.ports.settings.k)
      else {
        this.#publications.set(slot, {
          record,
          dueAtMs: clock.now() + restartSpreadMs * randomFraction(random),
          wanted: this.ports.settings.k,
        })
        this.#noteSeq(record)
      }
    }
    const unused = rubbish.filter((slot) => !this.#publications.has(slot))
    if (unused.length > 0) await published.delete(unused)
    this.#schedule()
  }

  /**
   * Stores a new own record under `keyId` and goes on republishing it. The record may still be being signed: its k closest
   * are found meanwhile. Where its replicas are linked it does not wait for that: the answers only make sure. Rejects with NOT_STORED, CONFLICT, BUSY,
   * CLOSED, or the signal's reason.
   */
  async publish(keyId: Id, making: Awaitable<KadRecord>, options: StoreOptions): Promise<StoreOutcome> {
    this.#throwIfClosed()
    let placement: Placement | undefined
    let heard = this.#linkedReplicas(keyId)
    const finding = findClosest(this.ports, keyId, {
      signal: options.signal,
      inDoubt: options.until === 'all' ? 'wait' : 'tell',
      onHeard: (closest) => {
        heard = closest
        placement?.aim(closest)
      },
    })
    finding.catch(() => undefined)
    const record = await making
    const slot = slotOf(record)
    if (!this.#publications.has(slot) && this.#publications.size >= this.publishedMax) {
      throw new KadrtcError('BUSY', 'this node publishes too many records')
    }
    placement = this.#place(record, options)
    placement.aim(heard)
    placement.finish(await finding)
    const outcome = await placement.outcome.catch((error) => {
      if (!(error instanceof KadrtcError) || error.code !== 'NOT_STORED') throw error
      return this.#placeCarefully(record, options)
    })
    this.#remember(slot, record, outcome.wanted)
    return outcome
  }

  /**
   * A link has opened, and there are `links` now. What was put when few others could be found, as by who was alone then or on an
   * island, may lie where nobody looks for it: it is put again, once there are more.
   */
  onLinkOpened(links: number): void {
    const { clock, random, settings } = this.ports
    const few = settings.k / 2
    if (links < few) return
    const nowMs = clock.now()
    let found = false
    for (const [slot, publication] of this.#publications) {
      if (publication.wanted >= few || publication.dueAtMs <= nowMs + restartSpreadMs) continue
      const dueAtMs = nowMs + restartSpreadMs * randomFraction(random)
      this.#publications.set(slot, { ...publication, dueAtMs })
      found = true
    }
    if (found) this.#schedule()
  }

  #linkedReplicas(keyId: Id): readonly Contact[] {
    const { own, links, settings } = this.ports
    return linkedReplicas(own, keyId, links, settings.k).map((id) => ({ id, route: [id] }))
  }

  /** Nobody whom the fast way found took the record: they are not the closest. */
  async #placeCarefully(record: KadRecord, options: StoreOptions): Promise<StoreOutcome> {
    const { signal } = options
    this.#throwIfClosed()
    const closest = await findClosest(this.ports, record.keyId, { signal, paths: this.ports.settings.paths })
    const placement = this.#place(record, options)
    placement.finish(closest)
    return placement.outcome
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    for (const placement of [...this.#placements]) placement.close()
  }

  #throwIfClosed(): void {
    if (this.#closed) throw new KadrtcError('CLOSED', 'the node')
  }

  #place(record: KadRecord, options: StoreOptions): Placement {
    this.#throwIfClosed()
    const placement = new Placement(this.ports, record, options)
    this.#placements.add(placement)
    placement.onQuiet = () => this.#placements.delete(placement)
    placement.goAhead()
    return placement
  }

  #noteSeq(record: KadRecord): void {
    if (record.kind === 'signed') this.#highestSeq = Math.max(this.#highestSeq ?? 0, record.seq)
  }

  /** Unless something newer stands there: of two puts the older may be the one that settles last. */
  #remember(slot: string, record: KadRecord, wanted: number): void {
    if (this.#closed) return
    this.#noteSeq(record)
    const standing = this.#publications.get(slot)
    if (standing && compareRecords(standing.record, record) > 0) return
    const { published, clock, onStoreFailed } = this.ports
    const lifeMs = record.expiresAtMs - clock.wallMs()
    this.#publications.set(slot, { record, dueAtMs: clock.now() + republishDelayMs(lifeMs), wanted })
    published.put([[slot, encodeRecord(record)]]).catch(onStoreFailed)
    this.#schedule()
  }

  #schedule(): void {
    this.#timer?.cancel()
    if (this.#closed || this.#publications.size === 0) return
    let dueAtMs = Number.POSITIVE_INFINITY
    for (const publication of this.#publications.values()) dueAtMs = Math.min(dueAtMs, publication.dueAtMs)
    const delayMs = Math.min(2 ** 30, Math.max(1_000, dueAtMs - this.ports.clock.now()))
    this.#timer = this.ports.clock.setTimer(delayMs, () => {
      this.#republishDue().then(
        () => this.#schedule(),
        () => this.#schedule(),
      )
    })
  }

  async #republishDue(): Promise<void> {
    const nowMs = this.ports.clock.now()
    const due = [...this.#publications]
      .filter(([, { dueAtMs }]) => dueAtMs <= nowMs)
      .slice(0, republishedAtOnce)
    for (const [slot, { record }] of due) {
      if (this.#closed) return
      const renewed = await this.#renew(record)
      // The app may have put something newer under this slot while others were being republished.
      if (this.#publications.get(slot)?.record !== record) continue
      if (!renewed) {
        this.#publications.delete(slot)
        await this.ports.published.delete([slot])
        continue
      }
      this.#remember(slot, renewed, this.ports.settings.k)
      const placement = this.#place(renewed, { until: 'all' })
      placement.finish(await findClosest(this.ports, renewed.keyId, { inDoubt: 'wait' }))
      const outcome = await placement.outcome.catch(() => undefined)
      const standing = this.#publications.get(slot)
      if (outcome && standing?.record === renewed)
        this.#publications.set(slot, { ...standing, wanted: outcome.wanted })
    }
  }

  /** The same record with a new life. A tombstone lives out its own: what it buried is gone by then. */
  async #renew(record: KadRecord): Promise<KadRecord | undefined> {
    const nowMs = this.ports.clock.wallMs()
    const expiresAtMs = Math.max(record.expiresAtMs, nowMs + recordLimits.lifeMsDefault)
    if (record.kind === 'content') return { ...record, expiresAtMs }
    if (record.deleted) return record.expiresAtMs > nowMs + 1_000 ? record : undefined
    return this.ports.proofs.sign({ ...record, expiresAtMs })
  }
}

function tryDecode(bytes: Uint8Array): KadRecord | undefined {
  try {
    return decodeRecord(bytes)
  } catch {
    return undefined
  }
}
