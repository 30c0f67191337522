/**
 * Records in IndexedDB. A transaction costs about as much as hundreds of the small writes in it, so writes are
 * gathered: while one transaction is under way, all later writes collect in the next one.
 *
 *     const store = await openRecordStore({ database: 'kadrtc:my-app:0:records', onWarning: console.warn })
 *     await store.put([['slot', bytes]]) // resolves when the transaction that holds it has completed
 *
 * Nothing is lost in silence. A read that fails rejects. What cannot be written stays in memory, where every verb sees it; `onWarning` is told
 * once, and it is tried again when there may be room. Whoever puts bounds what waits: it is at most what was put.
 */
import {
  type ErrorCode,
  KadrtcError,
  MemoryRecordStore,
  type RecordStore,
  type StoreEntry,
} from '@kadrtc/node'
import { entries, get } from 'idb-keyval'
import {
  closeDisk,
  commit,
  type Disk,
  diskOf,
  isQuotaExceeded,
  openDisk,
  storeWarning,
  type Write,
} from './disk.js'

/** From 125 to 5,000 entries throughput is the same (measured in Chromium); shorter ones let reads in between. */
const batchEntriesMax = 500
/** Keeps a transaction of large values short, so that reads do not wait for it. A guess. */
const batchBytesMax = 4 * 1024 * 1024

export interface RecordStoreOptions {
  /** The database's name; undefined keeps the records in memory, without a warning. */
  readonly database: string | undefined
  /** STORE_UNAVAILABLE or STORE_FULL: from now on, records are kept in memory. */
  readonly onWarning: (warning: KadrtcError) => void
  /** What to use in place of the platform's IndexedDB. */
  readonly disk?: Disk
}

/** Never rejects: where IndexedDB cannot be used the records are kept in memory, and `onWarning` is told. */
export async function openRecordStore(options: RecordStoreOptions): Promise<RecordStore> {
  const { database, onWarning } = options
  if (database === undefined) return new MemoryRecordStore()
  const disk = options.disk ?? diskOf(database)
  try {
    await openDisk(disk)
  } catch (error) {
    onWarning(storeWarning(error))
    return new MemoryRecordStore()
  }
  return new GatheringRecordStore(disk, onWarning)
}

/** Writes that share a transaction, and a promise. The last write to a slot is the one that counts. */
class Batch {
  readonly writes = new Map<string, Write>()
  readonly done: Promise<void>
  settle!: () => void
  bytes = 0
  started = false

  constructor() {
    this.done = new Promise((resolve) => {
      this.settle = resolve
    })
  }

  get hasRoom(): boolean {
    return !this.started && this.writes.size < batchEntriesMax && this.bytes < batchBytesMax
  }
}

class GatheringRecordStore implements RecordStore {
  readonly #disk: Disk
  readonly #onWarning: (warning: KadrtcError) => void
  /** Oldest first. The first is under way or about to be, so there is one exactly while `#run` runs. */
  readonly #batches: Batch[] = []
  /** Writes that the disk refused, older than those in the batches and newer than what is on disk. */
  readonly #kept = new Map<string, Write>()
  /** What the app has been told, until all is well again. */
  readonly #warned = new Set<ErrorCode>()
  #closing: Promise<void> | undefined

  constructor(disk: Disk, onWarning: (warning: KadrtcError) => void) {
    this.#disk = disk
    this.#onWarning = onWarning
  }

