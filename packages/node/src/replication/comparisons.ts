/**
 * Anti-entropy (Demers et al. 1987): now and then a holder compares all that it holds with a few neighbours drawn by chance. Repair
 * leaves each record to the few that are closest; when these have missed some, nobody ever tells them, and hardly anybody lives to
 * see the hourly digest. The calmer it is, the rarer.
 */
import type { Contact } from '../lookups/contact.js'
import type { Clock, Timer } from '../ports/clock.js'
import { type Random, randomFraction } from '../ports/random.js'
import type { Settings } from '../settings.js'

export interface ComparisonPorts {
  readonly clock: Clock
  readonly random: Random
  readonly settings: Settings
  /** Those who may hold the same records. */
  peers(): Contact[]
  compare(peer: Contact): void
}

/** Neighbours at a time. A guess. */
const atOnce = 3

export class Comparisons {
  #timer: Timer | undefined
  #everyMs: number
  #isCalm = true

  constructor(readonly ports: ComparisonPorts) {
    this.#everyMs = ports.settings.compareIntervalMs
    this.#schedule()
  }

  /** Somebody near has left: others may have missed something. */
  onChange(): void {
    this.#isCalm = false
  }

  close(): void {
    this.#timer?.cancel()
  }

  #schedule(): void {
    const { clock, random, settings, compare } = this.ports
    this.#timer = clock.setTimer(this.#everyMs * (0.75 + randomFraction(random) / 2), () => {
      for (const peer of this.#drawn()) compare(peer)
      this.#everyMs = this.#isCalm
        ? Math.min(2 * this.#everyMs, settings.digestIntervalMs)
        : settings.compareIntervalMs
      this.#isCalm = true
      this.#schedule()
    })
  }

  #drawn(): Contact[] {
    const left = this.ports.peers()
    const drawn: Contact[] = []
    while (drawn.length < atOnce && left.length > 0)
      drawn.push(...left.splice(Math.floor(randomFraction(this.ports.random) * left.length), 1))
    return drawn
  }
}
