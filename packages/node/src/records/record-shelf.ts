/**
 * The records this node holds: an index in memory over a store that may be slow. What it decides (newer or
 * stale, room or none) it decides at once and synchronously, so that compare-and-swap is exact; writing to the
 * store goes on behind, and a record being written stays readable from memory.
 *
 * Signatures are not its business: give it records that have been verified.
 */
import { compareRecords, type Id, type KadRecord, slotOf } from '@kadrtc/kademlia'
import { decodeRecord, encodeRecord, type StoreStatus } from '@kadrtc/wire'
import type { RecordStore, StoreEntry } from '../ports/record-store.js'
import type { Settings } from '../settings.js'
import { RecentlyUsed } from './recently-used.js'
import { displacedBy } from './room.js'
import { inOwnMemory, type ShelfEntry, shelfEntry } from './shelf-entry.js'
import { ShelfIndex } from './shelf-index.js'
import { chosen, type FindOptions, matching } from './shelf-search.js'

export interface OfferResult {
  readonly status: StoreStatus
  /** The sequence number held now; undefined if none is. */
  readonly seq: number | undefined
}

export interface OfferOptions {
  /** Compare-and-swap: only if this is the sequence number held now; 0: only if none is. */
  readonly ifSeq?: number | undefined
  /** Keep it as a copy on the way, in memory, until then. A replica that is held stays one. */
  readonly cachedUntilMs?: number | undefined
}

/** Of all shelves that hold nothing: their own is made when the first record comes. Nothing is ever filed in it. */
const emptyIndex = new ShelfIndex()

export class RecordShelf {
  #index = emptyIndex
  readonly #inMemory: RecentlyUsed
  /** Told once, until it can be read again. */
  #isUnreadable = false

  constructor(
    readonly own: Id,
    readonly store: RecordStore,
    readonly settings: Settings,
    readonly wallMs: () => number,
    /** Told when the store fails; a record that could not be written stays in memory. */
    readonly onStoreFailed: (error: unknown) => void,
  ) {
    this.#inMemory = new RecentlyUsed(settings.valueCacheBytesMax)
  }

  get count(): number {
    return this.#index.size
  }

  get bytes(): number {
    return this.#index.bytes
  }

  /** Copies on the way included, in no order that means anything. */
  entries(): readonly ShelfEntry[] {
    return this.#index.entries()
  }

