/**
 * Keys that many ask for, seen from both ends. A holder counts the questions, and where there are many it lets those who ask keep
 * copies for a while. Who has such an answer knows that copies are about, and asks whomever it is linked to instead of
 * the k closest: a key that all of 1,000 nodes read is then answered by all of them, and not by twenty.
 */
import { type Id, idKey } from '@kadrtc/kademlia'
import { type Random, randomFraction } from '../ports/random.js'

/**
 * How long the nearest off-replica node caches a value, halved with each bit of distance, and how long an asker keeps a copy.
 * Long enough for a key that many ask for, and as old as a copy may get. A guess.
 */
export const copyLifeMsMost = 30_000
/** So many different nodes that ask within `demandMs` are many. Fewer are served with ease, and read nothing old. A guess. */
const manyAskers = 32
/** And how long they count as many from then on. */
const demandMs = 10_000
/** How long after an answer that told of copies others are still expected to have some. A guess. */
const rumourMs = 60_000
/** Copies that end sooner are renewed, by so many of 1 who read them: of many readers a few. Guesses. */
const renewedBelowMs = 12_000
const renewedShare = 1 / 8
const keysMax = 256

/** Before copies end. */
const spreadEveryMs = 20_000
/** Keys spread within that time: whoever asks in the name of many must not make this node send without end. A guess. */
const spreadsMax = 4

interface Asked {
  sinceMs: number
  readonly askers: Set<string>
  /** Until then many ask. */
  untilMs: number
  spreadAtMs: number
}

export class Demand {
  readonly #asked = new Map<string, Asked>()
  readonly #rumours = new Map<string, number>()
  /** When keys were spread lately. */
  #spreads: number[] = []
  #turn = 0

  constructor(
    readonly now: () => number,
    readonly random: Random,
  ) {}

  /** Is a key that many ask for to be spread now? Then it counts as spread. Few are at a time. */
  mustSpread(keyId: Id): boolean {
    const asked = this.#asked.get(idKey(keyId))
    const now = this.now()
    if (!asked || asked.untilMs <= now || now - asked.spreadAtMs < spreadEveryMs) return false
    this.#spreads = this.#spreads.filter((atMs) => now - atMs < spreadEveryMs)
    if (this.#spreads.length >= spreadsMax) return false
    this.#spreads.push(now)
    asked.spreadAtMs = now
    return true
  }

  /** A question for what this node holds. True when many ask. */
  onAsked(keyId: Id, asker: Id): boolean {
    const key = idKey(keyId)
    const now = this.now()
    const asked = this.#asked.get(key) ?? { sinceMs: now, askers: new Set(), untilMs: 0, spreadAtMs: 0 }
    if (now - asked.sinceMs >= demandMs) {
      asked.sinceMs = now
      asked.askers.clear()
    }
    if (asked.askers.size < manyAskers) asked.askers.add(idKey(asker))
    if (asked.askers.size >= manyAskers) asked.untilMs = now + demandMs
    remember(this.#asked, key, asked)
    return asked.untilMs > now
  }

  /**
   * Others had answers for this node; `copyMs` is the longest that one of them lets a copy live, undefined if none told of
   * copies. That they are about is believed of a holder, whose copies live longest, and where nobody says otherwise; for a
   * minute, which what comes from copies does not prolong, so that nobody who keeps an old version alive is believed for
   * longer. All copies that came from the holders at one time end at one time: where few are left that are young, one in a
   * few readers renews them before.
   */
  onAnswered(keyId: Id, copyMs: number | undefined, onlyCopies: boolean): void {
    const isFirst = !this.hasCopies(keyId)
    if (copyMs === undefined) this.#rumours.delete(idKey(keyId))
    else if (isFirst && (onlyCopies || copyMs >= copyLifeMsMost))
      remember(this.#rumours, idKey(keyId), this.now() + rumourMs)
    else if (!isFirst && copyMs < renewedBelowMs && randomFraction(this.random) < renewedShare)
      this.#rumours.delete(idKey(keyId))
  }

  /** Copies of what is under this key are likely to be about. */
  hasCopies(keyId: Id): boolean {
    return (this.#rumours.get(idKey(keyId)) ?? 0) > this.now()
  }

  /** `count` of `all`, others each time. */
  inTurn<T>(all: readonly T[], count: number): T[] {
    const start = this.#turn
    this.#turn += count
    return Array.from({ length: Math.min(count, all.length) }, (_, i) => all[(start + i) % all.length]!)
  }
}

/** The most recent `keysMax`. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > keysMax) map.delete(map.keys().next().value!)
}
