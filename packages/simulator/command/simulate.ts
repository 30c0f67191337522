/**
 * One simulated life of a network: it grows in waves, rests, takes values in, and is asked for them while people come
 * and go. The same options give the same events, whoever watches.
 *
 *     await simulate(options, { lengths: exponential(600_000), onEvent: (event) => console.log(JSON.stringify(event)) })
 */
import { idToHex } from '@kadrtc/kademlia'
import { KadNode } from '@kadrtc/node'
import {
  Churn,
  Cluster,
  type ClusterPorts,
  type LatencyModel,
  latencyPlane,
  natClasses,
  type SessionLengths,
} from '@kadrtc/simulator'
import type { OperationEvent, SimEvent, TrafficEvent } from './events.js'
import { Operations, rounded, type StoredValue } from './operations.js'
import type { SimOptions } from './options.js'
import { quantile } from './quantiles.js'

/** Where a run is, for a progress bar. */
export interface SimProgress {
  readonly phase: 'growing' | 'resting' | 'putting' | 'working'
  readonly joined: number
  readonly nodes: number
  readonly virtualMs: number
  /** Of the phase, 0 to 1. */
  readonly done: number
}

export interface Watchers {
  /** Undefined: nobody departs. */
  readonly lengths?: SessionLengths | undefined
  /** Makes the nodes. Default: as an app's are. */
  readonly createNode?: (ports: ClusterPorts) => KadNode
  readonly onEvent?: (event: SimEvent) => void
  /** Called often; what it is given is worked out when asked for. */
  readonly onProgress?: (progress: () => SimProgress) => void
}

const restMs = 60_000
const surveys = 12
/** Sizes at which a few values are put and read while the network grows. */
const probeSizes = [16, 64, 256, 1_024, 4_096, 16_384, 65_536]
const probePuts = 20
const probeGets = 50
const progressStepMs = 100

export async function simulate(options: SimOptions, watchers: Watchers = {}): Promise<SimEvent[]> {
  const simulation = new Simulation(options, watchers)
  await simulation.run()
  return simulation.events
}

class Simulation {
  readonly events: SimEvent[] = []
  readonly #cluster: Cluster<KadNode>
  readonly #operations: Operations
  readonly #realStartMs = performance.now()
  /** Set by the cluster's constructor. */
  #direct!: LatencyModel
  #onOperation: (event: OperationEvent) => void = () => {}
  #failedStarts = 0
  /** Lives of all nodes so far, added up. */
  #nodeMs = 0
  #phase: SimProgress['phase'] = 'growing'
  #phaseStartMs = 0
  #phaseMs = Number.POSITIVE_INFINITY

