/**
 * Own records: makes them, brings them to the k closest, and puts them there again at half-life for as long as this
 * node is online, and after a restart (Kademlia paper, section 2.5). What it published is kept in a store of its own.
 */
import {
  compareDistances,
  type Id,
  type KadRecord,
  recordLimits,
  republishDelayMs,
  slotOf,
} from '@kadrtc/kademlia'
import { decodeRecord, encodeRecord } from '@kadrtc/wire'
import type { CancelSignal } from '../cancel-signal.js'
import { KadrtcError } from '../errors.js'
import type { Contact } from '../lookups/contact.js'
import { findClosest } from '../lookups/find-closest.js'
import type { LookupPorts } from '../lookups/lookup-ports.js'
import type { Timer } from '../ports/clock.js'
import type { Awaitable } from '../ports/identity.js'
import { type Random, randomFraction } from '../ports/random.js'
import type { RecordStore } from '../ports/record-store.js'
import type { RecordProofs } from './proofs.js'
import type { RecordShelf } from './record-shelf.js'

export interface PublisherPorts extends LookupPorts {
  readonly random: Random
  readonly shelf: RecordShelf
  readonly proofs: RecordProofs
  readonly published: RecordStore
  readonly onWriteFailed: (error: unknown) => void
}

export interface StoreOutcome {
  /** Nodes of the k closest that hold the record now, this one included. */
  readonly stored: number
  /** The k closest that were found: what `stored` could be at most. */
  readonly wanted: number
}

export interface StoreOptions {
  readonly ifSeq?: number | undefined
  readonly signal?: CancelSignal | undefined
  /** Resolve when a majority of the k closest stored it, or when all have answered. Default: majority. */
  readonly until?: 'majority' | 'all'
}

interface Publication {
  readonly record: KadRecord
  readonly dueAtMs: number
}

/** Own records republished within one tick: the rest wait for the next. */
const republishedAtOnce = 16
/** After a restart republishing is spread over this time. A guess. */
const restartSpreadMs = 5_000

export class Publisher {
  readonly #publications = new Map<string, Publication>()
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
      if (!record || record.expiresAtMs <= clock.now()) rubbish.push(slot)
      else if (!this.#publications.has(slot)) {
        this.#publications.set(slot, {
          record,
          dueAtMs: clock.now() + restartSpreadMs * randomFraction(random),
        })
        this.#noteSeq(record)
      }
    }
    if (rubbish.length > 0) await published.delete(rubbish)
    this.#schedule()
  }

  /**
   * Stores a new own record under `keyId` and goes on republishing it. The record may still be being signed: its k closest
   * are found meanwhile. Rejects with NOT_STORED, CONFLICT, BUSY, or the signal's reason.
   */
  async publish(keyId: Id, making: Awaitable<KadRecord>, options: StoreOptions): Promise<StoreOutcome> {
    const [record, contacts] = await Promise.all([making, this.#find(keyId, options)])
    const slot = slotOf(record)
    if (!this.#publications.has(slot) && this.#publications.size >= this.publishedMax) {
      throw new KadrtcError('BUSY', 'this node publishes too many records')
    }
    const outcome = await this.#storeAt(record, contacts, options)
    this.#remember(slot, record)
    return outcome
  }

  #find(keyId: Id, { signal }: StoreOptions): Promise<readonly Contact[]> {
    return findClosest(this.ports, keyId, { signal })
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  /** Stores at the k closest of `contacts` and this node. */
  #storeAt(record: KadRecord, contacts: readonly Contact[], options: StoreOptions): Promise<StoreOutcome> {
    const { rpc, shelf, own, settings } = this.ports
    const { ifSeq, signal } = options
    const closer = contacts.filter(({ id }) => compareDistances(record.keyId, id, own) < 0).length
    const ownIsReplica = closer < settings.k
    const remote = ownIsReplica ? contacts.slice(0, settings.k - 1) : contacts
    const wanted = remote.length + (ownIsReplica ? 1 : 0)
    const majority = options.until === 'all' ? wanted : Math.floor(wanted / 2) + 1
    const tally = new StoreTally()
    if (ownIsReplica) tally.count(shelf.offer(record, { ifSeq }))
    return new Promise((resolve, reject) => {
      let open = remote.length
      const abort = () => settle(() => reject(signal?.reason))
      const settle = (end: () => void) => {
        signal?.removeEventListener('abort', abort)
        end()
      }
      const consider = () => {
        if (tally.stored >= majority) settle(() => resolve({ stored: tally.stored, wanted }))
        else if (open === 0) settle(() => tally.end(wanted, resolve, reject))
      }
      signal?.addEventListener('abort', abort)
      if (open === 0) return consider()
      const store = {
        type: 'store',
        record,
        cached: false,
        ...(ifSeq === undefined ? {} : { ifSeq }),
      } as const
      for (const { route } of remote) {
        rpc
          .request({ kind: 'route', route }, store)
          .then(({ reply }) => tally.count({ status: reply.status, seq: reply.seq }))
          .catch(() => undefined)
          .finally(() => {
            open -= 1
            consider()
          })
      }
    })
  }

  #noteSeq(record: KadRecord): void {
    if (record.kind === 'signed') this.#highestSeq = Math.max(this.#highestSeq ?? 0, record.seq)
  }

  #remember(slot: string, record: KadRecord): void {
    this.#noteSeq(record)
    const { published, clock, onWriteFailed } = this.ports
    const lifeMs = record.expiresAtMs - clock.now()
    this.#publications.set(slot, { record, dueAtMs: clock.now() + republishDelayMs(lifeMs) })
    published.put([[slot, encodeRecord(record)]]).catch(onWriteFailed)
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
      this.#remember(slot, renewed)
      const contacts = await this.#find(renewed.keyId, {})
      await this.#storeAt(renewed, contacts, { until: 'all' }).catch(() => undefined)
    }
  }

  /** The same record with a new life. A tombstone lives out its own: what it buried is gone by then. */
  async #renew(record: KadRecord): Promise<KadRecord | undefined> {
    const nowMs = this.ports.clock.now()
    if (record.kind === 'content') return { ...record, expiresAtMs: nowMs + recordLimits.lifeMsDefault }
    if (record.deleted) return record.expiresAtMs > nowMs + 1_000 ? record : undefined
    const expiresAtMs = Math.max(record.expiresAtMs, nowMs + recordLimits.lifeMsDefault)
    return this.ports.proofs.sign({ ...record, expiresAtMs })
  }
}

/** What the nodes asked to store a record answered. */
class StoreTally {
  stored = 0
  #conflictSeq: number | undefined
  #conflicts = 0
  #refused: string | undefined

  count({ status, seq }: { status: string; seq?: number | undefined }): void {
    if (status === 'stored' || status === 'same') this.stored += 1
    else if (status === 'conflict' || status === 'stale') {
      this.#conflicts += 1
      this.#conflictSeq = Math.max(this.#conflictSeq ?? 0, seq ?? 0)
    } else this.#refused = status
  }

  /** All have answered, and no majority stored it. */
  end(wanted: number, resolve: (outcome: StoreOutcome) => void, reject: (error: KadrtcError) => void): void {
    if (this.#conflicts > 0 && this.#conflicts >= this.stored) {
      reject(new KadrtcError('CONFLICT', `the sequence number there is ${this.#conflictSeq}`))
    } else if (this.stored === 0) reject(new KadrtcError('NOT_STORED', this.#refused))
    else resolve({ stored: this.stored, wanted })
  }
}

function tryDecode(bytes: Uint8Array): KadRecord | undefined {
  try {
    return decodeRecord(bytes)
  } catch {
    return undefined
  }
}
