/** The faults of a soak, each drawn from the seed, begun at a strike and ended by itself or by `end`. Used by `soak`. */
import type { Id } from '@kadrtc/kademlia'
import type { KadNode, Timer } from '@kadrtc/node'
import { decodePacket, peekNonce } from '@kadrtc/wire'
import type { Cluster } from './cluster.js'
import type { Member, NodeConditions } from './cluster-member.js'
import type { Lies } from './lying-transport.js'
import { natClasses } from './nat-classes.js'
import type { SeededRandom } from './seeded-random.js'

export interface SoakEvents {
  did(fault: string, who: string): void
  failed(what: string, error: unknown): void
}

/** How far any node's clock runs ahead or behind. */
export const skewMostMs = 60_000
const slowShare = 0.06
const liarShare = 0.05
/** A freeze or a disturbance lasts up to this long: links are lost after 15 s of silence, so either may be. */
const episodeMostMs = 45_000
/** A cut may last longer, so that both sides go on by themselves, and each has news for the other when it heals. */
const cutMostMs = 90_000
/** Some tabs freeze for this long at least, and up to twice as long: nobody is linked to them any more. */
const longFreezeMs = 60_000
/** A copy comes soon after the first or long after, when what it was about may be over. */
const [replaySoonMs, replayMostMs] = [200, 10_000]

export class SoakFaults {
  readonly #random: SeededRandom
  readonly #draws: SeededRandom
  /** Ends of what goes on now, at most one of each kind and one for each frozen node. */
  readonly #ends = new Map<string, Timer>()

  constructor(
    readonly cluster: Cluster<KadNode>,
    readonly nodes: number,
    readonly events: SoakEvents,
  ) {
    this.#random = cluster.random.fork('soak faults')
    this.#draws = cluster.random.fork('soak messages')
    cluster.network.faults.canConnect = natClasses(cluster.seed).canConnect
  }

