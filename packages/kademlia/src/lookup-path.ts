/**
 * One of the disjoint paths of a lookup: the contacts it heard of, nearest to the target first, and what became of each.
 * Used by lookup.ts alone, which decides when to ask and keeps the paths apart.
 */
import { compareDistances } from './distance.js'
import type { Id } from './id.js'

/** What became of a contact within a lookup. */
export type ContactState =
  /** Named by somebody, not asked yet. */
  | { readonly type: 'heard' }
  | { readonly type: 'asked'; readonly slowAtMs: number; readonly failsAtMs: number }
  | { readonly type: 'answered' }
  | { readonly type: 'failed'; readonly cause: 'timeout' | 'reported' }

export interface Entry<C extends { readonly id: Id }> {
  readonly contact: C
  readonly path: LookupPath<C>
  state: ContactState
}

export class LookupPath<C extends { readonly id: Id }> {
  /** Nearest to the target first. */
  readonly entries: Entry<C>[] = []
  /** How many of the entries have ever been asked. */
  asked = 0
  readonly #target: Id
  readonly #contactsMax: number

  constructor(target: Id, contactsMax: number) {
    this.#target = target
    this.#contactsMax = contactsMax
  }

  /**
   * Files a contact that no path knows. A full path forgets the farthest contact it has not asked, which may be this very
   * one; what was asked is never forgotten, so nobody is asked twice.
   */
  hear(contact: C): { readonly added?: Entry<C>; readonly forgotten?: Entry<C> } {
    const at = this.#placeOf(contact.id)
    if (this.entries.length < this.#contactsMax) return { added: this.#insert(at, contact) }
    const victim = this.entries.findLastIndex((entry) => entry.state.type === 'heard')
    if (victim < at) return {}
    const [forgotten] = this.entries.splice(victim, 1)
    return { added: this.#insert(at, contact), forgotten: forgotten! }
  }

  /**
   * The nearest contact worth asking: it is among the k closest once failed and slow ones are passed over. Passing over
   * the slow is the hedge: should they fail in the end, those that stand in have answered already.
   */
  candidate(k: number, nowMs: number): Entry<C> | undefined {
    let counted = 0
    for (const entry of this.entries) {
      const { state } = entry
      switch (state.type) {
        case 'heard':
          return entry
        case 'asked':
          if (nowMs < state.slowAtMs) counted++
          break
        case 'answered':
          counted++
          break
        case 'failed':
          break
      }
      if (counted >= k) return undefined
    }
    return undefined
  }

  /** Whether the k closest contacts that have not failed have all answered, however few there are. */
  isFinished(k: number): boolean {
    let answered = 0
    for (const { state } of this.entries) {
      if (state.type === 'failed') continue
      if (state.type !== 'answered') return false
      if (++answered >= k) return true
    }
    return true
  }

  #insert(at: number, contact: C): Entry<C> {
    const entry: Entry<C> = { contact, path: this, state: { type: 'heard' } }
    this.entries.splice(at, 0, entry)
    return entry
  }

  /** Binary search for where `id` belongs. */
  #placeOf(id: Id): number {
    let low = 0
    let high = this.entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareDistances(this.#target, this.entries[middle]!.contact.id, id) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
