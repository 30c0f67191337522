/**
 * Records in memory: for simulations and tests, and for browsers where nothing better can be had.
 * It holds what it is given; whoever puts bounds the count and the bytes.
 */
import { KadrtcError } from './errors.js'
import type { RecordStore, StoreEntry } from './ports/record-store.js'

export class MemoryRecordStore implements RecordStore {
  readonly #slots = new Map<string, Uint8Array>()
  #closed = false

  async get(slot: string): Promise<Uint8Array | undefined> {
    this.#assertOpen()
    return this.#slots.get(slot)?.slice()
  }

  async put(entries: readonly StoreEntry[]): Promise<void> {
    this.#assertOpen()
    for (const [slot, bytes] of entries) this.#slots.set(slot, new Uint8Array(bytes))
  }

  async delete(slots: readonly string[]): Promise<void> {
    this.#assertOpen()
    for (const slot of slots) this.#slots.delete(slot)
  }

  async scan(): Promise<readonly StoreEntry[]> {
    this.#assertOpen()
    return Array.from(this.#slots, ([slot, bytes]): StoreEntry => [slot, bytes.slice()])
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#slots.clear()
  }

  #assertOpen(): void {
    if (this.#closed) throw new KadrtcError('CLOSED', 'record store')
  }
}
