/** What happened, newest last, and no more than `entriesMax` of it. Pure but for the clock that comes in. */
export type EventKind = 'status' | 'link' | 'unlink' | 'server' | 'warning' | 'you' | 'chat'

export interface LogEntry {
  /** Counts up from 1 and names the entry. */
  readonly number: number
  readonly at: Date
  readonly kind: EventKind
  readonly text: string
}

export class EventLog {
  #entries: readonly LogEntry[] = []
  #number = 0

  constructor(
    readonly entriesMax: number,
    readonly now: () => Date,
  ) {}

  get entries(): readonly LogEntry[] {
    return this.#entries
  }

  add(kind: EventKind, text: string): void {
    this.#number += 1
    this.#entries = [...this.#entries, { number: this.#number, at: this.now(), kind, text }].slice(
      -this.entriesMax,
    )
  }

  clear(): void {
    this.#entries = []
  }
}
