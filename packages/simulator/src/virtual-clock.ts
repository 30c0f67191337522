/**
 * Time that passes only when a test says so. Nodes get the clock as their `Clock` port; the test drives it:
 *
 *     const clock = new VirtualClock()
 *     await clock.advance(60_000)                                   // a minute, in no time
 *     await clock.runUntil(() => node.linkCount > 3, { withinMs: 5_000 })
 *     const value = await clock.settle(node.get('greeting'), { withinMs: 15_000 })
 *
 * Protocol code awaits, so after each timer the clock lets the promise jobs run: it gives up its turn again
 * and again until `quietTurns` turns in a row have passed in which nobody set a timer. No port but the clock
 * can make work for later, so this finds the end of every chain of awaits shorter than that; a longer
 * one runs on while time goes by, which is late but the same in every run, since the language fixes the order
 * of promise jobs. Drivers that give up first wait much longer than that.
 */
import type { Clock, Timer } from '@kadrtc/node'
import { TimerQueue } from './timer-queue.js'

export interface VirtualClockOptions {
  /** What `now()` says at first, in ms since the Unix epoch. Default: the start of 2024. */
  readonly startMs?: number
  /** Said in every error of a driver, e.g. `SEED=7`, so that a failure can be replayed. */
  readonly label?: string
  /** See above. 32 turns cost about 2 µs; the longest chain met in the node's own code is under 20. A guess. */
  readonly quietTurns?: number
  /**
   * Promise jobs may run late by up to this much: timers that are due within it fire in one go, and the turns after them
   * are given once. For thousands of nodes; as deterministic as 0, the default.
   */
  readonly granularityMs?: number
}

export interface Within {
  /** How much virtual time may pass. */
  readonly withinMs: number
}

/** Turns given before a driver says that nothing more will happen: about 1 ms of real time. */
const lastQuietTurns = 20_000
/** Promise jobs that go on setting timers in one instant for this many turns are a loop, not a protocol. */
const turnsMax = 10_000_000

/** Less than anything that is measured, and more than doubles lose in days of virtual time. */
const leastStepMs = 1e-6

export class VirtualClock implements Clock {
  readonly startMs: number
  readonly #label: string
  readonly #quietTurns: number
  readonly #granularityMs: number
  readonly #queue = new TimerQueue()
  #elapsedMs = 0
  #driven = false

  constructor(options: VirtualClockOptions = {}) {
    this.startMs = options.startMs ?? 1_704_067_200_000
    this.#label = options.label === undefined ? '' : ` (${options.label})`
    this.#quietTurns = options.quietTurns ?? 32
    this.#granularityMs = options.granularityMs ?? 0
  }

  /** Whole milliseconds since the clock was made. A small integer takes no memory of its own, and nodes keep millions of these. */
  now(): number {
    return Math.floor(this.#elapsedMs)
  }

  wallMs(): number {
    return this.startMs + this.now()
  }

  /** Virtual milliseconds since the clock was made, with fractions. */
  get elapsedMs(): number {
    return this.#elapsedMs
  }

  /** Timers that are set and have not fired. */
  get pendingTimers(): number {
    return this.#queue.size
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    if (Number.isNaN(delayMs)) throw new RangeError('A timer needs a delay, not NaN')
    const atMs = this.#elapsedMs + Math.max(0, delayMs)
    // Time goes by while a timer runs, as on any clock: who waits for what is left of a millisecond would wait for ever.
    const isLost = delayMs > 0 && atMs === this.#elapsedMs
    return this.#queue.add(isLost ? this.#elapsedMs + leastStepMs : atMs, fire)
  }

  /** Lets `ms` of virtual time pass. Rejects with what a timer throws, and then stands at that timer. */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`Time cannot go by ${ms} ms`)
    await this.#drive(ms, () => false)
  }

  /** Lets time pass until `condition` holds, which is asked after every timer. Rejects if it does not hold in time. */
  async runUntil(condition: () => boolean, { withinMs }: Within): Promise<void> {
    if (await this.#drive(withinMs, condition)) return
    throw new Error(`The condition did not hold within ${this.#described(withinMs)}`)
  }

  /** Lets time pass until `promise` settles, and gives its value or throws its reason. Rejects if it does not settle in time. */
  async settle<T>(promise: Promise<T>, { withinMs }: Within): Promise<T> {
    let settled = false
    const note = () => {
      settled = true
    }
    promise.then(note, note)
    if (await this.#drive(withinMs, () => settled)) return promise
    throw new Error(`The promise did not settle within ${this.#described(withinMs)}`)
  }

  /** Runs until `done` or until `withinMs` have passed; tells which. */
  async #drive(withinMs: number, done: () => boolean): Promise<boolean> {
    if (this.#driven) throw new Error('The clock is being driven already: await one driver before the next')
    this.#driven = true
    try {
      const endMs = this.#elapsedMs + withinMs
      await this.#drain(this.#quietTurns)
      for (;;) {
        if (done()) return true
        if (this.#fireNext(endMs)) {
          const untilMs = Math.min(endMs, this.#elapsedMs + this.#granularityMs)
          if (this.#granularityMs > 0) while (this.#fireNext(untilMs));
          await this.#drain(this.#quietTurns)
        } else if (!(await this.#hasLateWork(endMs, done))) break
      }
      this.#elapsedMs = Math.max(this.#elapsedMs, endMs)
      return done()
    } finally {
      this.#driven = false
    }
  }

  #fireNext(endMs: number): boolean {
    const dueMs = this.#queue.nextDueMs()
    if (dueMs === undefined || dueMs > endMs) return false
    this.#elapsedMs = dueMs
    this.#queue.takeNext()?.()
    return true
  }

  /** A last long wait for promise jobs before time is up: whether it brought anything. */
  async #hasLateWork(endMs: number, done: () => boolean): Promise<boolean> {
    for (let turns = 0; turns < lastQuietTurns; turns += 256) {
      await this.#drain(256)
      if (done() || (this.#queue.nextDueMs() ?? Number.POSITIVE_INFINITY) <= endMs) return true
    }
    return false
  }

  async #drain(quietTurns: number): Promise<void> {
    let seen = this.#queue.sequence
    for (let turns = 0, quiet = 0; quiet < quietTurns; turns++) {
      await undefined
      quiet++
      if (this.#queue.sequence === seen) continue
      seen = this.#queue.sequence
      quiet = 0
      if (turns > turnsMax) throw new Error(`Promise jobs set timers without end at ${this.#position()}`)
    }
  }

  #described(withinMs: number): string {
    const waiting = this.#queue.size === 0 ? 'no timer is' : `${this.#queue.size} timers are`
    return `${withinMs} ms: at ${this.#position()} ${waiting} waiting`
  }

  #position(): string {
    return `${this.elapsedMs} ms of virtual time${this.#label}`
  }
}
