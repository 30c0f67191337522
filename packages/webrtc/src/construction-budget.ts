/**
 * Counts and paces the construction of RTCPeerConnections. Chrome allows a page 500 that were constructed and not
 * yet collected; closing one does not give it back, only garbage collection does, and a page that opens and closes
 * links makes too little garbage for the collector to hurry. Past the cap the constructor throws, at no cost: then
 * collection is encouraged and the constructor tried again, which takes 50 to 250 ms (measured in Chromium 156).
 * Constructions are counted besides, and a FinalizationRegistry tells what was collected, so that collection is
 * encouraged before the cap; but it counts wrappers, which go before the connections do, and so is no proof of room.
 *
 *     const connection = await budget.construct((constructed) => {
 *       const connection = new RTCPeerConnection()
 *       constructed(connection)
 *       return connection
 *     })
 */
import { type CancelSignal, type Clock, KadrtcError, type Timer } from '@kadrtc/node'

export interface ConstructionLimits {
  /** Constructions per minute once the burst is used up: a node that churns more has a fault somewhere. */
  readonly perMinute: number
  /** Constructions at once: all links of a node that joins. */
  readonly burst: number
  /** Constructed and not collected, past which construction waits. Chrome stops at 500 for the whole page. */
  readonly outstandingMax: number
  /** Longest wait for collection before the constructor is tried all the same. */
  readonly collectionWaitMs: number
  /** Longest wait for a construction, in all. Below the 15 s that a dial may take. */
  readonly waitMs: number
  /** Constructions that may wait. */
  readonly waitingMax: number
}

export const constructionLimits: ConstructionLimits = {
  perMinute: 30,
  burst: 64,
  outstandingMax: 400,
  collectionWaitMs: 500,
  waitMs: 10_000,
  waitingMax: 64,
}

export interface ConstructionStats {
  readonly constructed: number
  readonly collected: number
  /** Constructed and not collected. */
  readonly outstanding: number
  readonly waiting: number
}

export interface ConstructionPorts {
  readonly clock: Clock
  /** Returns the function that registers a target; `collected` is called once for each. */
  readonly watchCollection?: ((collected: () => void) => (target: object) => void) | undefined
  /** Makes garbage, so that the collector runs. Called again and again while construction waits. */
  readonly encourageCollection?: (() => void) | undefined
}

/** Throws BUSY when the browser refuses to construct one more; it is tried again after collection. */
export type Construct<T> = (constructed: (target: object) => void) => T

interface Waiter {
  /** False: the browser refuses for now. */
  attempt(): boolean
  refuse(error: unknown): void
}

/** Between two encouragements the event loop runs: links are served, and the collector gets its turn. */
const encourageEveryMs = 10
/** After this many in vain, somebody else holds the connections: we ask on, but seldom. */
const encourageOftenMax = 100
const encourageSeldomMs = 250
/** After a wait in vain the collector is left alone for this long, unless the constructor refuses. */
const respiteMs = 30_000

export class ConstructionBudget {
  #constructed = 0
  #collected = 0
  #tokens: number
  #refilledAtMs: number
  #timer: Timer | undefined
  #closed = false
  #serving = false
  #encouragements = 0
  /** Since when we wait for the registry; undefined while we do not. */
  #waitingSinceMs: number | undefined
  #respiteUntilMs = 0
  /** FIFO, bounded by `waitingMax`. */
  readonly #waiters = new Set<Waiter>()
  readonly #clock: Clock
  readonly #register: (target: object) => void
  readonly #encourage: () => void

