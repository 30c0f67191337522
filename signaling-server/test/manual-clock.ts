import type { Clock } from '../src/index.js'

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  #now = 0
  readonly #tickers = new Set<{ readonly intervalMs: number; readonly fire: () => void; dueAt: number }>()

  now(): number {
    return this.#now
  }

  every(intervalMs: number, fire: () => void): () => void {
    const ticker = { intervalMs, fire, dueAt: this.#now + intervalMs }
    this.#tickers.add(ticker)
    return () => this.#tickers.delete(ticker)
  }

  get running(): number {
    return this.#tickers.size
  }

  /** Lets time pass in the steps in which tickers are due. */
  advance(byMs: number): void {
    const until = this.#now + byMs
    for (;;) {
      const due = [...this.#tickers].filter((ticker) => ticker.dueAt <= until)
      const next = due.toSorted((a, b) => a.dueAt - b.dueAt)[0]
      if (!next) break
      this.#now = next.dueAt
      next.dueAt += next.intervalMs
      next.fire()
    }
    this.#now = until
  }
}
