/**
 * The contacts nearest to this node, linked or only heard of. A k-bucket keeps whom it met first; the bucket in which the
 * k-th nearest lies may therefore be full of others. Siblings are chosen from here.
 */
import { compareDistances, equalIds, type Id } from '@kadrtc/kademlia'
import type { Contact } from '../lookups/contact.js'

export class NearestContacts {
  /** Nearest first; at most `countMax`. */
  readonly #nearest: Contact[] = []
  #changes = 0

  constructor(
    readonly own: Id,
    readonly countMax: number,
  ) {}

  /** How often anything in it has changed: what was made of it holds for as long as that. */
  get changes(): number {
    return this.#changes
  }

  /** True if it was not there before, and is near enough to stay. The latest route to a contact is kept. */
  offer(contact: Contact): boolean {
    if (equalIds(contact.id, this.own)) return false
    const last = this.#nearest.at(-1)
    const isFull = this.#nearest.length >= this.countMax
    if (isFull && last && compareDistances(this.own, last.id, contact.id) < 0) return false
    this.#changes++
    const at = this.#nearest.findIndex(({ id }) => compareDistances(this.own, id, contact.id) >= 0)
    const known = at >= 0 && equalIds(this.#nearest[at]!.id, contact.id)
    if (known) {
      this.#nearest[at] = contact
      return false
    }
    this.#nearest.splice(at < 0 ? this.#nearest.length : at, 0, contact)
    if (this.#nearest.length > this.countMax) this.#nearest.pop()
    return true
  }

  /** Whether it was there. */
  remove(id: Id): boolean {
    const at = this.#nearest.findIndex((contact) => equalIds(contact.id, id))
    if (at < 0) return false
    this.#changes++
    this.#nearest.splice(at, 1)
    return true
  }

  get(id: Id): Contact | undefined {
    return this.#nearest.find((contact) => equalIds(contact.id, id))
  }

  closest(count: number): Contact[] {
    return this.#nearest.slice(0, count)
  }
}
