/**
 * One simulated life of a network: it grows in waves, rests, takes values in, and is asked for them while people come
 * and go. The same options give the same events, whoever watches. Rejects with a `Violation` as soon as a law of the network is
 * broken.
 *
 *     await simulate(options, { lengths: exponential(600_000), onEvent: (event) => console.log(JSON.stringify(event)) })
 */
import { KadNode } from '@kadrtc/node'
import {
  Churn,
  type Cluster,
  type ClusterPorts,
  type LatencyModel,
  latencyPlane,
  natClasses,
  type SessionLengths,
} from '@kadrtc/simulator'
import { Checks } from './checks.js'
import type { OperationEvent, SimEvent } from './events.js'
import { type Fault, faultText } from './fault-options.js'
import { Faults, FaultyCluster, type Joined } from './faults.js'
import { idealEvery } from './ideal.js'
import { Operations, rounded } from './operations.js'
import type { SimOptions } from './options.js'
import type { Progress } from './progress-bar.js'
import { quantile } from './quantiles.js'
import { spread } from './spread.js'
import { sizeEventOf, totalsOf } from './sums.js'
import { linkCounts, survivalOf, TrafficMeter } from './surveys.js'

/** For a progress bar. */
export interface SimProgress extends Progress {
  readonly phase: 'growing' | 'resting' | 'putting' | 'working'
}

export interface Watchers {
  /** Undefined: nobody departs. */
  readonly lengths?: SessionLengths | undefined
  /** Makes the nodes. Default: as an app's are. */
  readonly createNode?: (ports: ClusterPorts) => KadNode
  readonly onEvent?: (event: SimEvent) => void
  /**
   * Called now and then while time stands still: the event loop may have its turn. What it rejects with ends the run. It
   * changes nothing else.
   */
  readonly pause?: () => Promise<void>
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
  readonly #checks: Checks
  readonly #operations: Operations
  readonly #faults: Faults
  readonly #traffic: TrafficMeter
  readonly #realStartMs = performance.now()
  /** Set by the cluster's constructor. */
  #direct!: LatencyModel
  #onOperation: (event: OperationEvent) => void = () => {}
  #failedStarts = 0
  /** Once gets are asked, if anybody departs. */
  #churn: Churn<KadNode> | undefined
  #phase: SimProgress['phase'] = 'growing'
  #phaseStartMs = 0
  #phaseMs = Number.POSITIVE_INFINITY