  constructor(
    ports: ConstructionPorts,
    private readonly limits: ConstructionLimits = constructionLimits,
  ) {
    this.#clock = ports.clock
    this.#tokens = limits.burst
    this.#refilledAtMs = ports.clock.now()
    this.#encourage = ports.encourageCollection ?? encourageCollection
    this.#register = (ports.watchCollection ?? watchWithRegistry)(() => {
      this.#collected++
      if (this.#waitingSinceMs !== undefined) this.#serve()
    })
  }

  /**
   * Calls `make` once there is room, and gives what it made. Rejects with BUSY (too many wait, or it took
   * too long), CLOSED, the reason of `signal`, or what `make` threw.
   */
  construct<T>(make: Construct<T>, options: { signal?: CancelSignal | undefined } = {}): Promise<T> {
    const { signal } = options
    if (this.#closed) return Promise.reject(new KadrtcError('CLOSED'))
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#waiters.size >= this.limits.waitingMax) {
      return Promise.reject(new KadrtcError('BUSY', 'too many connections are being set up'))
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        attempt: () => {
          try {
            const made = make(this.#count)
            settle()
            resolve(made)
          } catch (error) {
            if (error instanceof KadrtcError && error.code === 'BUSY') return false
            waiter.refuse(error)
          }
          return true
        },
        refuse: (error) => {
          settle()
          reject(error)
        },
      }
      const onAbort = (): void => waiter.refuse(signal?.reason)
      const timer = this.#clock.setTimer(this.limits.waitMs, () => {
        waiter.refuse(new KadrtcError('BUSY', 'too many connections were opened of late'))
      })
      const settle = (): void => {
        this.#waiters.delete(waiter)
        if (this.#waiters.size === 0) this.#stopTimer()
        timer.cancel()
        signal?.removeEventListener('abort', onAbort)
      }
      signal?.addEventListener('abort', onAbort)
      this.#waiters.add(waiter)
      // While the timer runs, those who came earlier wait too.
      if (!this.#timer) this.#serve()
    })
  }

  stats(): ConstructionStats {
    return {
      constructed: this.#constructed,
      collected: this.#collected,
      outstanding: this.#outstanding,
      waiting: this.#waiters.size,
    }
  }

  /** Refuses all who wait, with CLOSED. */
  close(): void {
    this.#closed = true
    this.#stopTimer()
    for (const waiter of [...this.#waiters]) waiter.refuse(new KadrtcError('CLOSED'))
  }

  get #outstanding(): number {
    return this.#constructed - this.#collected
  }

  readonly #count = (target: object): void => {
    this.#constructed++
    this.#register(target)
  }

  #serve(): void {
    // What is constructed may ask for more: the loop below sees whoever joins the queue.
    if (this.#closed || this.#serving) return
    this.#serving = true
    this.#stopTimer()
    this.#refill()
    this.#serveWaiters()
    this.#serving = false
  }

  #serveWaiters(): void {
    for (const waiter of this.#waiters) {
      if (!this.#hasRoom()) return this.#encourageAndServeSoon()
      if (this.#tokens < 1) return this.#serveIn(((1 - this.#tokens) * 60_000) / this.limits.perMinute)
      if (!waiter.attempt()) return this.#encourageAndServeSoon()
      this.#tokens--
      this.#encouragements = 0
    }
    this.#waitingSinceMs = undefined
  }

  #hasRoom(): boolean {
    const now = this.#clock.now()
    if (this.#outstanding < this.limits.outstandingMax) {
      this.#waitingSinceMs = undefined
      return true
    }
    if (now < this.#respiteUntilMs) return true
    this.#waitingSinceMs ??= now
    if (now - this.#waitingSinceMs < this.limits.collectionWaitMs) return false
    this.#waitingSinceMs = undefined
    this.#respiteUntilMs = now + respiteMs
    return true
  }

  #encourageAndServeSoon(): void {
    this.#encourage()
    this.#serveIn(this.#encouragements++ < encourageOftenMax ? encourageEveryMs : encourageSeldomMs)
  }

  #serveIn(delayMs: number): void {
    this.#timer = this.#clock.setTimer(delayMs, () => this.#serve())
  }

  #stopTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #refill(): void {
    const now = this.#clock.now()
    const elapsedMs = Math.max(0, now - this.#refilledAtMs)
    this.#refilledAtMs = now
    this.#tokens = Math.min(this.limits.burst, this.#tokens + (elapsedMs * this.limits.perMinute) / 60_000)
  }
}

function watchWithRegistry(collected: () => void): (target: object) => void {
  const registry = new FinalizationRegistry<undefined>(collected)
  return (target) => registry.register(target, undefined)
}

/** Memory outside the heap counts for the collector; untouched, it takes no real memory and no time. Measured. */
const garbageBytes = 32 * 2 ** 20
const garbagePieces = 8

/** Allocates and drops memory, a piece at a time, so that the collector may take one before the next is made. */
export function encourageCollection(): void {
  try {
    for (let i = 0; i < garbagePieces; i++) new ArrayBuffer(garbageBytes)
  } catch {
    // Memory is short: the collector is at work already.
  }
}
