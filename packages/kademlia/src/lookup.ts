/**
 * The careful, iterative lookup (Kademlia paper, section 2.3) over d disjoint paths (S/Kademlia, section 4.4), as a
 * synchronous machine. It sends nothing and reads no clock: the driver calls `next` whenever something happened, does
 * what it says, and reports what came back.
 *
 *   let step = lookup.next(now())
 *   while (step.type === 'ask') { send(step.contact); step = lookup.next(now()) }
 *   // 'wait', 'at-capacity': call next again on a reply, on a failure, or at step.untilMs
 *
 * A step names everybody once at most; the driver may know more ways to one (`onAskedAgain`). At most alpha contacts are outstanding
 * that are not slow: one that has not answered after `slowAfterMs` no longer holds others up, and after `timeoutMs` it has failed.
 * A contact belongs to the path that heard of it first, so a liar leads one path astray and no other.
 *
 * Bounds: k contacts of one reply, contactsMax / paths contacts per path. Hence at most contactsMax questions.
 */
import { compareDistances } from './distance.js'
import { equalIds, type Id, idKey } from './id.js'
import { type ContactState, type Entry, LookupPath } from './lookup-path.js'

export interface LookupOptions<C> {
  readonly target: Id
  /** This node: never asked, never in the result. */
  readonly own: Id
  /** Where to begin: the closest contacts this node knows, in any order. */
  readonly seeds: readonly C[]
  /** How many contacts are looked for, and how many of one reply are used. Default 20. */
  readonly k?: number
  /** Questions under way at once, over all paths. Default 3. */
  readonly alpha?: number
  /** Disjoint paths. Default 1. */
  readonly paths?: number
  /** After this long another contact is asked meanwhile. Default 500. */
  readonly slowAfterMs?: number
  /** After this long the contact has failed. Default 2,000. */
  readonly timeoutMs?: number
  /** Contacts that are not expected to answer: they are asked, and hold nobody up from the first moment. Default none. */
  readonly isSilent?: (contact: C) => boolean
  /** Contacts remembered in all. Default 1,000. */
  readonly contactsMax?: number
}

export const lookupDefaults = {
  /** The paper's k (section 2.2). */
  k: 20,
  /** The paper's alpha (section 2.3). */
  alpha: 3,
  /** One path is the plain lookup of the paper; S/Kademlia suggests 4 to 8 against adversaries. */
  paths: 1,
  /** Several round trips over a relayed route. A guess; drivers that measure round trips should do better. */
  slowAfterMs: 500,
  /** A guess, as above. */
  timeoutMs: 2_000,
  /** Far more than an honest network names: 50 replies of 20 that do not overlap. */
  contactsMax: 1_000,
} as const

/** What the driver is to do now. Times are on the clock that `next` is given. */
export type LookupStep<C> =
  /** Ask this contact, and call `next` again at once. */
  | { readonly type: 'ask'; readonly contact: C }
  /** All that should be asked has been; answers are due. */
  | { readonly type: 'wait'; readonly untilMs: number }
  /** There are more to ask, but alpha questions are under way. */
  | { readonly type: 'at-capacity'; readonly untilMs: number }
  /** The k closest contacts that answered, nearest first; fewer when there are no more. Final. */
  | { readonly type: 'finished'; readonly closest: readonly C[] }

/** What became of a reply or failure that was reported. */
export type LookupInput =
  | 'accepted'
  /** After its timeout, after a reported failure, or after the end. Its contacts were still used, unless at the end. */
  | 'late'
  /** That contact had answered, or its failure had been reported. Ignored. */
  | 'duplicate'
  /** That contact was never asked. Ignored. */
  | 'rogue'

