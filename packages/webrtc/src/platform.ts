/** The platform's clock and randomness, for those who inject none. The only place in this package that names them. */
import type { Clock, Random } from '@kadrtc/node'

/** How far the monotonic clock may drift from the wall clock (a laptop slept) before we set it anew. */
const driftMsMax = 50

/**
 * Wall-clock time with the resolution of `performance.now()`: a round trip between two tabs takes less than the
 * millisecond that `Date.now()` counts in.
 */
export function systemClock(): Clock {
  let offsetMs = Date.now() - performance.now()
  return {
    now() {
      const wallMs = Date.now()
      const monotonicMs = performance.now()
      if (Math.abs(offsetMs + monotonicMs - wallMs) > driftMsMax) offsetMs = wallMs - monotonicMs
      return offsetMs + monotonicMs
    },
    setTimer(delayMs, fire) {
      const handle = setTimeout(fire, delayMs)
      return { cancel: () => clearTimeout(handle) }
    },
  }
}

export function systemRandom(): Random {
  return { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) }
}
