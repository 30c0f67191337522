/**
 * People come and go: every member of a cluster stays for a session, and an arrival takes its place.
 *
 *     const churn = new Churn(cluster, { lengths: exponential(600_000), crashFraction: 0.8 })
 *     churn.start()
 *     await cluster.clock.advance(3_600_000)
 *     churn.stop()
 *     churn.counters // { departures: 98, arrivals: 98, failedStarts: 0, failedStops: 0 }
 *
 * Each session is drawn from a stream of its own member, so that one session more changes no other.
 */
import type { Timer } from '@kadrtc/node'
import type { Cluster } from '../cluster.js'
import type { Member } from '../cluster-member.js'
import type { SeededRandom } from '../seeded-random.js'
import type { SessionLengths } from './session-lengths.js'

export interface ChurnOptions {
  readonly lengths: SessionLengths
  /** How many departures of 1 are crashes, without a word; the others stop in peace. Default 1. */
  readonly crashFraction?: number
  /** Let the cluster forget those that are gone, so that hours of churn take no more memory. Default true. */
  readonly forgetsDeparted?: boolean
}

export interface ChurnCounters {
  departures: number
  arrivals: number
  /** Arrivals whose start was refused or failed. They stay for their session all the same. */
  failedStarts: number
  /** Peaceful departures whose stop failed: they are crashed. */
  failedStops: number
}

export class Churn<N> {
  readonly counters: ChurnCounters = { departures: 0, arrivals: 0, failedStarts: 0, failedStops: 0 }
  readonly #cluster: Cluster<N>
  readonly #lengths: SessionLengths
  readonly #crashFraction: number
  readonly #forgetsDeparted: boolean
  readonly #random: SeededRandom
  /** Ends of sessions by the member's index; bounded by the members that are up. */
  readonly #ends = new Map<number, Timer>()
  #starts = 0

  /** Throws RangeError if `crashFraction` is not within 0 and 1. */
  constructor(cluster: Cluster<N>, options: ChurnOptions) {
    const { lengths, crashFraction = 1, forgetsDeparted = true } = options
    if (!(crashFraction >= 0 && crashFraction <= 1)) {
      throw new RangeError(`crashFraction is within 0 and 1, not ${crashFraction}`)
    }
    this.#cluster = cluster
    this.#lengths = lengths
    this.#crashFraction = crashFraction
    this.#forgetsDeparted = forgetsDeparted
    this.#random = cluster.random.fork('churn')
  }

  /** Members that will depart. */
  get sessions(): number {
    return this.#ends.size
  }

  /** Begins a session for every member that is up and has none: call it again for those added since. */
  start(): void {
    this.#starts++
    for (const member of this.#cluster.members) {
      if (member.state === 'up' && !this.#ends.has(member.index)) this.#watch(member)
    }
  }

  /** Nobody departs from now on; arrivals that are starting go on. */
  stop(): void {
    for (const end of this.#ends.values()) end.cancel()
    this.#ends.clear()
  }

  #watch(member: Member<N>): void {
    const random = this.#random.fork(`session ${member.index} ${this.#starts}`)
    const lengthMs = this.#lengths(random)
    const isCrash = random.fraction() < this.#crashFraction
    const end = this.#cluster.clock.setTimer(lengthMs, () => {
      this.#ends.delete(member.index)
      // Somebody else has ended it: whoever did that says what is to take its place.
      if (member.state !== 'up' && member.state !== 'frozen') return
      this.#depart(member, isCrash || member.state === 'frozen')
      this.#arrive()
    })
    this.#ends.set(member.index, end)
  }

  #depart({ index }: Member<N>, isCrash: boolean): void {
    this.counters.departures++
    if (isCrash) {
      this.#cluster.crash(index)
      this.#forget(index)
      return
    }
    this.#cluster
      .depart(index)
      .catch(() => {
        this.counters.failedStops++
      })
      .then(() => this.#forget(index))
  }

  #forget(index: number): void {
    if (this.#forgetsDeparted) this.#cluster.forget(index)
  }

  #arrive(): void {
    this.counters.arrivals++
    const { member, started } = this.#cluster.add()
    started.catch(() => {
      // Who departs while it joins has not failed to.
      if (member.state === 'up') this.counters.failedStarts++
    })
    this.#watch(member)
  }
}
