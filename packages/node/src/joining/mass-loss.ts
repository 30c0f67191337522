/**
 * Notices that many links were lost at once. One tab in so many may die in a minute; when a quarter of all peers fall
 * silent it is more likely that the network has parted.
 */
const withinMs = 60_000
const share = 1 / 4
/** Fewer are no sign of anything. */
const lossesLeast = 4

export class MassLoss {
  #sinceMs = Number.NEGATIVE_INFINITY
  #losses = 0

  /** A link was lost, and `left` are left. True when that makes too many. */
  note(nowMs: number, left: number): boolean {
    if (nowMs - this.#sinceMs > withinMs) {
      this.#sinceMs = nowMs
      this.#losses = 0
    }
    this.#losses += 1
    if (this.#losses < lossesLeast || this.#losses < share * (left + this.#losses)) return false
    this.#losses = 0
    return true
  }
}