  constructor(
    private readonly options: SimOptions,
    private readonly watchers: Watchers,
  ) {
    const { seed, latencyMs: medianRttMs, jitter, nat, valueBytes, trace } = options
    this.#cluster = new Cluster<KadNode>({
      seed,
      createNode: this.watchers.createNode ?? ((ports) => new KadNode(ports)),
      start: (node) => node.start({ allowAlone: true }),
      stop: (node) => node.close(),
      latency: (random) => {
        this.#direct = latencyPlane(random, { medianRttMs })
        return latencyPlane(random, { medianRttMs, jitter: jitter / 100 })
      },
      traced: trace,
      granularityMs: 1,
    })
    if (nat > 0) this.#cluster.network.faults.canConnect = natClasses(seed, nat / 100).canConnect
    this.#operations = new Operations(this.#cluster, this.#direct, valueBytes, (event) =>
      this.#onOperation(event),
    )
  }

  async run(): Promise<void> {
    this.#tick()
    await this.#growAll()
    await this.#rest()
    await this.#putAll()
    const churn = await this.#work()
    const links = this.#linkCounts()
    this.#tell({
      kind: 'summary',
      seed: this.options.seed,
      nodes: this.#cluster.nodes.length,
      joined: this.#joined(),
      failedStarts: this.#failedStarts + (churn?.counters.failedStarts ?? 0),
      linksP50: quantile(links, 0.5) ?? 0,
      linksP99: quantile(links, 0.99) ?? 0,
      departures: churn?.counters.departures ?? 0,
      arrivals: churn?.counters.arrivals ?? 0,
      virtualMs: rounded(this.#cluster.clock.elapsedMs),
      realMs: Math.round(performance.now() - this.#realStartMs),
      ...(this.options.trace ? { trace: this.#cluster.trace.digest() } : {}),
    })
  }

  async #growAll(): Promise<void> {
    const traffic = this.#measure('growing')
    const { nodes } = this.options
    const probes = [...probeSizes.filter((size) => size < nodes), nodes]
    let grown = 0
    for (const size of probes) {
      while (grown < size) {
        const wave = Math.min(size - grown, Math.max(10, Math.floor(grown / 10)))
        await this.#grow(wave)
        grown += wave
      }
      await this.#probe(size)
    }
    traffic()
  }

  async #grow(count: number): Promise<void> {
    const starts = Array.from({ length: count }, () => this.#cluster.add().started)
    const outcomes = await this.#cluster.run(Promise.allSettled(starts))
    this.#failedStarts += outcomes.filter(({ status }) => status === 'rejected').length
    await this.#cluster.clock.advance(1_000)
  }

  /** How the network does at this size, a few seconds after its last wave. */
  async #probe(nodes: number): Promise<void> {
    const atMs = this.#cluster.clock.elapsedMs
    const gets: OperationEvent[] = []
    await this.#cluster.clock.advance(5_000)
    const before = this.#operations.stored.length
    await this.#spread(probePuts, 1_000, () => this.#operations.put())
    const values = this.#operations.stored.splice(before)
    await this.#spread(probeGets, 2_000, async () => {
      const event = await this.#operations.get(values)
      if (event) gets.push(event)
    })
    const links = this.#linkCounts()
    const found = gets.filter(({ outcome }) => outcome === 'ok')
    const tookMs = found.map((event) => event.tookMs)
    const hops = found.flatMap((get) => get.hops ?? [])
    const at = (values: readonly number[], fraction: number) => quantile(values, fraction) ?? null
    this.#tell({
      kind: 'size',
      nodes,
      atMs: rounded(atMs),
      linksP50: at(links, 0.5) ?? 0,
      linksP99: at(links, 0.99) ?? 0,
      getsFound: found.length,
      gets: gets.length,
      getP50Ms: at(tookMs, 0.5),
      getP90Ms: at(tookMs, 0.9),
      directP50Ms: at(
        gets.map(({ directMs }) => directMs),
        0.5,
      ),
      hopsMean: hops.length === 0 ? null : rounded(hops.reduce((sum, count) => sum + count, 0) / hops.length),
    })
  }

  async #rest(): Promise<void> {
    this.#enter('resting', restMs)
    await this.#cluster.clock.advance(restMs / 2)
    const traffic = this.#measure('resting')
    await this.#cluster.clock.advance(restMs / 2)
    traffic()
  }

  async #putAll(): Promise<void> {
    const { lookups } = this.options
    const spanMs = Math.max(1_000, lookups * 20)
    this.#enter('putting', spanMs)
    this.#onOperation = (event) => this.#tell(event)
    await this.#spread(lookups, spanMs, () => this.#operations.put())
  }

  async #work(): Promise<Churn<KadNode> | undefined> {
    const { lookups, minutes, crashes } = this.options
    const { lengths } = this.watchers
    const workMs = minutes * 60_000
    const churn = lengths && new Churn(this.#cluster, { lengths, crashFraction: crashes / 100 })
    this.#enter('working', workMs)
    await this.#survey(0, 0)
    churn?.start()
    const traffic = this.#measure('working')
    const gets = this.#schedule(lookups, workMs, () => this.#operations.get())
    for (let survey = 1; survey <= surveys; survey++) {
      await this.#cluster.clock.advance(workMs / surveys)
      await this.#survey((minutes * survey) / surveys, churn?.counters.departures ?? 0)
    }
    traffic()
    await this.#cluster.run(gets)
    churn?.stop()
    return churn
  }

  /** `count` acts, evenly over `spanMs`, and their ends. */
  #spread(count: number, spanMs: number, act: () => Promise<unknown>): Promise<unknown> {
    const withinMs = spanMs + 60_000
    return this.#cluster.run(this.#schedule(count, spanMs, act), withinMs)
  }

  #schedule(count: number, spanMs: number, act: () => Promise<unknown>): Promise<unknown> {
    const { clock } = this.#cluster
    const begin = (i: number) =>
      new Promise<unknown>((resolve) => {
        clock.setTimer(((i + 0.5) * spanMs) / count, () => resolve(act()))
      })
    return Promise.all(Array.from({ length: count }, (_, i) => begin(i)))
  }

  /** Looks into the stores of those that live; takes no virtual time. */
  async #survey(minute: number, departures: number): Promise<void> {
    const replicas = new Map(this.#operations.stored.map(({ keyId }: StoredValue) => [idToHex(keyId), 0]))
    for (const { state, ports } of this.#cluster.members) {
      if (state !== 'up') continue
      for (const [slot] of await ports.records.scan()) {
        const key = slot.slice(1, 41)
        const count = replicas.get(key)
        if (count !== undefined) replicas.set(key, count + 1)
      }
    }
    const counts = [...replicas.values()]
    this.#tell({
      kind: 'survival',
      minute: rounded(minute),
      values: counts.length,
      alive: counts.filter((count) => count > 0).length,
      replicasMean: rounded(counts.reduce((sum, count) => sum + count, 0) / Math.max(1, counts.length)),
      departures,
    })
  }

  /** From now until what it gives is called. */
  #measure(phase: TrafficEvent['phase']): () => void {
    const { clock, network } = this.#cluster
    const before = { ...network.counters, atMs: clock.elapsedMs, nodeMs: this.#nodeMs }
    return () => {
      const { counters } = network
      const seconds = (clock.elapsedMs - before.atMs) / 1000
      const nodeSeconds = Math.max(1, this.#nodeMs - before.nodeMs) / 1000
      this.#tell({
        kind: 'traffic',
        phase,
        seconds: rounded(seconds),
        messagesPerNodePerSecond: rounded((counters.messages - before.messages) / nodeSeconds),
        bytesPerNodePerSecond: rounded((counters.messageBytes - before.messageBytes) / nodeSeconds),
        connectionsOpened: counters.linksOpened - before.linksOpened,
      })
    }
  }

  #tell(event: SimEvent): void {
    this.events.push(event)
    this.watchers.onEvent?.(event)
  }

  #enter(phase: SimProgress['phase'], phaseMs: number): void {
    this.#phase = phase
    this.#phaseStartMs = this.#cluster.clock.elapsedMs
    this.#phaseMs = phaseMs
  }

  /** Set whether anybody watches or not, so that watching changes nothing. */
  #tick(): void {
    this.watchers.onProgress?.(() => this.#progress())
    this.#nodeMs += progressStepMs * this.#cluster.nodes.length
    this.#cluster.clock.setTimer(progressStepMs, () => this.#tick())
  }

  #progress(): SimProgress {
    const joined = this.#joined()
    const { nodes } = this.options
    const virtualMs = this.#cluster.clock.elapsedMs
    const done = this.#phase === 'growing' ? joined / nodes : (virtualMs - this.#phaseStartMs) / this.#phaseMs
    return { phase: this.#phase, joined, nodes, virtualMs, done: Math.min(1, done) }
  }

  #joined(): number {
    return this.#cluster.nodes.filter(({ status }) => status === 'joined').length
  }

  /** Of a thousand nodes at most, evenly chosen: inspecting all of a large network takes longer than running it. */
  #linkCounts(): number[] {
    const { nodes } = this.#cluster
    const every = Math.ceil(nodes.length / 1_000)
    return nodes.filter((_, i) => i % every === 0).map((node) => node.inspect().links.length)
  }
}