export class Lookup<C extends { readonly id: Id }> {
  readonly target: Id
  readonly own: Id
  readonly #k: number
  readonly #alpha: number
  readonly #slowAfterMs: number
  readonly #timeoutMs: number
  readonly #isSilent: (contact: C) => boolean
  readonly #paths: readonly LookupPath<C>[]
  /** By `idKey`; the union of all paths' entries, and bounded by them. */
  readonly #known = new Map<string, Entry<C>>()
  /** Asked and neither answered nor failed; a subset of `#known`. */
  readonly #outstanding = new Set<Entry<C>>()
  #finished: LookupStep<C> | undefined

  /** Throws RangeError when an option is out of range. */
  constructor(options: LookupOptions<C>) {
    const { k, alpha, paths, slowAfterMs, timeoutMs, contactsMax } = { ...lookupDefaults, ...options }
    for (const [name, value] of Object.entries({ k, alpha, paths, contactsMax })) {
      if (!Number.isInteger(value) || value < 1)
        throw new RangeError(`${name} is not an integer above 0: ${value}`)
    }
    for (const [name, value] of Object.entries({ slowAfterMs, timeoutMs })) {
      if (!(value > 0)) throw new RangeError(`${name} is above 0, not ${value}`)
    }
    this.target = options.target
    this.own = options.own
    this.#k = k
    this.#alpha = alpha
    this.#slowAfterMs = slowAfterMs
    this.#timeoutMs = timeoutMs
    this.#isSilent = options.isSilent ?? (() => false)
    if (contactsMax < paths) throw new RangeError(`contactsMax (${contactsMax}) is below paths (${paths})`)
    const contactsPerPath = Math.floor(contactsMax / paths)
    this.#paths = Array.from({ length: paths }, () => new LookupPath<C>(options.target, contactsPerPath))
    this.#dealSeeds(options.seeds)
  }

  /** How many contacts have been asked so far. */
  get asked(): number {
    return this.#paths.reduce((sum, path) => sum + path.asked, 0)
  }

