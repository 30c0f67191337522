/** Signals that are on their way over relays, and what to do when a relay says that one goes no further. */
import type { Clock, Timer } from '../ports/clock.js'

/** A relay says so at once: who has sent more since has its older ones arrived, or lost. */
export const sentSignalsMax = 64
/** Far longer than a signal and the word of a relay take. A guess. */
const rememberedForMs = 5_000

export class SentSignals {
  /** The latest last. */
  readonly #byNonce = new Map<number, { readonly sentAtMs: number; readonly onUnreachable: () => void }>()
  #sweep: Timer | undefined

  constructor(private readonly clock: Clock) {}

  get size(): number {
    return this.#byNonce.size
  }

  add(nonce: number, onUnreachable: () => void): void {
    this.#byNonce.set(nonce, { sentAtMs: this.clock.now(), onUnreachable })
    const [oldest] = this.#byNonce.keys()
    if (this.#byNonce.size > sentSignalsMax && oldest !== undefined) this.#byNonce.delete(oldest)
    this.#sweep ??= this.clock.setTimer(rememberedForMs, this.#forget)
  }

  /** A relay could not pass it on; false if no such signal is remembered. */
  onUnreachable(nonce: number): boolean {
    const sent = this.#byNonce.get(nonce)
    this.#byNonce.delete(nonce)
    sent?.onUnreachable()
    return sent !== undefined
  }

  close(): void {
    this.#sweep?.cancel()
    this.#byNonce.clear()
  }

  readonly #forget = (): void => {
    const untilMs = this.clock.now() - rememberedForMs
    for (const [nonce, { sentAtMs }] of this.#byNonce) if (sentAtMs <= untilMs) this.#byNonce.delete(nonce)
    this.#sweep = this.#byNonce.size > 0 ? this.clock.setTimer(rememberedForMs, this.#forget) : undefined
  }
}
