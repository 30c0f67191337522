/**
 * One network as the server sees it: who is connected, who greets, and whom a newcomer is told of. It knows
 * members by node id, not sockets. Bounded by the server's bound on clients; the pool of greeters and the
 * list of newcomers have bounds of their own.
 */
import { type Id, idKey } from '@kadrtc/kademlia'
import { chooseGreeters } from './choose-greeters.js'
import { GreeterPool, type Identified } from './greeter-pool.js'
import type { Limits } from './limits.js'
import type { Random } from './random.js'

/** A client that has proved its key, as the room needs it. */
export interface Member extends Identified {
  /** Brings it a signal from another member. */
  deliver(from: Id, signal: Uint8Array): void
  /** Somebody has just been told of it. */
  introduced(): void
  /** It owes a sign of life: perhaps it has gone. */
  isSilent(): boolean
  /** Another has taken its place among the greeters. */
  retire(): void
  /** The same node has connected again. */
  supersede(): void
}

export class NetworkRoom {
  readonly name: string
  readonly #limits: Limits
  readonly #random: Random
  readonly #members = new Map<string, Member>()
  readonly #pool: GreeterPool<Member>
  /** Members that have not joined yet, latest last, at most `newcomersMax`. */
  readonly #newcomers = new Set<Member>()

  constructor(name: string, limits: Limits, random: Random) {
    this.name = name
    this.#limits = limits
    this.#random = random
    this.#pool = new GreeterPool(limits)
  }

  get size(): number {
    return this.#members.size
  }

  get greeters(): number {
    return this.#pool.size
  }

  /** A node that is here already is superseded: its new connection is the living one. */
  enter(member: Member): void {
    const key = idKey(member.id)
    const earlier = this.#members.get(key)
    if (earlier) this.leave(earlier)
    this.#members.set(key, member)
    this.#newcomers.add(member)
    if (this.#newcomers.size > this.#limits.newcomersMax) this.#dropOldestNewcomer()
    // Last, when the room is whole again: the earlier connection leaves once more as it closes.
    earlier?.supersede()
  }

  /** Does nothing for who has left or was superseded: the late close of an old socket must not evict the new one. */
  leave(member: Member): void {
    const key = idKey(member.id)
    if (this.#members.get(key) === member) this.#members.delete(key)
    this.withdraw(member)
  }

  /** Nobody is told of `member` any more; signals still reach it until it leaves. */
  withdraw(member: Member): void {
    this.#pool.delete(member)
    this.#newcomers.delete(member)
  }

  /** Whom `member` should dial, best first; each of them is told that it has been introduced. Silent ones, if there is nobody else. */
  introduce(member: Member): Id[] {
    const isOther = (other: Member) => other !== member
    let chosen = this.#choose(member.id, (other) => isOther(other) && !other.isSilent())
    if (chosen.length === 0) chosen = this.#choose(member.id, isOther)
    for (const greeter of chosen) greeter.introduced()
    return chosen.map((greeter) => greeter.id)
  }

  /** `member` has its links. True: it is a greeter now, perhaps in place of another; false: there is no room. */
  joined(member: Member, now: number): boolean {
    this.#newcomers.delete(member)
    const admission = this.#pool.offer(member, now)
    if (admission.outcome === 'admitted-instead') admission.retired.retire()
    return admission.outcome !== 'full'
  }

  /** False: nobody of that id is here, and the signal is lost, as a dial that times out shows its sender. */
  relay(from: Id, to: Id, signal: Uint8Array): boolean {
    const receiver = this.#members.get(idKey(to))
    receiver?.deliver(from, signal)
    return receiver !== undefined
  }

  #choose(self: Id, isEligible: (other: Member) => boolean): Member[] {
    const candidates = {
      greeters: this.#pool.greeters().filter(isEligible),
      newcomers: [...this.#newcomers].filter(isEligible),
    }
    return chooseGreeters(self, candidates, this.#limits.greetersPerWelcome, this.#random)
  }

  #dropOldestNewcomer(): void {
    for (const oldest of this.#newcomers) {
      this.#newcomers.delete(oldest)
      return
    }
  }
}
