/** What one side of a handshake has said, and says again while nothing comes of it: a link that closes takes along what it carried. */
import type { Clock, Timer } from '@kadrtc/node'

/** Far longer than signals take, far shorter than a handshake may; the next time twice as long. A guess. */
const againAfterMs = 1_500

export class SaidSignals {
  /** What the peer may not have heard, oldest first. Bounded by what a handshake has to say. */
  #said: Uint8Array[] = []
  #timer: Timer | undefined
  #closed = false

  constructor(
    private readonly clock: Clock,
    private readonly send: (bytes: Uint8Array, again: boolean) => void,
  ) {}

  say(bytes: Uint8Array): void {
    if (this.#closed) return
    this.#said.push(bytes)
    this.#sayAgainAfter(againAfterMs)
    this.send(bytes, false)
  }

  /** All of it now, since there is another way to say it. */
  sayAll(): void {
    for (const bytes of this.#said) this.send(bytes, false)
  }

  /** The peer has shown that it knows the first `count`. */
  forget(count = this.#said.length): void {
    this.#said.splice(0, count)
  }

  /** The handshake is over: what is still to be said helps nobody. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#said = []
  }

  #sayAgainAfter(delayMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.clock.setTimer(delayMs, () => {
      this.#sayAgainAfter(2 * delayMs)
      for (const bytes of [...this.#said]) this.send(bytes, true)
    })
  }
}
