/**
 * The routing table: k-buckets in least-recently-seen order with a replacement cache each (Kademlia paper, sections 2.2
 * and 4.1). It holds contacts, never pings them: when a bucket is full, `offer` names the contact to ping, and the
 * caller answers with `seen` or `remove`.
 *
 *   const outcome = table.offer(contact)
 *   if (outcome.type === 'full' && !(await ping(outcome.leastRecentlySeen))) table.remove(outcome.leastRecentlySeen.id)
 *
 * Bounds: at most 160 buckets of k contacts and `replacementsMax` replacements.
 */
import { commonPrefixLength, compareDistances } from './distance.js'
import { type Id, idBits } from './id.js'
import { KBuckets, wordOf } from './k-buckets.js'

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

export type OfferOutcome<C> =
  | { readonly type: 'added' }
  /** Already there: the new contact took the old one's place, as the most recently seen. */
  | { readonly type: 'refreshed'; readonly previous: C }
  /** No room: the contact went to the replacement cache. Ping the least recently seen to decide. */
  | { readonly type: 'full'; readonly leastRecentlySeen: C }
  /** The table never holds its own id. */
  | { readonly type: 'own' }

export type RemoveOutcome<C> =
  /** `promoted` came from the replacement cache into the bucket. */
  | { readonly type: 'removed'; readonly contact: C; readonly promoted: C | undefined }
  /** It was a replacement, and is one no more. */
  | { readonly type: 'replacement-removed'; readonly contact: C }
  | { readonly type: 'absent' }

export class RoutingTable<C extends { readonly id: Id }> implements Iterable<C> {
  readonly own: Id
  readonly k: number
  readonly replacementsMax: number
  readonly #contacts = new KBuckets<C>()
  /** Only of buckets that are full. Made when the first one comes. */
  #replacements: KBuckets<C> | undefined
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
    return this.#contacts.size
  }

  /** Files a contact that was just heard from. */
  offer(contact: C): OfferOutcome<C> {
    const prefix = commonPrefixLength(this.own, contact.id)
    if (prefix === idBits) return { type: 'own' }
    const contacts = this.#contacts
    const event = ++this.#events
    const place = contacts.placeOf(prefix, contact.id)
    const previous = place < 0 ? undefined : contacts.takeOut(prefix, place)
    if (previous || contacts.sizeOf(prefix) < this.k) {
      contacts.push(prefix, contact, event)
      return previous ? { type: 'refreshed', previous } : added
    }
    if (this.replacementsMax > 0) this.#replace(prefix, contact, event)
    return { type: 'full', leastRecentlySeen: contacts.at(contacts.start(prefix)) }
  }

  /** Marks a contact, or a replacement, as most recently seen. False when the table has neither. */
  seen(id: Id): boolean {
    const prefix = commonPrefixLength(this.own, id)
    const event = ++this.#events
    for (const contacts of [this.#contacts, this.#replacements]) {
      const place = contacts?.placeOf(prefix, id) ?? -1
      if (!contacts || place < 0) continue
      contacts.push(prefix, contacts.takeOut(prefix, place), event)
      return true
    }
    return false
  }

  /**
   * Drops a contact that failed or left; the most recently seen replacement takes its place in the bucket, filed by when
   * it was last seen. Drops a replacement too.
   */
  remove(id: Id): RemoveOutcome<C> {
    const prefix = commonPrefixLength(this.own, id)
    const replacement = this.#replacements?.placeOf(prefix, id) ?? -1
    if (this.#replacements && replacement >= 0) {
      return { type: 'replacement-removed', contact: this.#replacements.takeOut(prefix, replacement) }
    }
    const place = this.#contacts.placeOf(prefix, id)
    if (place < 0) return { type: 'absent' }
    const contact = this.#contacts.takeOut(prefix, place)
    return { type: 'removed', contact, promoted: this.#replacements?.moveLastTo(prefix, this.#contacts) }
  }

  /** The contact with that id; undefined when no bucket holds it (replacements do not count). */
  get(id: Id): C | undefined {
    const place = this.#contacts.placeOf(commonPrefixLength(this.own, id), id)
    return place < 0 ? undefined : this.#contacts.at(place)
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
    const length = this.#contacts.depth
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
    return this.#contacts.bucket(idBits - 1 - index)
  }

  /** How many contacts bucket `index` holds, replacements not counted. */
  bucketSize(index: number): number {
    return this.#contacts.sizeOf(idBits - 1 - index)
  }

  /** The replacement cache of bucket `index`, least recently seen first. A copy. */
  replacements(index: number): C[] {
    return this.#replacements?.bucket(idBits - 1 - index) ?? []
  }

  /** Every contact of every bucket, the far buckets first. As they are now: a change shows in the next one. */
  [Symbol.iterator](): Iterator<C> {
    return this.#contacts.contacts.values()
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
    const contacts = this.#contacts
    const end = contacts.end(prefix)
    const targetWord = wordOf(prefix, target)
    const start = result.length
    const words: number[] = []
    for (let place = contacts.start(prefix); place < end; place++) {
      const contact = contacts.at(place)
      if (filter && !filter(contact)) continue
      const word = contacts.wordAt(place) ^ targetWord
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

  /** Files a contact in the replacement cache of a bucket that is full. */
  #replace(prefix: number, contact: C, event: number): void {
    this.#replacements ??= new KBuckets<C>()
    const replacements = this.#replacements
    const known = replacements.placeOf(prefix, contact.id)
    if (known >= 0) replacements.takeOut(prefix, known)
    replacements.push(prefix, contact, event)
    if (replacements.sizeOf(prefix) > this.replacementsMax)
      replacements.takeOut(prefix, replacements.start(prefix))
  }
}

const added = { type: 'added' } as const

function differAt(a: Id, b: Id, bit: number): boolean {
  return (((a[bit >> 3]! ^ b[bit >> 3]!) << (bit & 7)) & 0x80) !== 0
}

/** Whether `a` is closer to `target` than `b`, given 24 bits of either distance, above which they do not differ. */
function precedes(target: Id, a: Id, aWord: number, b: Id, bWord: number): boolean {
  return aWord === bWord ? compareDistances(target, a, b) < 0 : aWord < bWord
}
