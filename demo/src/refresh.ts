/**
 * When the page is drawn: soon after something happened, once for many events, and once a second while anybody looks,
 * for what no event tells (round trips, ages, counters). A hidden tab is drawn when it is shown again.
 */
const slowRefreshMs = 1_000

export class Refresh {
  #awaited = false

  constructor(readonly draw: () => void) {
    document.addEventListener('visibilitychange', () => this.soon())
    setInterval(() => this.soon(), slowRefreshMs)
  }

  /** With the next frame. A hidden tab has no frames. */
  soon(): void {
    if (this.#awaited || document.hidden) return
    this.#awaited = true
    requestAnimationFrame(() => this.now())
  }

  now(): void {
    this.#awaited = false
    this.draw()
  }
}
