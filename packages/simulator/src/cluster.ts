/**
 * Many nodes on one virtual network, from one seed. The factory says what a node is:
 *
 *     const cluster = new Cluster({
 *       seed: 7,
 *       createNode: (ports) => new KadNode(ports),
 *       start: (node) => node.start({ allowAlone: true }),
 *       stop: (node) => node.close(),
 *     })
 *     await cluster.grow(16)
 *     await cluster.run(cluster.node(3).records.get(keyIdOf('greeting')))
 *     cluster.crash(3)
 *     await cluster.clock.advance(60_000)
 *
 * Whatever the nodes do, the same seed and the same calls give the same run: `cluster.trace.digest()` tells.
 * Errors of the clock name the seed.
 */
import { type Id, idFromBytes } from '@kadrtc/kademlia'
import { type Introducer, MemoryRecordStore } from '@kadrtc/node'
import type { ClusterPorts, Member, MemberState, NodeConditions } from './cluster-member.js'
import { constantLatency, type LatencyModel } from './latency-plane.js'
import { LocalClock } from './local-clock.js'
import { type Lies, LyingTransport } from './lying-transport.js'
import { SeededRandom } from './seeded-random.js'
import { StubIdentity } from './stub-identity.js'
import { TraceHash } from './trace-hash.js'
import { VirtualClock } from './virtual-clock.js'
import { type IntroductionServerOptions, VirtualIntroductionServer } from './virtual-introducer.js'
import { VirtualNetwork, type VirtualNetworkOptions } from './virtual-network.js'
import type { VirtualTransport } from './virtual-transport.js'

export interface ClusterOptions<N> {
  readonly seed: string | number
  /** Called for each node, and again when a crashed one restarts. `index` counts from 0. */
  readonly createNode: (ports: ClusterPorts, index: number) => N
  /** Brings a node up; `grow` waits for it. Default: nothing is to be done. */
  readonly start?: (node: N) => Promise<unknown>
  /** Ends a node in peace; `leave` waits for it. */
  readonly stop?: (node: N) => Promise<unknown>
  readonly networkName?: string
  /** Makes the latency model, of a stream of the cluster's randomness: `latencyPlane`. Default: 20 ms one way for all. */
  readonly latency?: (random: SeededRandom) => LatencyModel
  readonly network?: Partial<Omit<VirtualNetworkOptions, 'clock' | 'random' | 'latencyMs' | 'observe'>>
  readonly server?: Partial<Omit<IntroductionServerOptions, 'clock' | 'random'>>
  /** Virtual time that a start, a stop or a `run` may take. Default: a minute. */
  readonly withinMs?: number
  /** Hash all that happens, so that runs can be compared; it takes a tenth of the time. Default: true. */
  readonly traced?: boolean
  /** See `VirtualClock`. Default 0. */
  readonly granularityMs?: number
}

interface MutableMember<N> extends Member<N> {
  ports: ClusterPorts
  node: N
  state: MemberState
  clock: LocalClock
  tab: VirtualTransport
  restarts: number
}

export class Cluster<N> {
  readonly seed: string
  readonly random: SeededRandom
  readonly clock: VirtualClock
  readonly trace: TraceHash
  readonly network: VirtualNetwork
  readonly server: VirtualIntroductionServer
  readonly #options: ClusterOptions<N>
  readonly #withinMs: number
  /** Oldest first; bounded by `forget`. */
  readonly #members = new Map<number, MutableMember<N>>()
  /** A tenth of what a node takes, and more, would be copies of ids that are here already. */
  readonly #keepId = (id: Id): Id => this.network.idOf(id) ?? idFromBytes(id)
  #added = 0

  constructor(options: ClusterOptions<N>) {
    this.#options = options
    this.#withinMs = options.withinMs ?? 60_000
    this.seed = String(options.seed)
    this.random = new SeededRandom(options.seed)
    const { granularityMs = 0, traced = true } = options
    this.clock = new VirtualClock({ label: `SEED=${this.seed}`, granularityMs })
    this.trace = new TraceHash(this.clock)
    this.network = new VirtualNetwork({
      ...options.network,
      clock: this.clock,
      random: this.random.fork('network'),
      latencyMs: (options.latency ?? (() => constantLatency(20)))(this.random.fork('latency')),
      ...(traced ? { observe: (event) => this.trace.add(event) } : {}),
    })
    this.server = new VirtualIntroductionServer({
      ...options.server,
      clock: this.clock,
      random: this.random.fork('server'),
    })
  }

