/**
 * Whether a peer is still there: something must have been heard of it between one ping and the next. Pure: it
 * says what is due, and its owner pings or cuts.
 */
export class Heartbeat {
  readonly #intervalMs: number
  #pingedAt: number
  #heardSince = true

  constructor(intervalMs: number, now: number) {
    this.#intervalMs = intervalMs
    this.#pingedAt = now
  }

  heard(): void {
    this.#heardSince = true
  }

  /** 'ping': counts as sent now. 'dead': the last one has not been answered. */
  due(now: number): 'nothing' | 'ping' | 'dead' {
    if (now - this.#pingedAt < this.#intervalMs) return 'nothing'
    if (!this.#heardSince) return 'dead'
    this.#heardSince = false
    this.#pingedAt = now
    return 'ping'
  }
}
