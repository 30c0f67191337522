/**
 * How long an answer takes: smoothed round-trip time and its variation, as TCP does it (RFC 6298), so that
 * timeouts fit a loopback and a satellite alike. Of requests straight over a link and of those that are relayed there are
 * separate ones: a relayed answer that takes its time is not late because links are fast.
 */

/** Timers in browsers are good to a few ms, and a busy tab needs some tens of ms to answer. A guess. */
const hedgeLeastMs = 60
/** With nothing measured yet; also what the slowest networks get. Two of them stay below a second. A guess. */
const hedgeMostMs = 400

export class RoundTrips {
  #smoothedMs: number | undefined
  #variationMs = 0

  get smoothedMs(): number | undefined {
    return this.#smoothedMs
  }

  /** RFC 6298, section 2.2 and 2.3, with its gains of 1/8 and 1/4. */
  sample(rttMs: number): void {
    if (this.#smoothedMs === undefined) {
      this.#smoothedMs = rttMs
      this.#variationMs = rttMs / 2
      return
    }
    this.#variationMs += (Math.abs(this.#smoothedMs - rttMs) - this.#variationMs) / 4
    this.#smoothedMs += (rttMs - this.#smoothedMs) / 8
  }

  /**
   * How long a lookup waits before it asks somebody else meanwhile: a dead hop must cost a few round trips, not a timeout
   * of seconds.
   */
  get hedgeAfterMs(): number {
    return this.lateAfterMs(hedgeLeastMs, hedgeMostMs)
  }

  /** After how long a reply is late (RFC 6298's RTO), within the bounds given. */
  lateAfterMs(leastMs: number, mostMs: number): number {
    if (this.#smoothedMs === undefined) return mostMs
    return Math.min(mostMs, Math.max(leastMs, this.#smoothedMs + 4 * this.#variationMs))
  }
}
