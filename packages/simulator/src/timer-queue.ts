/**
 * The timers of a virtual clock: a binary heap ordered by time, then by the order in which they were set,
 * so that two timers of one instant always fire in the same order. Used by `VirtualClock` alone.
 *
 * What orders them stands in arrays of numbers beside the timers: a network of thousands of nodes has hundreds of thousands
 * of timers, which lie all over the memory.
 */
import type { Timer } from '@kadrtc/node'

export class QueuedTimer implements Timer {
  /** Cleared when the timer fires or is cancelled, so that what it holds on to can be collected. */
  fire: (() => void) | undefined
  readonly #queue: TimerQueue

  constructor(queue: TimerQueue, fire: () => void) {
    this.#queue = queue
    this.fire = fire
  }

  cancel(): void {
    if (this.fire === undefined) return
    this.fire = undefined
    this.#queue.noteCancelled()
  }
}

/** Bounded by whoever sets the timers; cancelled ones never take up more than half of the heap. */
export class TimerQueue {
  readonly #timers: QueuedTimer[] = []
  /** Of the timer in the same place: when it is due, and its number. */
  #dueMs = new Float64Array(64)
  #order = new Float64Array(64)
  #cancelled = 0
  #sequence = 0

  /** How many timers have ever been set: it changes whenever somebody asks for more to happen. */
  get sequence(): number {
    return this.#sequence
  }

  /** Timers that will still fire. */
  get size(): number {
    return this.#timers.length - this.#cancelled
  }

  /** Timers held in memory, cancelled ones included. */
  get held(): number {
    return this.#timers.length
  }

  add(dueMs: number, fire: () => void): QueuedTimer {
    const timer = new QueuedTimer(this, fire)
    const at = this.#timers.push(timer) - 1
    if (at === this.#dueMs.length) this.#grow()
    this.#siftUp(at, timer, dueMs, this.#sequence++)
    return timer
  }

  /** When the next timer is due; undefined when nothing waits. */
  nextDueMs(): number | undefined {
    while (this.#timers.length > 0 && this.#timers[0]!.fire === undefined) {
      this.#removeFirst()
      this.#cancelled--
    }
    return this.#timers.length === 0 ? undefined : this.#dueMs[0]
  }

  /** Removes the next timer and gives what it was to do; undefined when nothing waits. */
  takeNext(): (() => void) | undefined {
    if (this.nextDueMs() === undefined) return undefined
    const timer = this.#removeFirst()
    const { fire } = timer
    timer.fire = undefined
    return fire
  }

  noteCancelled(): void {
    this.#cancelled++
    if (this.#cancelled > 64 && this.#cancelled * 2 > this.#timers.length) this.#compact()
  }

  /** Takes the cancelled ones out, and makes a heap of the others: from the last one that has any below it to the first. */
  #compact(): void {
    const timers = this.#timers
    let kept = 0
    for (let at = 0; at < timers.length; at++) {
      if (timers[at]!.fire !== undefined) this.#put(kept++, timers[at]!, this.#dueMs[at]!, this.#order[at]!)
    }
    timers.length = kept
    this.#cancelled = 0
    for (let at = (kept >> 1) - 1; at >= 0; at--) {
      this.#siftDown(at, timers[at]!, this.#dueMs[at]!, this.#order[at]!)
    }
  }

  #removeFirst(): QueuedTimer {
    const timers = this.#timers
    const first = timers[0]!
    const from = timers.length - 1
    const last = timers.pop()!
    if (from > 0) this.#siftDown(0, last, this.#dueMs[from]!, this.#order[from]!)
    return first
  }

  #siftUp(start: number, timer: QueuedTimer, dueMs: number, order: number): void {
    let at = start
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#isBefore(dueMs, order, parent)) break
      this.#put(at, this.#timers[parent]!, this.#dueMs[parent]!, this.#order[parent]!)
      at = parent
    }
    this.#put(at, timer, dueMs, order)
  }

  /** Puts `timer` in the place `start`, or below it. */
  #siftDown(start: number, timer: QueuedTimer, dueMs: number, order: number): void {
    const { length } = this.#timers
    let at = start
    for (let child = 2 * at + 1; child < length; child = 2 * at + 1) {
      const other = child + 1
      if (other < length && this.#isBefore(this.#dueMs[other]!, this.#order[other]!, child)) child = other
      if (this.#isBefore(dueMs, order, child)) break
      this.#put(at, this.#timers[child]!, this.#dueMs[child]!, this.#order[child]!)
      at = child
    }
    this.#put(at, timer, dueMs, order)
  }

  #isBefore(dueMs: number, order: number, place: number): boolean {
    const otherMs = this.#dueMs[place]!
    return dueMs < otherMs || (dueMs === otherMs && order < this.#order[place]!)
  }

  #put(at: number, timer: QueuedTimer, dueMs: number, order: number): void {
    this.#timers[at] = timer
    this.#dueMs[at] = dueMs
    this.#order[at] = order
  }

  #grow(): void {
    const [dueMs, order] = [
      new Float64Array(2 * this.#dueMs.length),
      new Float64Array(2 * this.#order.length),
    ]
    dueMs.set(this.#dueMs)
    order.set(this.#order)
    this.#dueMs = dueMs
    this.#order = order
  }
}
