/**
 * The timers of a virtual clock: a binary heap ordered by time, then by the order in which they were set,
 * so that two timers of one instant always fire in the same order. Used by `VirtualClock` alone.
 */
import type { Timer } from '@kadrtc/node'

export class QueuedTimer implements Timer {
  /** Cleared when the timer fires or is cancelled, so that what it holds on to can be collected. */
  fire: (() => void) | undefined
  readonly #queue: TimerQueue

  constructor(
    queue: TimerQueue,
    readonly dueMs: number,
    readonly sequence: number,
    fire: () => void,
  ) {
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
  #heap: QueuedTimer[] = []
  #cancelled = 0
  #sequence = 0

  /** How many timers have ever been set: it changes whenever somebody asks for more to happen. */
  get sequence(): number {
    return this.#sequence
  }

  /** Timers that will still fire. */
  get size(): number {
    return this.#heap.length - this.#cancelled
  }

  /** Timers held in memory, cancelled ones included. */
  get held(): number {
    return this.#heap.length
  }

  add(dueMs: number, fire: () => void): QueuedTimer {
    const timer = new QueuedTimer(this, dueMs, this.#sequence++, fire)
    this.#heap.push(timer)
    this.#siftUp(this.#heap.length - 1)
    return timer
  }

  /** When the next timer is due; undefined when nothing waits. */
  nextDueMs(): number | undefined {
    while (this.#heap[0] !== undefined && this.#heap[0].fire === undefined) {
      this.#removeFirst()
      this.#cancelled--
    }
    return this.#heap[0]?.dueMs
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
    if (this.#cancelled > 64 && this.#cancelled * 2 > this.#heap.length) this.#compact()
  }

  #compact(): void {
    this.#heap = this.#heap.filter((timer) => timer.fire !== undefined).sort(compareTimers)
    this.#cancelled = 0
  }

  #removeFirst(): QueuedTimer {
    const first = this.#heap[0]!
    const last = this.#heap.pop()!
    if (this.#heap.length > 0) this.#siftDown(last)
    return first
  }

  #siftUp(start: number): void {
    const heap = this.#heap
    const timer = heap[start]!
    let at = start
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (compareTimers(heap[parent]!, timer) <= 0) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = timer
  }

  /** Puts `timer` in the place of the first one. */
  #siftDown(timer: QueuedTimer): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && compareTimers(heap[child + 1]!, heap[child]!) < 0) child++
      if (compareTimers(timer, heap[child]!) <= 0) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = timer
  }
}

function compareTimers(a: QueuedTimer, b: QueuedTimer): number {
  return a.dueMs - b.dueMs || a.sequence - b.sequence
}
