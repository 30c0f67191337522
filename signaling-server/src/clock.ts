/**
 * Time, as the server asks for it. The one place that touches the platform's clock; tests pass their own
 * and need no sleeps.
 */
import { performance } from 'node:perf_hooks'

export interface Clock {
  /** Milliseconds on a clock that only goes forward; its zero means nothing. */
  now(): number
  /** Calls `fire` about every `intervalMs` until the function it returns is called. */
  every(intervalMs: number, fire: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  every(intervalMs, fire) {
    const timer = setInterval(fire, intervalMs)
    return () => clearInterval(timer)
  },
}
