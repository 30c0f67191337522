/** The platform's clock and randomness, for those who inject none. The only place in this package that names them. */
import type { Clock, Random } from '@kadrtc/node'

/** By so much more the wall clock must have gone on than the monotonic one for the machine to have slept, ms. A guess. */
const sleptMsMin = 50

/**
 * `now()` has the resolution of `performance.now()`, since a round trip between two tabs takes less than the millisecond that
 * `Date.now()` counts in. It stands still where that does while a laptop sleeps, and then goes on with what the wall clock says has
 * passed. A wall clock that is set back leaves it as it is.
 */
export function systemClock(wallMs = () => Date.now(), monotonicMs = () => performance.now()): Clock {
  let lastWallMs = wallMs()
  let lastMonotonicMs = monotonicMs()
  let nowMs = lastWallMs
  return {
    now() {
      const passedMs = monotonicMs() - lastMonotonicMs
      const passedOnWallMs = wallMs() - lastWallMs
      lastMonotonicMs += passedMs
      lastWallMs += passedOnWallMs
      nowMs += passedOnWallMs - passedMs > sleptMsMin ? passedOnWallMs : passedMs
      return nowMs
    },
    wallMs,
    setTimer(delayMs, fire) {
      const handle = setTimeout(fire, delayMs)
      return { cancel: () => clearTimeout(handle) }
    },
  }
}

export function systemRandom(): Random {
  return { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) }
}
