/**
 * The routing table: k-buckets in least-recently-seen order with a replacement cache each (Kademlia paper, sections 2.2
 * and 4.1). It holds contacts, never pings them: when a bucket is full, `offer` names the contact to ping, and the
 * caller answers with `seen` or `remove`.
 *
 *   const outcome = table.offer(contact)
 *   if (outcome.type === 'full' && !(await ping(outcome.leastRecentlySeen))) table.remove(outcome.leastRecentlySeen.id)
 *
 * Bounds: at most 160 buckets of k contacts and `replacementsMax` replacements; buckets exist once they are used.
 */
import { commonPrefixLength, compareDistances } from './distance.js'
import { type Id, idBits, idBytes } from './id.js'
import { KBucket, type OfferOutcome, type RemoveOutcome } from './k-bucket.js'

export interface RoutingTableOptions {
  /** Contacts per bucket. */
  readonly k: number
  /** Replacements kept per bucket; 0 switches the cache off. */
  readonly replacementsMax: number
}

export const routingTableDefaults: RoutingTableOptions = {
  /** The paper's k (section 2.2). */
  k: 20,
  /** As many as could ever be needed at once. A guess. */
  replacementsMax: 20,
}

export class RoutingTable<C extends { readonly id: Id }> implements Iterable<C> {
  readonly own: Id
  readonly k: number
  readonly replacementsMax: number
  /** By common prefix length with `own`: the far half of the space first, so that the array stays as long as it is used. */
  readonly #buckets: (KBucket<C> | undefined)[] = []
  #size = 0
  #events = 0

  constructor(own: Id, options: Partial<RoutingTableOptions> = {}) {
    const { k, replacementsMax } = { ...routingTableDefaults, ...options }
    if (!Number.isInteger(k) || k < 1) throw new RangeError(`k is an integer above 0, not ${k}`)
    if (!Number.isInteger(replacementsMax) || replacementsMax < 0) {
      throw new RangeError(`replacementsMax is an integer, 0 or more, not ${replacementsMax}`)
    }
    this.own = own
    this.k = k
    this.replacementsMax = replacementsMax
  }

  /** How many contacts the buckets hold, replacements not counted. */
  get size(): number {
    return this.#size
  }

  /** Files a contact that was just heard from. */
  offer(contact: C): OfferOutcome<C> {
    const prefix = commonPrefixLength(this.own, contact.id)
    if (prefix === idBits) return { type: 'own' }
    const outcome = this.#bucketFor(prefix).offer(contact, ++this.#events, this.k, this.replacementsMax)
    if (outcome.type === 'added') this.#size++
    return outcome
  }

  /** Marks a contact, or a replacement, as most recently seen. False when the table has neither. */
  seen(id: Id): boolean {
    return this.#bucketOf(id)?.seen(id, ++this.#events) ?? false
  }

  /**
   * Drops a contact that failed or left; the most recently seen replacement takes its place in the bucket, filed by when
   * it was last seen. Drops a replacement too.
   */
  remove(id: Id): RemoveOutcome<C> {
    const outcome = this.#bucketOf(id)?.remove(id) ?? { type: 'absent' }
    if (outcome.type === 'removed' && !outcome.promoted) this.#size--
    return outcome
  }

  /** The contact with that id; undefined when no bucket holds it (replacements do not count). */
  get(id: Id): C | undefined {
    return this.#bucketOf(id)?.get(id)
  }

  has(id: Id): boolean {
    return this.get(id) !== undefined
  }

  /**
   * The `count` contacts closest to `target` of those that pass `filter`, nearest first; fewer when there are no more.
   * Exact: equal to sorting the whole table.
   *
   * With d = own XOR target, the contacts of the bucket of prefix length j lie at d with bit j flipped and lower bits free.
   * So buckets where d has a 1 come first, the highest bit before the lower ones; then those where it has a 0, the lowest
   * bit before the higher ones. No two overlap: each is sorted alone, and the walk ends when enough are found.
   */
  closest(target: Id, count: number, filter?: (contact: C) => boolean): C[] {
    const result: C[] = []
    const length = this.#buckets.length
    for (let j = 0; j < length && result.length < count; j++) {
      if (differAt(this.own, target, j)) this.#collect(j, target, count, filter, result)
    }
    for (let j = length - 1; j >= 0 && result.length < count; j--) {
      if (!differAt(this.own, target, j)) this.#collect(j, target, count, filter, result)
    }
    return result
  }

  /** The contacts of bucket `index` (0 to 159, numbered as `bucketIndex` does), least recently seen first. A copy. */
  bucket(index: number): C[] {
    return [...(this.#buckets[idBits - 1 - index]?.contacts.list ?? [])]
  }

  /** How many contacts bucket `index` holds, replacements not counted. */
  bucketSize(index: number): number {
    return this.#buckets[idBits - 1 - index]?.contacts.list.length ?? 0
  }

  /** The replacement cache of bucket `index`, least recently seen first. A copy. */
  replacements(index: number): C[] {
    return [...(this.#buckets[idBits - 1 - index]?.replacements ?? [])]
  }

  /** Every contact of every bucket, the far buckets first. Do not change the table meanwhile. */
  *[Symbol.iterator](): Iterator<C> {
    for (const bucket of this.#buckets) if (bucket) yield* bucket.contacts.list
  }

  /**
   * Appends the bucket's contacts to `result`, sorted by insertion, and never more than `count` in all. Within a bucket
   * 24 bits of the distance nearly always decide; the whole id is compared only when they tie.
   */
  #collect(
    prefix: number,
    target: Id,
    count: number,
    filter: ((contact: C) => boolean) | undefined,
    result: C[],
  ): void {
    const contacts = this.#buckets[prefix]?.contacts.list
    if (!contacts) return
    const byte = Math.min(prefix >> 3, idBytes - 3)
    const targetWord = wordAt(target, byte)
    const start = result.length
    const words: number[] = []
    for (let i = 0; i < contacts.length; i++) {
      const contact = contacts[i]!
      if (filter && !filter(contact)) continue
      const word = wordAt(contact.id, byte) ^ targetWord
      let at = result.length
      if (at >= count) {
        at--
        if (!precedes(target, contact.id, word, result[at]!.id, words[at - start]!)) continue
      }
      while (at > start && precedes(target, contact.id, word, result[at - 1]!.id, words[at - 1 - start]!)) {
        result[at] = result[at - 1]!
        words[at - start] = words[at - 1 - start]!
        at--
      }
      result[at] = contact
      words[at - start] = word
    }
  }

  #bucketOf(id: Id): KBucket<C> | undefined {
    return this.#buckets[commonPrefixLength(this.own, id)]
  }

  #bucketFor(prefix: number): KBucket<C> {
    while (this.#buckets.length <= prefix) this.#buckets.push(undefined)
    this.#buckets[prefix] ??= new KBucket<C>()
    return this.#buckets[prefix]
  }
}

function differAt(a: Id, b: Id, bit: number): boolean {
  return (((a[bit >> 3]! ^ b[bit >> 3]!) << (bit & 7)) & 0x80) !== 0
}

/** Three bytes of an id, as an integer that every engine keeps unboxed. */
function wordAt(id: Id, byte: number): number {
  return (id[byte]! << 16) | (id[byte + 1]! << 8) | id[byte + 2]!
}

/** Whether `a` is closer to `target` than `b`, given 24 bits of either distance, above which they do not differ. */
function precedes(target: Id, a: Id, aWord: number, b: Id, bWord: number): boolean {
  return aWord === bWord ? compareDistances(target, a, b) < 0 : aWord < bWord
}
