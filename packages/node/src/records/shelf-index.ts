/** What a shelf holds, in memory: by slot, by key, by place in a digest, and counted by author. Used by the shelf alone. */
import { headOf, type Id, idKey } from '@kadrtc/kademlia'
import type { ShelfEntry } from './shelf-entry.js'

export class ShelfIndex {
  readonly #bySlot = new Map<string, ShelfEntry>()
  readonly #byKey = new Map<string, Map<string, ShelfEntry>>()
  readonly #perAuthor = new Map<string, number>()
  /** By `slotHash`, so that a digest costs what it holds and not what we hold. */
  readonly #byHash = new Map<string, ShelfEntry>()
  /**
   * All entries, and the first bits of their keys in the same places: each change of the neighbourhood asks which of them
   * it concerns, which is few, and to look at each takes the memory far longer than to compare numbers.
   */
  readonly #entries: ShelfEntry[] = []
  readonly #keyHeads: number[] = []
  #bytes = 0
  #cached = 0

  get size(): number {
    return this.#entries.length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** How many are copies kept on the way. */
  get cached(): number {
    return this.#cached
  }

  /** In no order that means anything. */
  entries(): readonly ShelfEntry[] {
    return this.#entries
  }

  /** Visits those whose key's `headOf` passes. Nothing may be filed or dropped meanwhile. */
  visitThose(passes: (keyHead: number) => boolean, visit: (entry: ShelfEntry) => void): void {
    const heads = this.#keyHeads
    for (let place = 0; place < heads.length; place++) if (passes(heads[place]!)) visit(this.#entries[place]!)
  }

  get(slot: string): ShelfEntry | undefined {
    return this.#bySlot.get(slot)
  }

  byHash(slotHash: Uint8Array): ShelfEntry | undefined {
    return this.#byHash.get(hashKey(slotHash))
  }

  underKey(keyId: Id): readonly ShelfEntry[] {
    const slots = this.#byKey.get(idKey(keyId))
    return slots ? [...slots.values()] : []
  }

  countUnder(keyId: Id): number {
    return this.#byKey.get(idKey(keyId))?.size ?? 0
  }

  /** How many entries have this author. */
  countOf(author: string): number {
    return this.#perAuthor.get(author) ?? 0
  }

  /** `entry` is in a slot that is free. */
  file(entry: ShelfEntry): void {
    const key = idKey(entry.keyId)
    const shelf = this.#byKey.get(key) ?? new Map<string, ShelfEntry>()
    this.#byKey.set(key, shelf.set(entry.slot, entry))
    this.#bySlot.set(entry.slot, entry)
    this.#byHash.set(hashKey(entry.slotHash), entry)
    if (entry.author) this.#perAuthor.set(entry.author, this.countOf(entry.author) + 1)
    this.#bytes += entry.bytes
    if (entry.cached) this.#cached += 1
    entry.place = this.#entries.push(entry) - 1
    this.#keyHeads.push(headOf(entry.keyId))
  }

  /** False if it is not here: another may be in its slot. */
  drop(entry: ShelfEntry): boolean {
    if (this.#bySlot.get(entry.slot) !== entry) return false
    this.#bySlot.delete(entry.slot)
    this.#byHash.delete(hashKey(entry.slotHash))
    const key = idKey(entry.keyId)
    const shelf = this.#byKey.get(key)
    shelf?.delete(entry.slot)
    if (shelf?.size === 0) this.#byKey.delete(key)
    if (entry.author) {
      const left = this.countOf(entry.author) - 1
      if (left > 0) this.#perAuthor.set(entry.author, left)
      else this.#perAuthor.delete(entry.author)
    }
    this.#bytes -= entry.bytes
    if (entry.cached) this.#cached -= 1
    this.#vacate(entry.place)
    return true
  }

  /** The last one moves into the place. */
  #vacate(place: number): void {
    const last = this.#entries.pop()!
    const head = this.#keyHeads.pop()!
    if (place === this.#entries.length) return
    last.place = place
    this.#entries[place] = last
    this.#keyHeads[place] = head
  }
}

/** Two bytes a character, spelt out: a digest has hundreds of them. */
function hashKey(h: Uint8Array): string {
  return String.fromCharCode(
    (h[0]! << 8) | h[1]!,
    (h[2]! << 8) | h[3]!,
    (h[4]! << 8) | h[5]!,
    (h[6]! << 8) | h[7]!,
  )
}
