/** Which of a shelf's records are in memory, least recently used first: the rest is in the store alone. Used by the shelf alone. */
import type { KadRecord } from '@kadrtc/kademlia'
import type { ShelfEntry } from './shelf-entry.js'

export class RecentlyUsed {
  readonly #bySlot = new Map<string, ShelfEntry>()
  #bytes = 0

  constructor(readonly bytesMax: number) {}

  /** Keeps a record in memory as the most recently used; cached and unwritten ones are never pushed out. */
  remember(entry: ShelfEntry, record: KadRecord): void {
    if (this.#bySlot.delete(entry.slot)) this.#bytes -= entry.bytes
    entry.record = record
    this.#bySlot.set(entry.slot, entry)
    this.#bytes += entry.bytes
    if (this.#bytes <= this.bytesMax) return
    for (const old of this.#bySlot.values()) {
      if (this.#bytes <= this.bytesMax) return
      if (old !== entry && !old.writing && !old.cached) this.forget(old)
    }
  }

  touch(entry: ShelfEntry): void {
    if (this.#bySlot.delete(entry.slot)) this.#bySlot.set(entry.slot, entry)
  }

  forget(entry: ShelfEntry): void {
    if (this.#bySlot.get(entry.slot) !== entry) return
    this.#bySlot.delete(entry.slot)
    this.#bytes -= entry.bytes
    entry.record = undefined
  }
}
