/**
 * How long a lookup waits before it asks somebody else meanwhile. A dead hop must cost a few round trips, not a
 * timeout of seconds: hedge early, and by what round trips have been taking.
 */
import type { RoundTrips } from '../rpc/round-trips.js'

/** Timers in browsers are good to a few ms, and a busy tab needs some tens of ms to answer. A guess. */
const leastMs = 60
/** With nothing measured yet; also what the slowest networks get. A guess. */
const mostMs = 500

export function hedgeAfterMs(roundTrips: RoundTrips): number {
  return roundTrips.lateAfterMs(leastMs, mostMs)
}
