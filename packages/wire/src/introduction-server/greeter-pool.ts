/**
 * The nodes of one network that stay connected to meet newcomers: bounded, spread over the id space, and
 * rotated so that the work does not fall on the same tabs for ever. Pure: time is an argument.
 *
 * Who joins is offered to the pool. While there is room everyone is taken. Then one replacement is made at a
 * time, no oftener than `rotationIntervalMs`: of a greeter that has served its time, or else of the most
 * crowded one if the candidate stands freer. Crowded is who shares most leading bits with its nearest fellow:
 * taking those out is what spreads the pool.
 */
import { commonPrefixLength, type Id } from '@kadrtc/kademlia'

export interface GreeterPoolLimits {
  readonly greetersMax: number
  readonly rotationIntervalMs: number
  readonly greeterAgeMaxMs: number
}

export interface Identified {
  readonly id: Id
}

export type Admission<Greeter> =
  | { readonly outcome: 'admitted' }
  | { readonly outcome: 'admitted-instead'; readonly retired: Greeter }
  | { readonly outcome: 'full' }

export class GreeterPool<Greeter extends Identified> {
  readonly #limits: GreeterPoolLimits
  /** At most `greetersMax`, with the time of admission, longest-serving first. */
  readonly #since = new Map<Greeter, number>()
  #replacedAt = Number.NEGATIVE_INFINITY

  constructor(limits: GreeterPoolLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#since.size
  }

  has(greeter: Greeter): boolean {
    return this.#since.has(greeter)
  }

  /** Longest-serving first. */
  greeters(): readonly Greeter[] {
    return [...this.#since.keys()]
  }

  delete(greeter: Greeter): boolean {
    return this.#since.delete(greeter)
  }

  /** May take `candidate` in, and may retire one greeter for it. */
  offer(candidate: Greeter, now: number): Admission<Greeter> {
    if (this.#since.has(candidate)) return { outcome: 'admitted' }
    if (this.#since.size < this.#limits.greetersMax) {
      this.#since.set(candidate, now)
      return { outcome: 'admitted' }
    }
    if (now - this.#replacedAt < this.#limits.rotationIntervalMs) return { outcome: 'full' }
    const retired = this.#hasServed(now) ?? this.#moreCrowdedThan(candidate)
    if (!retired) return { outcome: 'full' }
    this.#since.delete(retired)
    this.#since.set(candidate, now)
    this.#replacedAt = now
    return { outcome: 'admitted-instead', retired }
  }

  /** The longest-serving greeter, if its time is over. */
  #hasServed(now: number): Greeter | undefined {
    for (const [greeter, since] of this.#since) {
      return now - since >= this.#limits.greeterAgeMaxMs ? greeter : undefined
    }
    return undefined
  }

  /** The most crowded greeter, of several the longest-serving; none if the candidate would be no freer in its place. */
  #moreCrowdedThan(candidate: Greeter): Greeter | undefined {
    const greeters = this.greeters()
    let retired: Greeter | undefined
    let most = -1
    for (const greeter of greeters) {
      const crowding = crowdingOf(greeter, greeters)
      if (crowding <= most) continue
      retired = greeter
      most = crowding
    }
    const others = greeters.filter((greeter) => greeter !== retired)
    return crowdingOf(candidate, others) < most ? retired : undefined
  }
}

/** Leading bits shared with the nearest other: the more, the more crowded. -1 when there is no other. */
function crowdingOf<Member extends Identified>(member: Member, among: readonly Member[]): number {
  let most = -1
  for (const other of among) {
    if (other !== member) most = Math.max(most, commonPrefixLength(member.id, other.id))
  }
  return most
}