  /** What to do now. `now` must not run backwards. A step 'ask' counts as done. */
  next(now: number): LookupStep<C> {
    if (this.#finished) return this.#finished
    this.#expire(now)
    if (this.#paths.every((path) => path.isFinished(this.#k))) return this.#finish()
    const candidate = this.#candidate(now)
    if (!candidate) return { type: 'wait', untilMs: this.#nextChangeMs(now) }
    if (this.#freshCount(now) >= this.#alpha) return { type: 'at-capacity', untilMs: this.#nextChangeMs(now) }
    const slowAtMs = this.#isSilent(candidate.contact) ? now : now + this.#slowAfterMs
    candidate.state = { type: 'asked', slowAtMs, failsAtMs: now + this.#timeoutMs }
    candidate.path.asked++
    this.#outstanding.add(candidate)
    return { type: 'ask', contact: candidate.contact }
  }

  /** Contacts that were heard of otherwise, as from a question asked before: seeds that come late. Ignored after the end. */
  hear(contacts: readonly C[]): void {
    if (!this.#finished) this.#dealSeeds(contacts)
  }

  /** `id` answered with the contacts it knows closest to the target. The first k of them are used. */
  onReply(id: Id, closer: readonly C[], now: number): LookupInput {
    this.#expire(now)
    const entry = this.#known.get(idKey(id))
    const state = entry?.state
    if (!entry || !state || state.type === 'heard') return 'rogue'
    if (state.type === 'answered') return 'duplicate'
    this.#settle(entry, { type: 'answered' })
    if (this.#finished) return 'late'
    for (const contact of closer.slice(0, this.#k)) this.#hear(contact, entry.path)
    return state.type === 'asked' ? 'accepted' : 'late'
  }

  /** `id` could not be asked, or refused: no need to wait for its timeout. */
  onFailure(id: Id, now: number): LookupInput {
    this.#expire(now)
    const entry = this.#known.get(idKey(id))
    const state = entry?.state
    if (!entry || !state || state.type === 'heard') return 'rogue'
    if (state.type === 'answered') return 'duplicate'
    if (state.type === 'failed' && state.cause === 'reported') return 'duplicate'
    this.#settle(entry, { type: 'failed', cause: 'reported' })
    return state.type === 'asked' && !this.#finished ? 'accepted' : 'late'
  }

  /**
   * `id`, who may have failed, has been asked once more, by another way: it is waited for, for `forMs` at least, and holds nobody up.
   * Ignored after the end, and of who has answered or was never asked.
   */
  onAskedAgain(id: Id, now: number, forMs: number): void {
    const entry = this.#known.get(idKey(id))
    if (this.#finished || !entry || entry.state.type === 'heard' || entry.state.type === 'answered') return
    const failsAtMs = Math.max(now + forMs, entry.state.type === 'asked' ? entry.state.failsAtMs : 0)
    entry.state = { type: 'asked', slowAtMs: now, failsAtMs }
    this.#outstanding.add(entry)
  }

  /** Nearest first in turn, so that no path begins better than the others. */
  #dealSeeds(seeds: readonly C[]): void {
    const nearestFirst = [...seeds].sort((a, b) => compareDistances(this.target, a.id, b.id))
    let dealt = 0
    for (const seed of nearestFirst) {
      if (this.#hear(seed, this.#paths[dealt % this.#paths.length]!)) dealt++
    }
  }

  /** Whether the contact was new. It belongs to the path that names it first. */
  #hear(contact: C, path: LookupPath<C>): boolean {
    const key = idKey(contact.id)
    if (this.#known.has(key) || equalIds(contact.id, this.own)) return false
    const { added, forgotten } = path.hear(contact)
    if (forgotten) this.#known.delete(idKey(forgotten.contact.id))
    if (added) this.#known.set(key, added)
    return added !== undefined
  }

  #settle(entry: Entry<C>, state: ContactState): void {
    this.#outstanding.delete(entry)
    entry.state = state
  }

  /** Fails what is past its timeout. */
  #expire(now: number): void {
    for (const entry of this.#outstanding) {
      if (now >= asked(entry).failsAtMs) this.#settle(entry, { type: 'failed', cause: 'timeout' })
    }
  }

  /** The next contact to ask, of the path that has the fewest questions under way, or else asked the fewest so far. */
  #candidate(now: number): Entry<C> | undefined {
    let best: Entry<C> | undefined
    for (const path of this.#paths) {
      const entry = path.candidate(this.#k, now)
      if (!entry) continue
      const lead = best ? this.#freshCount(now, path) - this.#freshCount(now, best.path) : -1
      if (!best || lead < 0 || (lead === 0 && path.asked < best.path.asked)) best = entry
    }
    return best
  }

  /** Questions under way that are not slow, of one path or of all. */
  #freshCount(now: number, path?: LookupPath<C>): number {
    let count = 0
    for (const entry of this.#outstanding) {
      if ((!path || entry.path === path) && now < asked(entry).slowAtMs) count++
    }
    return count
  }

  /** When the next question becomes slow or fails by itself. Something is outstanding, or the lookup has finished. */
  #nextChangeMs(now: number): number {
    let untilMs = Number.POSITIVE_INFINITY
    for (const entry of this.#outstanding) {
      const { slowAtMs, failsAtMs } = asked(entry)
      untilMs = Math.min(untilMs, failsAtMs, slowAtMs > now ? slowAtMs : failsAtMs)
    }
    return untilMs
  }

  #finish(): LookupStep<C> {
    const closest = this.#paths
      .flatMap((path) => path.entries)
      .filter(({ state }) => state.type === 'answered')
      .map(({ contact }) => contact)
      .sort((a, b) => compareDistances(this.target, a.id, b.id))
      .slice(0, this.#k)
    this.#finished = { type: 'finished', closest }
    return this.#finished
  }
}

function asked(entry: Entry<{ readonly id: Id }>): Extract<ContactState, { type: 'asked' }> {
  if (entry.state.type !== 'asked') throw new Error('Only a contact that was asked is outstanding')
  return entry.state
}
