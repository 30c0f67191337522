/**
 * Whether a peer is still there: something must have been heard of it between one ping and the next. Who is about to rely on it
 * asks for a sign of life besides, since a peer that has vanished is otherwise taken for alive for most of a minute. Pure: it
 * says what is due, and its owner pings or cuts.
 */
export class Heartbeat {
  readonly #intervalMs: number
  readonly #signOfLifeMs: number
  #pingedAt: number
  #heardAt: number
  #heardSince = true
  /** When the first ping was sent that has not been answered. */
  #askedAt: number | undefined

  constructor(intervalMs: number, signOfLifeMs: number, now: number) {
    this.#intervalMs = intervalMs
    this.#signOfLifeMs = signOfLifeMs
    this.#pingedAt = now
    this.#heardAt = now
  }

  heard(now: number): void {
    this.#heardSince = true
    this.#heardAt = now
    this.#askedAt = undefined
  }

  /** True: nothing was heard of the peer for a while, and it has not been asked yet; a ping counts as sent now. */
  ask(now: number): boolean {
    if (this.#askedAt !== undefined || now - this.#heardAt < this.#signOfLifeMs) return false
    this.#askedAt = now
    return true
  }

  /** The peer was asked, and has not answered in time. */
  isSilent(now: number): boolean {
    return this.#askedAt !== undefined && now - this.#askedAt >= this.#signOfLifeMs
  }

  /** 'ping': counts as sent now. 'dead': the last one has not been answered. */
  due(now: number): 'nothing' | 'ping' | 'dead' {
    if (now - this.#pingedAt < this.#intervalMs) return 'nothing'
    if (!this.#heardSince) return 'dead'
    this.#heardSince = false
    this.#pingedAt = now
    this.#askedAt ??= now
    return 'ping'
  }
}