  /** The first nodes, one after the other; the very first have nobody else, and are honest. */
  async populate(): Promise<void> {
    for (let i = 0; i < this.nodes; i++) {
      await this.cluster.run(this.cluster.add(this.#conditions(i < 5)).started)
    }
  }

  /** Something happens to somebody. */
  strike(): void {
    const up = this.#members('up')
    const isFull = up.length > this.nodes * 1.25
    const isThin = up.length < this.nodes * 0.75
    const menu: [fault: string, weight: number, strike: () => void][] = [
      ['crash', isThin ? 0 : 3, () => this.#crash(this.#random.pick(up))],
      ['crash many', isThin ? 0 : 0.3, () => this.#crashMany(up)],
      ['leave', isThin ? 0 : 2, () => this.#leave(this.#random.pick(up))],
      ['restart', isFull ? 0 : 4, () => this.#restart()],
      ['join', isFull ? 0 : isThin ? 8 : 2, () => this.#join('join')],
      ['join many', isFull ? 0 : 0.3, () => this.#joinMany()],
      ['freeze', isThin ? 0 : 3, () => this.#freeze(this.#random.pick(up))],
      ['cut', 2, () => this.#cut()],
      ['delays', 2, () => this.#delay()],
      ['replays', 2, () => this.#replay()],
    ]
    let left = this.#random.fraction() * menu.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [, weight, strike] of menu) {
      left -= weight
      if (left < 0) return strike()
    }
  }

  /** Everything ends: what is frozen goes on, and liars leave. Who is slow, or has a wrong clock, stays so. */
  end(): void {
    const { network } = this.cluster
    for (const timer of this.#ends.values()) timer.cancel()
    this.#ends.clear()
    network.heal()
    Object.assign(network.faults, { delayMs: undefined, replay: undefined })
    for (const { index } of this.#members('frozen')) this.cluster.thaw(index)
    for (const member of this.#members('up')) if (member.conditions.lying) this.#leave(member)
  }

  #crash({ index }: Member<KadNode>): void {
    this.events.did('crash', String(index))
    this.cluster.crash(index)
  }

  /** A tenth of all at most: what they kept is still kept by others. */
  #crashMany(up: readonly Member<KadNode>[]): void {
    const indices = this.#random.sample(up, Math.ceil(up.length / 10)).map(({ index }) => index)
    this.events.did('crash many', indices.join(' '))
    this.cluster.crashMany(indices)
  }

  #leave({ index }: Member<KadNode>): void {
    this.events.did('leave', String(index))
    this.cluster.depart(index).catch((error) => this.events.failed(`leave of node ${index}`, error))
  }

  #restart(): void {
    const crashed = this.#members('crashed')
    if (crashed.length === 0) return
    const { index } = this.#random.pick(crashed)
    this.events.did('restart', String(index))
    const { started } = this.cluster.restart(index)
    started.catch((error) => this.events.failed(`restart of node ${index}`, error))
  }

  #join(what: 'join' | 'join many'): void {
    const { member, started } = this.cluster.add(this.#conditions(false))
    this.events.did(what, `${member.index} ${JSON.stringify(member.conditions)}`)
    started.catch((error) => this.events.failed(`start of node ${member.index}`, error))
  }

  /** A fifth as many as there are, at one moment. */
  #joinMany(): void {
    for (let i = 0; i < Math.ceil(this.nodes / 5); i++) this.#join('join many')
  }

  /** Most thaw, before or after their peers gave them up; some hang for good and are closed at the end of the episode. */
  #freeze({ index }: Member<KadNode>): void {
    const hangs = this.#random.fraction() < 0.15
    const isLong = !hangs && this.#random.fraction() < 0.3
    this.events.did(hangs ? 'hang' : isLong ? 'long freeze' : 'freeze', String(index))
    this.cluster.freeze(index)
    const end = () => (hangs ? this.cluster.crash(index) : this.cluster.thaw(index))
    this.#endAfter(
      `freeze ${index}`,
      isLong ? longFreezeMs + this.#random.integer(longFreezeMs) : undefined,
      end,
    )
  }

  #cut(): void {
    if (this.#ends.has('cut')) return
    const salt = this.#random.uint32()
    const oneWay = this.#random.fraction() < 0.5
    this.events.did(oneWay ? 'one-way cut' : 'cut', '')
    this.cluster.network.cut((from, to) => {
      const left = isLeft(salt, from)
      return left !== isLeft(salt, to) && (!oneWay || left)
    })
    this.#endAfter('cut', this.#random.integer(cutMostMs), () => this.cluster.network.heal())
  }

  #delay(): void {
    if (this.#ends.has('delays')) return
    const { faults } = this.cluster.network
    const mostMs = 50 + this.#random.integer(2_000)
    this.events.did('delays', `up to ${mostMs} ms`)
    faults.delayMs = () => (this.#draws.fraction() < 0.1 ? this.#draws.integer(mostMs) : 0)
    this.#endSoon('delays', () => {
      faults.delayMs = undefined
    })
  }

  #replay(): void {
    if (this.#ends.has('replays')) return
    const { faults } = this.cluster.network
    this.events.did('replays', '')
    faults.replay = ({ bytes }) => {
      if (this.#draws.fraction() >= 0.05 || !mayComeTwice(bytes)) return undefined
      return this.#draws.integer(this.#draws.fraction() < 0.5 ? replaySoonMs : replayMostMs)
    }
    this.#endSoon('replays', () => {
      faults.replay = undefined
    })
  }

  #endSoon(what: string, end: () => void): void {
    this.#endAfter(what, undefined, end)
  }

  #endAfter(what: string, afterMs: number | undefined, end: () => void): void {
    const timer = this.cluster.clock.setTimer(afterMs ?? this.#random.integer(episodeMostMs), () => {
      this.#ends.delete(what)
      end()
    })
    this.#ends.set(what, timer)
  }

  #conditions(isHonest: boolean): NodeConditions {
    const [skewMs, isSlow, isLiar] = [
      this.#random.integer(2 * skewMostMs) - skewMostMs,
      this.#random.fraction() < slowShare,
      this.#random.fraction() < liarShare,
    ]
    const lying = this.#lies()
    return {
      skewMs,
      ...(isSlow ? { slowMs: 300 } : {}),
      ...(isLiar && !isHonest ? { lying } : {}),
    }
  }

  /** Some pass on nothing and mislead all, some only show everybody to one another, some lie now and then. */
  #lies(): Lies {
    const share = () => this.#random.fraction()
    const kind = this.#random.integer(3)
    if (kind === 0) return { drop: 1, mislead: 1 }
    if (kind === 1) return { mislead: 1 }
    return { drop: share(), misroute: share(), mislead: share() }
  }

  #members(state: Member<KadNode>['state']): Member<KadNode>[] {
    return this.cluster.members.filter((member) => member.state === state)
  }
}

/**
 * Requests and replies may: a relay can send again what it passes on, and those that crossed none do no harm besides. A notice goes from
 * one end of a data channel to the other, which gives each message once, and no relay has it to send again.
 */
function mayComeTwice(bytes: Uint8Array): boolean {
  const packet = decodePacket(bytes)
  return packet.kind !== 'direct' || peekNonce(packet.body) !== undefined
}

/** One half of all ids, another one for each salt. */
function isLeft(salt: number, id: Id): boolean {
  let hash = salt
  for (const byte of id) hash = Math.imul(hash ^ byte, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return ((hash ^ (hash >>> 13)) & 1) === 0
}