  constructor(
    private readonly options: SimOptions,
    private readonly watchers: Watchers,
  ) {
    const { seed, latencyMs: medianRttMs, jitter, nat, valueBytes, trace, faults } = options
    this.#cluster = new FaultyCluster(() => this.#faults.conditions(), {
      seed,
      createNode: this.watchers.createNode ?? ((ports) => new KadNode(ports)),
      start: (node) => this.#checks.watched('The start of a node', node.start({ allowAlone: true })),
      stop: (node) => this.#checks.watched('The close of a node', node.close()),
      latency: (random) => {
        this.#direct = latencyPlane(random, { medianRttMs })
        return latencyPlane(random, { medianRttMs, jitter: jitter / 100 })
      },
      traced: trace,
      granularityMs: 1,
    })
    if (nat > 0) this.#cluster.network.faults.canConnect = natClasses(seed, nat / 100).canConnect
    this.#checks = new Checks(this.#cluster)
    this.#traffic = new TrafficMeter(this.#cluster)
    this.#faults = new Faults(
      this.#cluster,
      { faults, crashFraction: options.crashes / 100 },
      {
        onFault: (fault, struck) => this.#onFault(fault, struck),
        onFreeze: (member) => this.#operations.onFreeze(member),
        onJoin: (joined) => this.#onJoin(joined),
      },
    )
    this.#operations = new Operations(this.#cluster, {
      checks: this.#checks,
      direct: this.#direct,
      valueBytes,
      onDone: (event) => this.#onOperation(event),
    })
  }

  async run(): Promise<void> {
    this.#tick()
    this.#checks.start()
    await this.#growAll()
    await this.#rest()
    await this.#putAll()
    await this.#work()
    this.#checks.demand()
    await this.watchers.pause?.()
    const links = linkCounts(this.#cluster)
    this.#tell({
      kind: 'summary',
      seed: this.options.seed,
      nodes: this.#cluster.nodes.length,
      joined: this.#joined(),
      failedStarts: this.#failedStarts + (this.#churn?.counters.failedStarts ?? 0),
      linksP50: quantile(links, 0.5) ?? 0,
      linksP99: quantile(links, 0.99) ?? 0,
      puts: totalsOf(this.events, 'put', this.options.lookups),
      gets: totalsOf(this.events, 'get', this.options.lookups),
      departures: this.#departures(),
      arrivals: (this.#churn?.counters.arrivals ?? 0) + this.#faults.counters.arrivals,
      virtualMs: rounded(this.#cluster.clock.elapsedMs),
      realMs: Math.round(performance.now() - this.#realStartMs),
      ...(this.options.trace ? { trace: this.#cluster.trace.digest() } : {}),
    })
  }

  async #growAll(): Promise<void> {
    const traffic = this.#traffic.measure('growing')
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
    this.#tell(traffic())
  }

  async #grow(count: number): Promise<void> {
    const starts = Array.from({ length: count }, () => this.#cluster.add().started)
    const outcomes = await this.#cluster.run(Promise.allSettled(starts))
    this.#failedStarts += outcomes.filter(({ status }) => status === 'rejected').length
    await this.#cluster.clock.advance(1_000)
    await this.watchers.pause?.()
  }

  /** How the network does at this size, a few seconds after its last wave. */
  async #probe(nodes: number): Promise<void> {
    const atMs = this.#cluster.clock.elapsedMs
    const gets: OperationEvent[] = []
    await this.#cluster.clock.advance(5_000)
    const before = this.#operations.stored.length
    await this.#spread(probePuts, 1_000, () => this.#operations.put())
    const values = this.#operations.stored.splice(before)
    const every = idealEvery(probeGets, nodes)
    await this.#spread(probeGets, 2_000, async (i) => {
      const event = await this.#operations.get(values, i % every === 0)
      if (event) gets.push(event)
    })
    this.#tell(sizeEventOf({ nodes, atMs, links: linkCounts(this.#cluster), gets, getsAsked: probeGets }))
  }

  async #rest(): Promise<void> {
    this.#enter('resting', restMs)
    await this.#cluster.clock.advance(restMs / 2)
    const traffic = this.#traffic.measure('resting')
    await this.#cluster.clock.advance(restMs / 2)
    this.#tell(traffic())
  }

  async #putAll(): Promise<void> {
    const { lookups } = this.options
    const spanMs = Math.max(1_000, lookups * 20)
    this.#enter('putting', spanMs)
    this.#onOperation = (event) => this.#tell(event)
    await this.#spread(lookups, spanMs, () => this.#operations.put())
  }

  async #work(): Promise<void> {
    const { lookups, minutes, crashes } = this.options
    const { lengths } = this.watchers
    const workMs = minutes * 60_000
    const churn = lengths && new Churn(this.#cluster, { lengths, crashFraction: crashes / 100 })
    this.#churn = churn
    this.#enter('working', workMs)
    await this.#survey(0, 0)
    churn?.start()
    this.#faults.begin()
    const traffic = this.#traffic.measure('working')
    const every = idealEvery(lookups, this.options.nodes)
    const gets = spread(this.#cluster.clock, lookups, workMs, (i) =>
      this.#operations.get(undefined, i % every === 0),
    )
    for (let survey = 1; survey <= surveys; survey++) {
      await this.#cluster.clock.advance(workMs / surveys)
      await this.#survey((minutes * survey) / surveys, this.#departures())
    }
    this.#tell(traffic())
    await this.#cluster.run(gets)
    churn?.stop()
  }

  /** `count` acts, evenly over `spanMs`, and their ends. */
  #spread(count: number, spanMs: number, act: (i: number) => Promise<unknown>): Promise<unknown> {
    const withinMs = spanMs + 60_000
    return this.#cluster.run(spread(this.#cluster.clock, count, spanMs, act), withinMs)
  }

  async #survey(minute: number, departures: number): Promise<void> {
    this.#tell(await survivalOf(this.#cluster, this.#operations.stored, minute, departures))
    await this.watchers.pause?.()
  }

  #departures(): number {
    return (this.#churn?.counters.departures ?? 0) + this.#faults.counters.departures
  }

  #onFault(fault: Fault, nodes: number | undefined): void {
    this.#tell({
      kind: 'fault',
      atMs: rounded(this.#cluster.clock.elapsedMs),
      fault: `${fault.kind} ${faultText(fault)}`,
      ...(nodes === undefined ? {} : { nodes }),
    })
  }

  /** At one moment; they stay for sessions as all do. */
  #onJoin(joined: readonly Joined[]): void {
    for (const { member, started } of joined) {
      started.catch(() => {
        // Who departs while it joins has not failed to.
        if (member.state === 'up') this.#failedStarts++
      })
    }
    this.#churn?.start()
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
    this.#traffic.lived(progressStepMs)
    this.#cluster.clock.setTimer(progressStepMs, () => this.#tick())
  }

  #progress(): SimProgress {
    const joined = this.#joined()
    const { nodes } = this.options
    const virtualMs = this.#cluster.clock.elapsedMs
    const done = this.#phase === 'growing' ? joined / nodes : (virtualMs - this.#phaseStartMs) / this.#phaseMs
    return { phase: this.#phase, crowd: { joined, nodes }, virtualMs, done: Math.min(1, done) }
  }

  #joined(): number {
    return this.#cluster.nodes.filter(({ status }) => status === 'joined').length
  }
}