  /** Visits the replicas held, no copies on the way, whose key's `headOf` passes. */
  forEachHeld(passes: (keyHead: number) => boolean, visit: (slot: string, keyId: Id) => void): void {
    this.#index.visitThose(passes, ({ cached, slot, keyId }) => {
      if (!cached) visit(slot, keyId)
    })
  }

  entry(slot: string): ShelfEntry | undefined {
    return this.#index.get(slot)
  }

  /** The replica that a digest names by its slot's hash. */
  byHash(slotHash: Uint8Array): ShelfEntry | undefined {
    const entry = this.#index.byHash(slotHash)
    return entry?.cached ? undefined : entry
  }

  /** Reads the store's index once, at the start. What cannot be decoded, has expired or finds no room is deleted. */
  async load(): Promise<void> {
    const rubbish: string[] = []
    for (const [slot, bytes] of await this.store.scan()) {
      const record = tryDecode(bytes)
      if (!record || slotOf(record) !== slot || record.expiresAtMs <= this.wallMs()) rubbish.push(slot)
      else if (!this.#takeLoaded(slot, record, bytes.length)) rubbish.push(slot)
    }
    const unused = rubbish.filter((slot) => this.#index.get(slot)?.cached !== false)
    if (unused.length > 0) await this.store.delete(unused)
  }

  /** False: there is no room for it. What came while the store was being read is written over it: the newer is to be there. */
  #takeLoaded(slot: string, record: KadRecord, bytes: number): boolean {
    const held = this.#index.get(slot)
    if (held) {
      const { status } = this.offer(record)
      if (status === 'stale' && held.cached && held.record) this.offer(held.record)
      return this.#index.get(slot)?.cached === false
    }
    const entry = shelfEntry(record, bytes)
    if (!this.#makeRoom(entry, undefined)) return false
    this.#file(entry, record)
    return true
  }

  /** Is there a live record that answers this question? */
  has(keyId: Id, options: FindOptions = {}): boolean {
    return this.#matching(keyId, options).length > 0
  }

  /** Live records under a key: the newest, or all authors'. Tombstones included, since they are news too. */
  async find(keyId: Id, options: FindOptions = {}): Promise<KadRecord[]> {
    const records: KadRecord[] = []
    for (const entry of chosen(this.#matching(keyId, options), options)) {
      const record = await this.read(entry.slot)
      if (record) records.push(record)
    }
    return records
  }

  /** As `find`, for the usual case that no disk has to be asked; undefined: ask `find`. */
  findInMemory(keyId: Id, options: FindOptions = {}): KadRecord[] | undefined {
    const entries = chosen(this.#matching(keyId, options), options)
    if (entries.some(({ record }) => !record)) return undefined
    return entries.map((entry) => {
      this.#inMemory.touch(entry)
      return entry.record!
    })
  }

  /** The record in a slot, from memory or the store. One that the store has lost is held no longer; one that cannot be read is. */
  async read(slot: string): Promise<KadRecord | undefined> {
    const entry = this.#index.get(slot)
    if (!entry) return undefined
    if (entry.record) {
      this.#inMemory.touch(entry)
      return entry.record
    }
    let bytes: Uint8Array | undefined
    try {
      bytes = await this.store.get(slot)
      this.#isUnreadable = false
    } catch (error) {
      if (!this.#isUnreadable) this.onStoreFailed(error)
      this.#isUnreadable = true
      return undefined
    }
    const current = this.#index.get(slot)
    if (current !== entry) return current?.record
    const record = bytes && tryDecode(bytes)
    if (record) this.#inMemory.remember(entry, record)
    else this.#drop(entry)
    return record
  }

  /** Takes a verified record, or says why not. Synchronous: no other offer comes between the check and the change. */
  offer(record: KadRecord, options: OfferOptions = {}): OfferResult {
    const encoded = encodeRecord(record)
    const slot = slotOf(record)
    const held = this.#live(slot)
    const heldSeq = held?.seq
    const next = shelfEntry(
      record,
      encoded.length,
      held?.cached === false ? undefined : options.cachedUntilMs,
    )
    if (next.expiresAtMs <= this.wallMs()) return { status: 'expired', seq: heldSeq }
    const repeated = heldSeq === next.seq && held?.author !== undefined
    if (options.ifSeq !== undefined && (heldSeq ?? 0) !== options.ifSeq && !repeated) {
      return { status: 'conflict', seq: heldSeq }
    }
    if (held) {
      const order = this.#compare(record, held)
      const becomesReplica = held.cached && !next.cached
      if (order < 0) return { status: 'stale', seq: heldSeq }
      // Each copy tells how long it may live; of the same one the younger tells longer.
      if (order === 0 && held.cached && next.cached)
        held.expiresAtMs = Math.max(held.expiresAtMs, next.expiresAtMs)
      if (order === 0 && !becomesReplica) return { status: 'same', seq: heldSeq }
    }
    if (!this.#makeRoom(next, held)) return { status: 'full', seq: heldSeq }
    if (held) this.#drop(held)
    this.#file(next, inOwnMemory(record, encoded))
    if (!next.cached) this.#write(next, encoded)
    return { status: 'stored', seq: next.seq }
  }

  /** A replica that is needed here no longer goes on as a copy in memory until then, if it is there. */
  demote(slot: string, cachedUntilMs: number): void {
    const entry = this.#index.get(slot)
    if (!entry || entry.cached) return
    const { record } = entry
    this.#evict(entry)
    if (record) this.offer(record, { cachedUntilMs })
  }

  /** Forgets what has expired. */
  async expire(): Promise<void> {
    const stored = this.#dropExpired()
    if (stored.length > 0) await this.store.delete(stored)
  }

  /** The slots that the store is to forget too. */
  #dropExpired(): string[] {
    const gone = this.#index.entries().filter(({ expiresAtMs }) => expiresAtMs <= this.wallMs())
    for (const entry of gone) this.#drop(entry)
    return gone.filter(({ cached }) => !cached).map(({ slot }) => slot)
  }

  #matching(keyId: Id, options: FindOptions): ShelfEntry[] {
    return matching(this.#index.underKey(keyId), options, this.wallMs())
  }

  /** The entry of a slot; one that has expired makes way at once. */
  #live(slot: string): ShelfEntry | undefined {
    const entry = this.#index.get(slot)
    if (!entry || entry.expiresAtMs > this.wallMs()) return entry
    this.#evict(entry)
    return undefined
  }

  /** Newer than what is held? By the record where it is in memory, by the index otherwise. */
  #compare(record: KadRecord, held: ShelfEntry): number {
    if (held.record) return compareRecords(record, held.record)
    const seq = record.kind === 'signed' ? record.seq : 0
    return seq - held.seq || record.expiresAtMs - held.expiresAtMs
  }

  /** Bounds the shelf: past a limit what has expired goes, and only then what lives. */
  #makeRoom(next: ShelfEntry, held: ShelfEntry | undefined): boolean {
    let displaced = this.#displacedBy(next, held)
    if (displaced?.size !== 0) {
      const expired = this.#dropExpired()
      if (expired.length > 0) this.store.delete(expired).catch(this.onStoreFailed)
      displaced = this.#displacedBy(next, held)
    }
    for (const entry of displaced ?? []) this.#evict(entry)
    return displaced !== undefined
  }

  #displacedBy(next: ShelfEntry, held: ShelfEntry | undefined): ReadonlySet<ShelfEntry> | undefined {
    const holdings = {
      entries: this.#index.entries(),
      bytes: this.#index.bytes,
      cached: this.#index.cached,
      underKey: this.#index.countUnder(next.keyId),
      byAuthor: next.author ? this.#index.countOf(next.author) : 0,
    }
    return displacedBy(next, held, holdings, this.own, this.settings)
  }

  #evict(entry: ShelfEntry): void {
    this.#drop(entry)
    if (!entry.cached) this.store.delete([entry.slot]).catch(this.onStoreFailed)
  }

  #file(entry: ShelfEntry, record: KadRecord): void {
    if (this.#index === emptyIndex) this.#index = new ShelfIndex()
    this.#index.file(entry)
    this.#inMemory.remember(entry, record)
  }

  #drop(entry: ShelfEntry): void {
    if (this.#index.drop(entry)) this.#inMemory.forget(entry)
  }

  #write(entry: ShelfEntry, encoded: Uint8Array): void {
    entry.writing = true
    const item: StoreEntry = [entry.slot, encoded]
    this.store.put([item]).then(
      () => {
        entry.writing = false
      },
      (error) => this.onStoreFailed(error),
    )
  }
}

function tryDecode(bytes: Uint8Array): KadRecord | undefined {
  try {
    return decodeRecord(bytes)
  } catch {
    return undefined
  }
}
