/** A clock that the test moves. */
import type { Clock, Timer } from '@kadrtc/node'

export class ManualClock implements Clock {
  #nowMs: number
  readonly #timers = new Set<{ readonly dueMs: number; readonly fire: () => void }>()

  constructor(nowMs = 1_000_000) {
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return this.#nowMs
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const timer = { dueMs: this.#nowMs + delayMs, fire }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  get pendingTimers(): number {
    return this.#timers.size
  }

  /** Time passes, and each timer fires when it is due. */
  pass(ms: number): void {
    const endMs = this.#nowMs + ms
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs)[0]
      if (!next || next.dueMs > endMs) break
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      this.#timers.delete(next)
      next.fire()
    }
    this.#nowMs = endMs
  }

  /** The event loop stands still: what fell due meanwhile fires once, at the end. */
  stall(ms: number): void {
    this.#nowMs += ms
    const due = [...this.#timers].filter((timer) => timer.dueMs <= this.#nowMs)
    for (const timer of due.sort((a, b) => a.dueMs - b.dueMs)) {
      if (this.#timers.delete(timer)) timer.fire()
    }
  }
}
