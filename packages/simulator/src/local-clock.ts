/**
 * One node's view of the virtual clock: it may run ahead or behind, and it stops when the node's tab dies, so
 * that the code of a dead node does nothing more.
 */
import type { Clock, Timer } from '@kadrtc/node'

export class LocalClock implements Clock {
  #stopped = false

  constructor(
    private readonly clock: Clock,
    /** Added to what the shared clock says, in ms. */
    private readonly skewMs = 0,
  ) {}

  now(): number {
    return this.clock.now() + this.skewMs
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    if (this.#stopped) return { cancel() {} }
    return this.clock.setTimer(delayMs, () => {
      if (!this.#stopped) fire()
    })
  }

  /** No timer of this clock fires any more, those already set included. */
  stop(): void {
    this.#stopped = true
  }
}
