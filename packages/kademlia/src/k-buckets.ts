/**
 * The k-buckets of one table, one behind the other in the same few arrays: each in least-recently-seen order (Kademlia paper,
 * section 2.2). A bucket is named by how many bits its contacts share with the table's own id. Used by routing-table.ts
 * alone, once for contacts and once for replacements; it decides what belongs in which.
 */
import { equalIds, type Id, idBytes } from './id.js'

/**
 * The arrays are made anew at each change, of the very size: one that grows is mostly room, and of many small ones, one for each
 * bucket, most is what an array takes before the first entry.
 */
export class KBuckets<C extends { readonly id: Id }> {
  #contacts: readonly C[] = none
  /** When each was last seen, counted in events of the table. */
  #seen: readonly number[] = none
  /** 24 bits of each id, see `wordOf`: to look at the ids themselves takes the memory far longer than to compare numbers. */
  #words: readonly number[] = none
  /** Where each bucket ends, by bits shared. As long as the deepest bucket that was ever used. */
  #ends: readonly number[] = none

  /** How many buckets have been used, empty ones between them counted. */
  get depth(): number {
    return this.#ends.length
  }

  get size(): number {
    return this.#contacts.length
  }

  /** All of them, the far buckets first. */
  get contacts(): readonly C[] {
    return this.#contacts
  }

  /** The first place of a bucket. */
  start(prefix: number): number {
    return prefix === 0 ? 0 : this.end(prefix - 1)
  }

  /** The place behind the last of a bucket. */
  end(prefix: number): number {
    return prefix < this.#ends.length ? this.#ends[prefix]! : this.#contacts.length
  }

  /** How many a bucket holds. */
  sizeOf(prefix: number): number {
    return prefix < 0 ? 0 : this.end(prefix) - this.start(prefix)
  }

  at(place: number): C {
    return this.#contacts[place]!
  }

  /** `wordOf` that contact. */
  wordAt(place: number): number {
    return this.#words[place]!
  }

  /** A copy of one bucket, least recently seen first. */
  bucket(prefix: number): C[] {
    return prefix < 0 ? [] : this.#contacts.slice(this.start(prefix), this.end(prefix))
  }

  /** The place of `id`, which belongs in that bucket; -1 when it is not there. */
  placeOf(prefix: number, id: Id): number {
    const word = wordOf(prefix, id)
    const words = this.#words
    const end = this.end(prefix)
    for (let place = this.start(prefix); place < end; place++) {
      if (words[place] === word && equalIds(this.#contacts[place]!.id, id)) return place
    }
    return -1
  }

  /** As the most recently seen of its bucket. */
  push(prefix: number, contact: C, seen: number): void {
    this.#insert(this.end(prefix), prefix, contact, seen)
  }

  takeOut(prefix: number, place: number): C {
    const contact = this.#contacts[place]!
    this.#contacts = this.#contacts.toSpliced(place, 1)
    this.#seen = this.#seen.toSpliced(place, 1)
    this.#words = this.#words.toSpliced(place, 1)
    this.#shift(prefix, -1)
    return contact
  }

  /** Moves the last one of a bucket to where it belongs in that bucket of `others`; undefined when there is none. */
  moveLastTo(prefix: number, others: KBuckets<C>): C | undefined {
    if (this.sizeOf(prefix) === 0) return undefined
    const last = this.end(prefix) - 1
    const seen = this.#seen[last]!
    const contact = this.takeOut(prefix, last)
    let place = others.end(prefix)
    while (place > others.start(prefix) && others.#seen[place - 1]! > seen) place--
    others.#insert(place, prefix, contact, seen)
    return contact
  }

  #insert(place: number, prefix: number, contact: C, seen: number): void {
    this.#contacts = this.#contacts.toSpliced(place, 0, contact)
    this.#seen = this.#seen.toSpliced(place, 0, seen)
    this.#words = this.#words.toSpliced(place, 0, wordOf(prefix, contact.id))
    this.#shift(prefix, 1)
  }

  /** A bucket has grown or shrunk: those behind it end elsewhere. */
  #shift(prefix: number, by: number): void {
    const depth = Math.max(this.#ends.length, prefix + 1)
    this.#ends = Array.from({ length: depth }, (_, other) => {
      const end = this.#ends[other] ?? this.#ends.at(-1) ?? 0
      return other < prefix ? end : end + by
    })
  }
}

/**
 * Of an id that shares `prefix` bits with the table's own, the 24 bits from the byte in which they differ: they tell the
 * contacts of a bucket apart, and which is closer to a target, but for ties. An integer that every engine keeps unboxed.
 */
export function wordOf(prefix: number, id: Id): number {
  const byte = Math.min(prefix >> 3, idBytes - 3)
  return (id[byte]! << 16) | (id[byte + 1]! << 8) | id[byte + 2]!
}

/** Shared, since many tables are empty. */
const none: readonly never[] = []
