/**
 * One k-bucket: up to k contacts in least-recently-seen order (Kademlia paper, section 2.2), and the replacement cache
 * of those that found no room (section 4.1). Used by routing-table.ts alone, which decides what belongs in it.
 */
import { equalIds, type Id } from './id.js'

/** A contact and when it was last seen, counted in events of the table. */
export interface Entry<C> {
  contact: C
  seen: number
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

export class KBucket<C extends { readonly id: Id }> {
  /** Least recently seen first; at most k. */
  readonly entries: Entry<C>[] = []
  /** Least recently seen first; at most `replacementsMax`, and only while the bucket is full. */
  readonly replacements: Entry<C>[] = []

  get(id: Id): C | undefined {
    return this.entries[indexOf(this.entries, id)]?.contact
  }

  offer(entry: Entry<C>, k: number, replacementsMax: number): OfferOutcome<C> {
    const { entries, replacements } = this
    const previous = takeOut(entries, entry.contact.id)
    if (previous || entries.length < k) {
      entries.push(entry)
      return previous ? { type: 'refreshed', previous: previous.contact } : { type: 'added' }
    }
    takeOut(replacements, entry.contact.id)
    replacements.push(entry)
    if (replacements.length > replacementsMax) replacements.shift()
    return { type: 'full', leastRecentlySeen: entries[0]!.contact }
  }

  /** `at` is the event's number. False when the id is neither a contact nor a replacement. */
  seen(id: Id, at: number): boolean {
    for (const list of [this.entries, this.replacements]) {
      const entry = takeOut(list, id)
      if (!entry) continue
      entry.seen = at
      list.push(entry)
      return true
    }
    return false
  }

  /** The replacement that steps in is filed by when it was last seen. */
  remove(id: Id): RemoveOutcome<C> {
    const replacement = takeOut(this.replacements, id)
    if (replacement) return { type: 'replacement-removed', contact: replacement.contact }
    const entry = takeOut(this.entries, id)
    if (!entry) return { type: 'absent' }
    const promoted = this.replacements.pop()
    if (promoted) insertBySeen(this.entries, promoted)
    return { type: 'removed', contact: entry.contact, promoted: promoted?.contact }
  }
}

function indexOf<C extends { readonly id: Id }>(entries: readonly Entry<C>[], id: Id): number {
  for (let i = 0; i < entries.length; i++) if (equalIds(entries[i]!.contact.id, id)) return i
  return -1
}

function takeOut<C extends { readonly id: Id }>(entries: Entry<C>[], id: Id): Entry<C> | undefined {
  const at = indexOf(entries, id)
  return at < 0 ? undefined : entries.splice(at, 1)[0]
}

function insertBySeen<C>(entries: Entry<C>[], entry: Entry<C>): void {
  let at = entries.length
  while (at > 0 && entries[at - 1]!.seen > entry.seen) at--
  entries.splice(at, 0, entry)
}
