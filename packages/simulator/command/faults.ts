/**
 * Makes the faults of a run happen: what is odd about single nodes from their beginning, all else once `begin` is called, on
 * the cluster's clock. Each draws from a stream of its own, so that one more changes no other.
 *
 *     const cluster = new FaultyCluster(() => faults.conditions(), clusterOptions)
 *     const faults = new Faults(cluster, options, events)
 *     await cluster.grow(100)
 *     faults.begin()
 */
import { idKey } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import {
  Cluster,
  type ClusterOptions,
  type Lies,
  type Member,
  type NodeConditions,
  type SeededRandom,
} from '@kadrtc/simulator'
import type { Fault, FaultKind, Lie } from './fault-options.js'

export interface FaultsOptions {
  readonly faults: readonly Fault[]
  /** Departures of 1 that are crashes. */
  readonly crashFraction: number
}

export interface Joined {
  readonly member: Member<KadNode>
  readonly started: Promise<unknown>
}

export interface FaultsEvents {
  /** So many nodes were struck, or joined; undefined: the whole network is. */
  onFault(fault: Fault, nodes: number | undefined): void
  onFreeze(member: Member<KadNode>): void
  onJoin(joined: readonly Joined[]): void
}

/** Whoever is added to it, and whenever, is as odd as `conditions` says. */
export class FaultyCluster extends Cluster<KadNode> {
  readonly #conditions: () => NodeConditions

  constructor(conditions: () => NodeConditions, options: ClusterOptions<KadNode>) {
    super(options)
    this.#conditions = conditions
  }

  override add(...[conditions = this.#conditions(), identity]: Parameters<Cluster<KadNode>['add']>) {
    return super.add(conditions, identity)
  }
}

/** The first nodes have nobody else to begin with, and are as they should be. */
const soundNodes = 5

export class Faults {
  /** Nodes that have left and joined at one moment. */
  readonly counters = { departures: 0, arrivals: 0 }
  readonly #random: SeededRandom
  #conditioned = 0

  constructor(
    private readonly cluster: Cluster<KadNode>,
    private readonly options: FaultsOptions,
    private readonly events: FaultsEvents,
  ) {
    this.#random = cluster.random.fork('faults')
  }

  /** What is odd about the next node that is made. */
  conditions(): NodeConditions {
    const index = this.#conditioned++
    if (index < soundNodes) return {}
    const conditions: { -readonly [Key in keyof NodeConditions]: NodeConditions[Key] } = {}
    for (const { kind, percent, ms, lies } of this.options.faults) {
      const random = this.#random.fork(`${kind} of node ${index}`)
      if (100 * random.fraction() >= percent) continue
      if (kind === 'slow') conditions.slowMs = ms
      if (kind === 'skew') conditions.skewMs = Math.round((2 * random.fraction() - 1) * ms)
      if (kind === 'lying') conditions.lying = liesOf(lies ?? [])
    }
    return conditions
  }

  /** Now is time 0 of what is to happen at some time. */
  begin(): void {
    const { faults } = this.options
    for (const fault of faults) {
      const ofKind = faults.filter(({ kind }) => kind === fault.kind)
      const random = this.#random.fork(`${fault.kind} ${ofKind.indexOf(fault)}`)
      const strike = this.#strikes[fault.kind]
      if (strike) this.cluster.clock.setTimer(fault.atMs, () => strike(fault, random))
    }
  }

  readonly #strikes: Readonly<Partial<Record<FaultKind, (fault: Fault, random: SeededRandom) => void>>> = {
    delay: (fault, random) => {
      this.cluster.network.faults.delayMs = () => this.#drawn(fault, random) ?? 0
      this.events.onFault(fault, undefined)
    },
    replay: (fault, random) => {
      this.cluster.network.faults.replay = () => this.#drawn(fault, random)
      this.events.onFault(fault, undefined)
    },
    freeze: (fault, random) => this.#freeze(fault, random),
    hang: (fault, random) => this.#freeze(fault, random),
    partition: (fault, random) => this.#cut(fault, random, true),
    'partition-one-way': (fault, random) => this.#cut(fault, random, false),
    'mass-leave': (fault, random) => this.#leave(fault, random),
    'mass-join': (fault) => this.#join(fault),
  }

  /** For one message: nothing, or up to the fault's time. */
  #drawn({ percent, ms }: Fault, random: SeededRandom): number | undefined {
    return 100 * random.fraction() < percent ? random.fraction() * ms : undefined
  }

  #freeze(fault: Fault, random: SeededRandom): void {
    const { cluster, events } = this
    const struck = this.#sample(fault, random)
    for (const member of struck) {
      cluster.freeze(member.index)
      events.onFreeze(member)
    }
    events.onFault(fault, struck.length)
    if (fault.kind === 'hang') return
    cluster.clock.setTimer(fault.ms, () => {
      // Whose session has ended meanwhile is gone.
      for (const { index, state } of struck) if (state === 'frozen') cluster.thaw(index)
    })
  }

  #cut(fault: Fault, random: SeededRandom, bothWays: boolean): void {
    const { network, clock } = this.cluster
    const struck = this.#sample(fault, random)
    const inside = new Set(struck.map(({ node }) => idKey(node.id)))
    network.cut((from, to) => {
      const fromInside = inside.has(idKey(from))
      return fromInside !== inside.has(idKey(to)) && (bothWays || fromInside)
    })
    this.events.onFault(fault, struck.length)
    clock.setTimer(fault.ms, () => network.heal())
  }

  #leave(fault: Fault, random: SeededRandom): void {
    const { cluster, options } = this
    const struck = this.#sample(fault, random)
    this.counters.departures += struck.length
    for (const { index } of struck) {
      if (random.fraction() < options.crashFraction) {
        cluster.crash(index)
        cluster.forget(index)
        continue
      }
      // How it fails is seen where the cluster stops a node.
      const gone = () => cluster.forget(index)
      cluster.depart(index).then(gone, gone)
    }
    this.events.onFault(fault, struck.length)
  }

  #join(fault: Fault): void {
    const count = Math.round((this.cluster.nodes.length * fault.percent) / 100)
    this.counters.arrivals += count
    const joined = Array.from({ length: count }, () => this.cluster.add())
    this.events.onJoin(joined)
    this.events.onFault(fault, count)
  }

  /** Of those that are up. */
  #sample({ percent }: Fault, random: SeededRandom): Member<KadNode>[] {
    const up = this.cluster.members.filter(({ state }) => state === 'up')
    return random.sample(up, Math.round((up.length * percent) / 100))
  }
}

/** Whatever it could do to a packet it does; where it would both drop and misroute, one as often as the other. */
function liesOf(told: readonly Lie[]): Lies {
  const [drops, misroutes] = [told.includes('drop'), told.includes('misroute')]
  return {
    ...(drops ? { drop: misroutes ? 0.5 : 1 } : {}),
    ...(misroutes ? { misroute: 1 } : {}),
    ...(told.includes('mislead') ? { mislead: 1 } : {}),
  }
}
