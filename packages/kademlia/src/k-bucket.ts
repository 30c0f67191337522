/**
 * One k-bucket: up to k contacts in least-recently-seen order (Kademlia paper, section 2.2), and the replacement cache
 * of those that found no room (section 4.1). Used by routing-table.ts alone, which decides what belongs in it.
 */
import { equalIds, type Id, idBytes } from './id.js'

/**
 * Contacts, least recently seen first, and when each was last seen, counted in events of the table. The arrays are made anew
 * at each change, of the very size: one that grows is mostly room, and there are many small ones.
 */
export class Contacts<C extends { readonly id: Id }> {
  #list: readonly C[] = none
  #seen: readonly number[] = none
  /** The last 24 bits of each id: to look at the ids themselves takes the memory far longer than to compare numbers. */
  #tails: readonly number[] = none

  get list(): readonly C[] {
    return this.#list
  }

  indexOf(id: Id): number {
    const tails = this.#tails
    const tail = tailOf(id)
    for (let i = 0; i < tails.length; i++) {
      if (tails[i] === tail && equalIds(this.#list[i]!.id, id)) return i
    }
    return -1
  }

  /** As the most recently seen. */
  push(contact: C, seen: number): void {
    this.#insert(this.#list.length, contact, seen)
  }

  takeOut(at: number): C {
    const contact = this.#list[at]!
    this.#list = this.#list.toSpliced(at, 1)
    this.#seen = this.#seen.toSpliced(at, 1)
    this.#tails = this.#tails.toSpliced(at, 1)
    return contact
  }

  /** Moves the last one of these to where it belongs in `others`; undefined when there is none. */
  moveLastTo(others: Contacts<C>): C | undefined {
    const last = this.#list.length - 1
    if (last < 0) return undefined
    const seen = this.#seen[last]!
    const contact = this.takeOut(last)
    let at = others.#list.length
    while (at > 0 && others.#seen[at - 1]! > seen) at--
    others.#insert(at, contact, seen)
    return contact
  }

  #insert(at: number, contact: C, seen: number): void {
    this.#list = this.#list.toSpliced(at, 0, contact)
    this.#seen = this.#seen.toSpliced(at, 0, seen)
    this.#tails = this.#tails.toSpliced(at, 0, tailOf(contact.id))
  }
}

function tailOf(id: Id): number {
  return (id[idBytes - 3]! << 16) | (id[idBytes - 2]! << 8) | id[idBytes - 1]!
}

/** Shared, since most buckets of most tables are empty. */
const none: readonly never[] = []

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

export class KBucket<C extends { readonly id: Id }> {
  /** At most k. */
  readonly contacts = new Contacts<C>()
  /** At most `replacementsMax`, and only while the bucket is full. Made when the first one comes. */
  #replacements: Contacts<C> | undefined

  get replacements(): readonly C[] {
    return this.#replacements?.list ?? none
  }

  get(id: Id): C | undefined {
    return this.contacts.list[this.contacts.indexOf(id)]
  }

  /** `seen` is the event's number. */
  offer(contact: C, seen: number, k: number, replacementsMax: number): OfferOutcome<C> {
    const { contacts } = this
    const at = contacts.indexOf(contact.id)
    const previous = at < 0 ? undefined : contacts.takeOut(at)
    if (previous || contacts.list.length < k) {
      contacts.push(contact, seen)
      return previous ? { type: 'refreshed', previous } : added
    }
    if (replacementsMax > 0) {
      this.#replacements ??= new Contacts<C>()
      const known = this.#replacements.indexOf(contact.id)
      if (known >= 0) this.#replacements.takeOut(known)
      this.#replacements.push(contact, seen)
      if (this.#replacements.list.length > replacementsMax) this.#replacements.takeOut(0)
    }
    return { type: 'full', leastRecentlySeen: contacts.list[0]! }
  }

  /** `at` is the event's number. False when the id is neither a contact nor a replacement. */
  seen(id: Id, at: number): boolean {
    for (const contacts of [this.contacts, this.#replacements]) {
      const index = contacts?.indexOf(id) ?? -1
      if (!contacts || index < 0) continue
      contacts.push(contacts.takeOut(index), at)
      return true
    }
    return false
  }

  /** The replacement that steps in is filed by when it was last seen. */
  remove(id: Id): RemoveOutcome<C> {
    const replacement = this.#replacements?.indexOf(id) ?? -1
    if (this.#replacements && replacement >= 0) {
      return { type: 'replacement-removed', contact: this.#replacements.takeOut(replacement) }
    }
    const at = this.contacts.indexOf(id)
    if (at < 0) return { type: 'absent' }
    const contact = this.contacts.takeOut(at)
    return { type: 'removed', contact, promoted: this.#replacements?.moveLastTo(this.contacts) }
  }
}

const added = { type: 'added' } as const