  /** Everybody who ever was in the cluster and has not been forgotten, oldest first. */
  get members(): readonly Member<N>[] {
    return [...this.#members.values()]
  }

  /** Nodes that are up, by index. */
  get nodes(): N[] {
    return this.members.filter(({ state }) => state === 'up').map(({ node }) => node)
  }

  /** The node at `index`, whatever its state. Throws RangeError if there never was one. */
  node(index: number): N {
    return this.#member(index).node
  }

  /** Makes one more node and calls its `start`, without waiting: the promise is of the start. Its identity is drawn if none is given. */
  add(
    conditions: NodeConditions = {},
    identity: StubIdentity = this.drawIdentity(this.#added),
  ): { readonly member: Member<N>; readonly started: Promise<unknown> } {
    const index = this.#added++
    const stores = { records: new MemoryRecordStore(), published: new MemoryRecordStore() }
    const made = this.#make(index, 0, identity, stores, conditions)
    const member: MutableMember<N> = { index, state: 'up', restarts: 0, conditions, ...made }
    this.#members.set(index, member)
    return { member, started: this.#start(member.node) }
  }

  /** The identity that the node at `index` has if nobody gives it another. */
  drawIdentity(index: number): StubIdentity {
    return StubIdentity.random(this.random.fork(`identity ${index}`))
  }

  /** Adds `count` nodes, one after the other, each once the one before has started. */
  async grow(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.run(this.add().started)
  }

  /** Adds `count` nodes at one moment; the promise is of all their starts. */
  addMany(count: number): { readonly members: readonly Member<N>[]; readonly started: Promise<unknown> } {
    const added = Array.from({ length: count }, () => this.add())
    const started = Promise.all(added.map((one) => one.started))
    return { members: added.map(({ member }) => member), started }
  }

  /** Lets time pass until `work` settles, and gives its value. Several promises may go on side by side. */
  run<T>(work: Promise<T>, withinMs = this.#withinMs): Promise<T> {
    return this.clock.settle(work, { withinMs })
  }

  /** The node's tab dies: its code stops, its links fall silent, its stores keep what they hold. */
  crash(index: number): void {
    const member = this.#member(index)
    if (member.state !== 'up' && member.state !== 'frozen') return
    member.state = 'crashed'
    member.clock.stop()
    member.tab.crash()
    this.server.crash(member.ports.identity.id)
  }

  /** Many tabs die at one moment. */
  crashMany(indices: Iterable<number>): void {
    for (const index of indices) this.crash(index)
  }

  /**
   * The browser freezes the node's tab: none of its code runs, and to its peers it is as silent as a crashed one. Its verbs
   * are not to be called until `thaw`; without one this is a tab that hangs. The server takes it for alive.
   */
  freeze(index: number): void {
    const member = this.#member(index)
    if (member.state !== 'up') return
    member.state = 'frozen'
    member.tab.freeze()
  }

  /** The tab goes on: timers that were due, messages and closes that came meanwhile are delivered in their order. */
  thaw(index: number): void {
    const member = this.#member(index)
    if (member.state !== 'frozen') return
    member.state = 'up'
    member.tab.thaw()
  }

  /** A crashed node comes back with its identity and its stores: a reload. The promise is of the start. */
  restart(index: number): { readonly member: Member<N>; readonly started: Promise<unknown> } {
    const member = this.#member(index)
    if (member.state !== 'crashed') throw new Error(`Node ${index} has not crashed: it is ${member.state}`)
    const { identity } = member.ports
    member.restarts++
    Object.assign(member, this.#make(index, member.restarts, identity, member.ports, member.conditions))
    member.state = 'up'
    return { member, started: this.#start(member.node) }
  }

  /** The node stops in peace. */
  async leave(index: number): Promise<void> {
    const member = this.#member(index)
    if (member.state !== 'up') return
    const { stop } = this.#options
    if (stop) await this.run(stop(member.node))
    await member.ports.transport.close()
    member.state = 'left'
    member.clock.stop()
  }

  /** As `leave`, while somebody else drives the clock: for use in timers. The node counts as gone at once. */
  async depart(index: number): Promise<void> {
    const member = this.#member(index)
    if (member.state !== 'up') return
    member.state = 'left'
    try {
      await this.#options.stop?.(member.node)
    } finally {
      await member.ports.transport.close()
      member.clock.stop()
    }
  }

  /** Lets go of a member that has crashed or left, so that its memory is free; it cannot restart. Unknown ones are no error. */
  forget(index: number): void {
    const state = this.#members.get(index)?.state
    if (state === 'up' || state === 'frozen') throw new Error(`Node ${index} is ${state}`)
    this.#members.delete(index)
  }

  /** One of the nodes that are up. */
  pick(): N {
    return this.random.pick(this.nodes)
  }

  #member(index: number): MutableMember<N> {
    const member = this.#members.get(index)
    if (!member) throw new RangeError(`There is no node ${index} among ${this.#members.size}`)
    return member
  }

  #make(
    index: number,
    restarts: number,
    identity: StubIdentity,
    { records, published }: Pick<ClusterPorts, 'records' | 'published'>,
    { skewMs = 0, slowMs = 0, lying }: NodeConditions,
  ): Pick<MutableMember<N>, 'ports' | 'node' | 'clock' | 'tab'> {
    const clock = new LocalClock(this.clock, skewMs)
    const tab = this.network.transport(identity, clock)
    tab.slowMs = slowMs
    const network = this.#options.networkName ?? 'simulation'
    const ports: ClusterPorts = {
      network,
      identity,
      transport: lying ? this.#lyingTransport(`${index} ${restarts}`, identity, network, tab, lying) : tab,
      introducers: [introducerOf(this.server, clock)],
      records,
      published,
      clock,
      random: this.random.fork(`node ${index} ${restarts}`),
      keepId: this.#keepId,
    }
    return { ports, clock, tab, node: this.#options.createNode(ports, index) }
  }

  #lyingTransport(
    label: string,
    identity: StubIdentity,
    network: string,
    tab: VirtualTransport,
    lies: Lies,
  ): LyingTransport {
    const liars = () =>
      [...this.#members.values()]
        .filter(({ conditions, state }) => conditions.lying && state === 'up')
        .map(({ ports }) => ports.identity.id)
    return new LyingTransport(tab, identity, network, { liars, ...lies }, this.random.fork(`liar ${label}`))
  }

  #start(node: N): Promise<unknown> {
    return this.#options.start?.(node) ?? Promise.resolve()
  }
}

/** The server as a tab sees it: while the tab is frozen its news waits. */
function introducerOf(server: VirtualIntroductionServer, clock: LocalClock): Introducer {
  const { name, open } = server.introducer()
  return {
    name,
    open: (identity, network, events) =>
      open(identity, network, {
        onWelcome: (peers) => clock.whenAwake(() => events.onWelcome(peers)),
        onSignal: (from, signal) => clock.whenAwake(() => events.onSignal(from, signal)),
        onDown: (error) => clock.whenAwake(() => events.onDown(error)),
      }),
  }
}
