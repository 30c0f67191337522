/** A disk over (fake) IndexedDB that counts, runs full and breaks when told to. */
import { type Disk, diskOf } from '../src/disk.js'

export class FaultyDisk {
  /** Entries that fit; a put beyond fails its transaction, as a quota does. */
  capacity = Number.POSITIVE_INFINITY
  /** Errors that the next transactions fail with, of either mode; then all is well again. */
  failures: DOMException[] = []
  /** Entries written by each transaction that was begun for writing. */
  readonly transactions: number[] = []
  /** The slots on disk. */
  slots = new Set<IDBValidKey>()
  readonly #inner: Disk
  #tellBegun: (() => void)[] = []

  constructor(database: string) {
    this.#inner = diskOf(database)
  }

  /** Resolves when the next transaction for writing is under way. */
  begun(): Promise<void> {
    return new Promise((resolve) => {
      this.#tellBegun.push(resolve)
    })
  }

  readonly disk: Disk = (mode, callback) => {
    const failure = this.failures.shift()
    if (failure) return Promise.reject(failure)
    return this.#inner(mode, (store) => callback(mode === 'readwrite' ? this.#limited(store) : store))
  }

  #limited(store: IDBObjectStore): IDBObjectStore {
    const slots = new Set(this.slots)
    const index = this.transactions.push(0) - 1
    for (const tell of this.#tellBegun.splice(0)) tell()
    store.transaction.addEventListener('complete', () => {
      this.slots = slots
    })
    const limited = {
      transaction: store.transaction,
      put: (value: unknown, slot: IDBValidKey) => {
        this.transactions[index]!++
        slots.add(slot)
        if (slots.size > this.capacity) throw new DOMException('No room', 'QuotaExceededError')
        return store.put(value, slot)
      },
      delete: (slot: IDBValidKey) => {
        this.transactions[index]!++
        slots.delete(slot)
        return store.delete(slot)
      },
    }
    return limited as unknown as IDBObjectStore
  }
}