  async get(slot: string): Promise<Uint8Array | undefined> {
    this.#assertOpen()
    const write = this.#unwritten(slot)
    if (write !== undefined) return write?.slice()
    return asBytes(await this.#read(() => get(slot, this.#disk)))
  }

  // Not async, and one promise for a whole batch: a put must cost little more than its share of the transaction.
  put(writes: readonly StoreEntry[]): Promise<void> {
    if (this.#closing) return Promise.reject(closedError())
    if (writes.length === 0) return Promise.resolve()
    const batch = this.#gather()
    for (const [slot, bytes] of writes) {
      batch.writes.set(slot, new Uint8Array(bytes))
      batch.bytes += bytes.length
    }
    return batch.done
  }

  delete(slots: readonly string[]): Promise<void> {
    if (this.#closing) return Promise.reject(closedError())
    if (slots.length === 0) return Promise.resolve()
    const batch = this.#gather()
    for (const slot of slots) batch.writes.set(slot, null)
    return batch.done
  }

  async scan(): Promise<readonly StoreEntry[]> {
    this.#assertOpen()
    // Noted before the disk is read: what is written meanwhile would else be in neither. The read sees at most
    // the batch under way, whole, as IndexedDB keeps transactions in order and the next begins after that one.
    const unwritten = new Map<string, Write>(this.#kept)
    for (const { writes } of this.#batches) for (const [slot, write] of writes) unwritten.set(slot, write)
    const found = new Map<string, Uint8Array>()
    for (const [slot, value] of await this.#read(() => entries<string>(this.#disk))) {
      const bytes = asBytes(value)
      if (bytes) found.set(slot, bytes)
    }
    for (const [slot, write] of unwritten) {
      if (write) found.set(slot, write.slice())
      else found.delete(slot)
    }
    return [...found]
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish()
    return this.#closing
  }

  async #finish(): Promise<void> {
    await this.#batches.at(-1)?.done
    if (this.#kept.size > 0) await this.#writeKept()
    this.#kept.clear()
    await closeDisk(this.#disk)
  }

  /** The batch that takes the next write. */
  #gather(): Batch {
    const last = this.#batches.at(-1)
    if (last?.hasRoom) return last
    const batch = new Batch()
    this.#batches.push(batch)
    // In a task of its own: writes issued together go together, and whoever is told of this record is told first.
    if (this.#batches.length === 1) setTimeout(() => void this.#run(), 0)
    return batch
  }

  /** One batch after the other, until there are none. Never rejects. */
  async #run(): Promise<void> {
    for (let batch = this.#batches[0]; batch; batch = this.#batches[0]) {
      batch.started = true
      await this.#write(batch.writes)
      this.#batches.shift()
      batch.settle()
    }
  }

  async #write(writes: ReadonlyMap<string, Write>): Promise<void> {
    const written = await this.#commit(writes)
    if (this.#kept.size === 0) return
    const freesRoom = [...writes.values()].includes(null)
    // Deletes free room, even those of a batch that was refused whole. And a disk that failed for another
    // reason than lack of room and now writes again has recovered.
    if (freesRoom || (written && !this.#warned.has('STORE_FULL'))) await this.#writeKept()
  }

  /** Tries again what was refused: deletes first, then puts in growing portions until one is refused. */
  async #writeKept(): Promise<void> {
    const kept = [...this.#kept]
    const deletes = kept.filter(([, write]) => write === null)
    if (deletes.length > 0 && !(await this.#commit(new Map(deletes)))) return
    const puts = kept.filter(([, write]) => write !== null)
    for (let next = 0, portion = 1; next < puts.length; portion = Math.min(2 * portion, batchEntriesMax)) {
      if (!(await this.#commit(new Map(puts.slice(next, next + portion))))) return
      next += portion
    }
  }

  /** True: it is on disk. False: it is kept in memory, and the app has been told. */
  async #commit(writes: ReadonlyMap<string, Write>): Promise<boolean> {
    let failure = await failureOf(() => commit(this.#disk, writes))
    // A lost connection is opened anew by the next transaction.
    if (failure && !isQuotaExceeded(failure.error))
      failure = await failureOf(() => commit(this.#disk, writes))
    if (failure) {
      for (const [slot, write] of writes) this.#kept.set(slot, write)
      this.#warn(failure.error)
      return false
    }
    if (this.#kept.size > 0) for (const slot of writes.keys()) this.#kept.delete(slot)
    if (this.#kept.size === 0) this.#warned.clear()
    return true
  }

  /** Once more when it fails: a lost connection is opened anew. */
  async #read<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read().catch(read)
    } catch (error) {
      throw storeWarning(error)
    }
  }

  #unwritten(slot: string): Write | undefined {
    for (let i = this.#batches.length - 1; i >= 0; i--) {
      const write = this.#batches[i]!.writes.get(slot)
      if (write !== undefined) return write
    }
    return this.#kept.get(slot)
  }

  /** Once for each trouble, until it is over. */
  #warn(error: unknown): void {
    const warning = storeWarning(error)
    if (this.#warned.has(warning.code)) return
    this.#warned.add(warning.code)
    // Apart from us, so that a handler that throws cannot stop the writing.
    queueMicrotask(() => this.#onWarning(warning))
  }

  #assertOpen(): void {
    if (this.#closing) throw closedError()
  }
}

async function failureOf(attempt: () => Promise<void>): Promise<{ readonly error: unknown } | undefined> {
  try {
    await attempt()
    return undefined
  } catch (error) {
    return { error }
  }
}

/** The database is the origin's, so anything may be in it: what is no bytes is not ours. */
function asBytes(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined
}

function closedError(): KadrtcError {
  return new KadrtcError('CLOSED', 'record store')
}
