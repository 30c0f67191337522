/**
 * How fast a link is shows when it stands. So now and then somebody is dialled though nobody is missing: a contact of a far bucket that may
 * be faster (`faster-contacts.ts`). Of each bucket the fastest links are kept (`link-reasons.ts`), and a slow one ends when it has been
 * idle for long enough. The longer a node has been trying, the less there is to be found, and the rarer are its trials: about `age / 20`
 * apart.
 */
import type { Clock, Timer } from '../ports/clock.js'
import { type Random, randomFraction } from '../ports/random.js'
import type { Settings } from '../settings.js'

/** Ten minutes make 28 trials, an hour 64, a day 128. A guess. */
const rarerByAge = 20

export class LinkTrials {
  readonly #sinceMs: number
  #next: Timer | undefined

  constructor(
    readonly ports: {
      readonly clock: Clock
      readonly random: Random
      readonly settings: Pick<Settings, 'trialIntervalMs'>
    },
    /** Time to dial somebody. */
    readonly onTrial: () => void,
  ) {
    this.#sinceMs = ports.clock.now()
    this.#schedule()
  }

  close(): void {
    this.#next?.cancel()
  }

  /** At other times for each node: those that began together are not to dial together. */
  #schedule(): void {
    const { clock, random, settings } = this.ports
    const apartMs = Math.max(settings.trialIntervalMs, (clock.now() - this.#sinceMs) / rarerByAge)
    this.#next = clock.setTimer(apartMs * (0.75 + randomFraction(random) / 2), () => {
      this.#schedule()
      this.onTrial()
    })
  }
}
