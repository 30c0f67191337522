/** Allows `burst` at once and `perSecond` on the long run. Time is an argument. */
export class TokenBucket {
  #tokens: number
  #filledAtMs: number

  constructor(
    readonly perSecond: number,
    readonly burst: number,
    nowMs: number,
  ) {
    this.#tokens = burst
    this.#filledAtMs = nowMs
  }

  /** Takes one token, if there is one. */
  take(nowMs: number): boolean {
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs)
    this.#filledAtMs = nowMs
    this.#tokens = Math.min(this.burst, this.#tokens + (elapsedMs * this.perSecond) / 1000)
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
