/** Remembers which requests were heard, so that a copy of one costs nothing. The oldest is forgotten first. */
export class ReplayGuard {
  readonly #seen = new Set<string>()

  constructor(private readonly entriesMax: number) {}

  has(key: string): boolean {
    return this.#seen.has(key)
  }

  /** False if it was there. */
  add(key: string): boolean {
    if (this.#seen.has(key)) return false
    this.#seen.add(key)
    if (this.#seen.size > this.entriesMax) {
      const oldest = this.#seen.values().next()
      if (!oldest.done) this.#seen.delete(oldest.value)
    }
    return true
  }
}
