/** Tells if a reader is ever taken back to an older version than it has seen. Bounded by the readers times the keys. */
export class SequenceWatcher {
  /** Notes that had an earlier one to be compared with: with none of these nothing has been watched. */
  compared = 0
  readonly #seen = new Map<string, number>()

  /** A reader has read, or as the author written, this version. A reloaded node is a new reader: it remembers nothing. */
  note(reader: string, key: string, author: string, seq: number): string[] {
    const place = `${reader} ${key} ${author}`
    const seen = this.#seen.get(place)
    if (seen !== undefined) this.compared += 1
    this.#seen.set(place, Math.max(seen ?? 0, seq))
    if (seen === undefined || seq >= seen) return []
    return [`Reader ${reader} saw sequence number ${seq} of ${key} by ${author} after ${seen}`]
  }
}
