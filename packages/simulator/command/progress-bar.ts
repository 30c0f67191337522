/** One line on a terminal that says how far a run is: `growing ████░░░░ 430/1000 joined, 0:41 virtual, 12x`. */
import { clockText } from './duration.js'

/** Where a run is. */
export interface Progress {
  readonly phase: string
  /** How many of how many nodes have joined, where that is known. */
  readonly crowd?: { readonly joined: number; readonly nodes: number }
  readonly virtualMs: number
  /** Of the phase, 0 to 1. */
  readonly done: number
}

/** The part of a terminal's stream that is used. */
export interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const barWidth = 20
const drawEveryMs = 100

export class ProgressBar {
  #drawnMs = Number.NEGATIVE_INFINITY
  #isDrawn = false
  readonly #startMs: number

  constructor(
    private readonly terminal: Terminal,
    /** Real time, in ms. */
    private readonly now: () => number,
  ) {
    this.#startMs = now()
  }

  /** Draws at most ten times a second, and nothing where no terminal is. */
  update(progress: () => Progress): void {
    const nowMs = this.now()
    if (!this.terminal.isTTY || nowMs - this.#drawnMs < drawEveryMs) return
    this.#drawnMs = nowMs
    this.#isDrawn = true
    const line = progressLine(progress(), nowMs - this.#startMs)
    // A line that wraps could not be drawn over.
    this.terminal.write(`\r\x1b[2K${line.slice(0, (this.terminal.columns ?? 80) - 1)}`)
  }

  /** Leaves the line empty for what comes next. */
  clear(): void {
    if (this.#isDrawn) this.terminal.write('\r\x1b[2K')
    this.#isDrawn = false
  }
}

export function progressLine(progress: Progress, realMs: number): string {
  const { phase, crowd, virtualMs, done } = progress
  const full = Math.round(done * barWidth)
  const bar = '█'.repeat(full) + '░'.repeat(barWidth - full)
  const speed = virtualMs / Math.max(1, realMs)
  const pace = speed >= 10 ? speed.toFixed(0) : speed.toFixed(1)
  const joined = crowd ? `${crowd.joined}/${crowd.nodes} joined, ` : ''
  return `${phase.padEnd(7)} ${bar} ${joined}${clockText(virtualMs)} virtual, ${pace}x`
}
