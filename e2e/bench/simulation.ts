/**
 * Networks of thousands of real nodes in virtual time. Each runs in a worker thread of its own, which may take several GB.
 *
 *     npm run bench -- sim                    an hour or two
 *     npm run bench -- sim --full             a day of churn, 10,000 nodes in churn, and 100,000 nodes as well
 *     npm run bench -- sim --nodes 500        a try: every network scaled down as if 10,000 were 500
 *     SEED=11,12 npm run bench -- sim.10k     the routing figures on these seeds besides 7
 */
import { randomInt } from 'node:crypto'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import {
  churnLookups,
  durability,
  fitLine,
  hotKey,
  massDeparture,
  meanOfMedian,
  measureJoining,
  measureRouting,
  median,
  partition,
  quantile,
  type RoutingResult,
  speed,
  sum,
  unreachable,
  warmSwarm,
} from '@kadrtc/simulator/experiments'
import type { Aim, Benchmark } from './measurement.js'

export interface SimulationOptions {
  /** Also what takes hours. */
  readonly full: boolean
  /** How many nodes the network of 10,000 has; all others, and what is asked of them, are scaled alike. */
  readonly nodes: number
}

export const fullSize = 10_000
/** The fixed seed, whose values are the figures. */
const fixedSeed = '7'
const otherSeeds = 3
/** A network of 10,000 takes 3.5 GB; what is left is for its values and for the collector. */
const heapMbPerNode = 0.7
const workersAtOnce = 2
/** Bamboo's setting: a median session of 1.4 min. */
const churning = 'sim.churn.1k_1.4min'

type Values = Readonly<Record<string, number>>

interface Job {
  readonly experiment: keyof typeof experiments
  readonly seed: string
  readonly nodes: number
  /** Of the size that it was made for. */
  readonly scale: number
}

/** What a worker says. */
type News =
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'done'; readonly values: Values }

/** Benchmarks that run with these options, and the aims of those that would only run with `--full`. */
export function simulations({ full, nodes }: SimulationOptions): {
  readonly benchmarks: readonly Benchmark[]
  readonly leftOut: readonly Aim[]
} {
  const scale = nodes / fullSize
  const always = [routing(nodes), ...quick(scale)]
  const long = slow(scale)
  if (full) return { benchmarks: [...always, ...long], leftOut: [] }
  return { benchmarks: always, leftOut: long.flatMap(({ aims }) => aims) }
}

/** One network of its own, on the fixed seed. `aims` is told how many nodes it has. */
function single(
  experiment: Job['experiment'],
  fullNodes: number,
  scale: number,
  aims: (nodes: string) => readonly Aim[],
): Benchmark {
  const nodes = Math.max(30, Math.round(fullNodes * scale))
  const job = { experiment, seed: fixedSeed, nodes, scale }
  return { aims: aims(`${nodes} nodes`), run: (note) => runJob(job, note) }
}

function quick(scale: number): Benchmark[] {
  const values = `${Math.round(10_000 * scale)} signed values of 1 KiB`
  return [
    single('speed', 10_000, scale, (nodes) => [
      higher('sim.speed.10k_x_realtime', 'x', 20, `wall time; ${nodes} sending 1 message/s each, one thread`),
    ]),
    single('hotKey', 1_000, scale, (nodes) => [
      lower(
        'sim.hotkey.max_load_ratio',
        'ratio',
        5,
        `mean FIND_VALUEs served by all ${nodes}; 90 % for one key`,
      ),
    ]),
    single('massDeparture', 2_000, scale, (nodes) => [
      lower(
        'sim.massleave.50pct_lost',
        'values',
        0,
        `${values}, read within 60 s of half of ${nodes} crashing`,
      ),
    ]),
    single('partition', 1_000, scale, (nodes) => [
      higher(
        'sim.partition.recall_after_60s',
        'fraction',
        0.999,
        `true 20 closest of ${nodes}, reached by puts`,
      ),
    ]),
    single('churn1k', 1_000, scale, (nodes) => [
      higher(
        `${churning}.lookup_success`,
        'fraction',
        0.999,
        `the truly closest of ${nodes} asked, all crash`,
      ),
      lower(
        `${churning}.bytes_per_node_s`,
        'B/s',
        900,
        'all messages, lookups too; no heartbeats, DTLS, SCTP',
      ),
      lower(
        `${churning}.handshakes_per_node_min`,
        '/min',
        null,
        'links opened over nodes; each has two ends',
      ),
    ]),
    single('unreachable', 1_000, scale, (nodes) => [
      higher(
        'sim.unreachable.get_success',
        'fraction',
        0.999,
        `30 % of ${nodes} open no link to 60 % of others`,
      ),
    ]),
  ]
}

function slow(scale: number): Benchmark[] {
  const values = `${Math.round(10_000 * scale)} values of 1 KiB`
  return [
    single('churn10k', 10_000, scale, (nodes) => [
      higher('sim.churn.10k_5min.get_success', 'fraction', 0.9999, `${nodes}, mean session 5 min, all crash`),
    ]),
    single('durability', 1_000, scale, (nodes) => [
      lower(
        'sim.durability.24h_10min.lost',
        'values',
        0,
        `${values}, ${nodes}, mean session 10 min, all crash`,
      ),
      lower(
        'sim.durability.repair_bytes_ratio',
        'ratio',
        1.25,
        'STORE bytes on all links over bytes held by the departed',
      ),
    ]),
    single('scale', 100_000, scale, (nodes) => [
      higher('sim.scale.100k', 'fraction', 1, `gets that found their value among ${nodes}`),
    ]),
  ]
}

function lower(name: string, unit: string, goal: number | null, against: string): Aim {
  return { name, unit, better: 'lower', goal, against }
}

function higher(name: string, unit: string, goal: number | null, against: string): Aim {
  return { name, unit, better: 'higher', goal, against }
}

/** The routing figures: on the fixed seed, and on others that are new at each run. */
function routing(nodes: number): Benchmark {
  const direct = `median direct round trip to the owner, ${nodes} warm nodes`
  const sizes = [nodes / 100, nodes / 10, nodes].map((size) => Math.max(10, Math.round(size)))
  const aims = [
    lower('sim.10k.get_stretch_p50', 'ratio', 1.8, direct),
    lower('sim.10k.get_stretch_p99', 'ratio', 5, direct),
    lower(
      'sim.10k.get_vs_dialing',
      'ratio',
      0.15,
      'median iterative lookup that dials whom it asks, perfect k-buckets',
    ),
    lower(
      'sim.10k.get_connections_opened',
      'links',
      0,
      'what the same network opens in as long without gets',
    ),
    higher(
      'sim.10k.recall_k',
      'fraction',
      0.999,
      'the true 20 closest nodes, who had the record when its put was done',
    ),
    lower('sim.10k.put_vs_get', 'ratio', 2, 'the median get; a put is done when a majority of 20 has it'),
    lower('sim.10k.links_p99', 'links', 64, 'the budget of links of one node'),
    lower('sim.10k.join_rtts_p50', 'round trips', 15, 'first link until links to all of the 20 nearest'),
  ]
  const hopsAim = lower(
    'sim.hops_vs_log2n',
    'slope',
    0.3,
    `log2 of ${sizes.join(', ')} nodes, seed ${fixedSeed}`,
  )
  return {
    aims: [...aims, hopsAim],
    async run(note) {
      const given = process.env.SEED?.split(',').filter((seed) => seed !== '')
      const drawn = given ?? Array.from({ length: otherSeeds }, () => String(randomInt(2 ** 31)))
      note(`seeds ${fixedSeed} (fixed) and ${drawn.join(', ')}: SEED=${drawn.join(',')} replays`)
      const seeds = [fixedSeed, ...drawn]
      const networks = [
        ...seeds.map((seed) => ({ seed, size: nodes })),
        ...sizes.slice(0, 2).map((size) => ({ seed: fixedSeed, size })),
      ]
      const jobs = networks.map(({ seed, size }): Job => {
        return { experiment: 'routing', seed, nodes: size, scale: size / fullSize }
      })
      const results = await inPool(jobs.map((job) => () => runJob(job, note)))
      const bySeed = results.slice(0, seeds.length)
      for (const { name, better } of aims) {
        const all = bySeed.map((one) => one[name]!)
        const worst = better === 'lower' ? Math.max(...all) : Math.min(...all)
        note(`${name}: ${all.map(short).join(', ')} (seeds ${seeds.join(', ')}); worst ${short(worst)}`)
      }
      const [fixed] = bySeed
      const hops = [...results.slice(seeds.length), fixed!].map((values) => values.hops_mean!)
      const { slope, intercept } = fitLine(sizes.map((size, i) => [Math.log2(size), hops[i]!]))
      const means = hops.map((mean, i) => `${short(mean)} (${sizes[i]})`).join(', ')
      note(`mean hops ${means}, intercept ${short(intercept)}`)
      return { ...fixed!, [hopsAim.name]: slope }
    },
  }
}

/** Runs them a few at a time, in order. Rejects if one did, once all have ended: nothing is left running. */
async function inPool<T>(tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: Promise<T>[] = []
  const waiting = tasks.map((task, index) => ({ task, index }))
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      results[next.index] = next.task()
      await results[next.index]!.catch(() => undefined)
    }
  }
  await Promise.all(Array.from({ length: workersAtOnce }, work))
  return Promise.all(results)
}

/** One network in a thread of its own. Rejects when it fails, or takes more memory than it may. */
function runJob(job: Job, note: (text: string) => void): Promise<Values> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { simulation: job },
      resourceLimits: { maxOldGenerationSizeMb: Math.round(2_000 + job.nodes * heapMbPerNode) },
    })
    const label = `${job.experiment} ${job.nodes} nodes SEED=${job.seed}`
    worker.on('message', (news: News) => {
      if (news.kind === 'note') note(`${label}: ${news.text}`)
      else resolve(news.values)
    })
    worker.on('error', (cause) => reject(new Error(`${label} failed`, { cause })))
    worker.on('exit', (code) => reject(new Error(`${label} ended with code ${code} and said nothing`)))
  })
}

/** What runs in the worker: each gives the values of its aims, and says the rest in notes. */
const experiments = {
  async routing(job: Job, note: (text: string) => void): Promise<Values> {
    const swarm = await warmSwarm(growing(job, note))
    const result = await measureRouting(swarm)
    note('measuring joins')
    const joins = await measureJoining(swarm, 20)
    note(besideOracle(result))
    const getMs = result.gets.map(({ ms }) => ms)
    const get = median(getMs)
    const direct = median(result.gets.map(({ directMs }) => directMs))
    return {
      'sim.10k.get_stretch_p50': get / direct,
      'sim.10k.get_stretch_p99': quantile(getMs, 0.99) / direct,
      'sim.10k.get_vs_dialing': get / median(result.gets.map(({ dialingMs }) => dialingMs)),
      'sim.10k.get_connections_opened': Math.max(0, result.linksOpened - result.linksOpenedIdle),
      'sim.10k.recall_k': result.recall,
      'sim.10k.put_vs_get': median(result.puts.map(({ ms }) => ms)) / get,
      'sim.10k.links_p99': quantile(result.links, 0.99),
      'sim.10k.join_rtts_p50': median(joins.fullAfterMs) / joins.roundTripMs,
      hops_mean: sum(result.hops) / result.hops.length,
    }
  },
  async speed(job: Job, note: (text: string) => void): Promise<Values> {
    const result = await told(note, speed({ ...growing(job, note), nowMs: () => performance.now() }))
    return { 'sim.speed.10k_x_realtime': result.xRealtime }
  },
  async hotKey(job: Job, note: (text: string) => void): Promise<Values> {
    const result = await told(note, hotKey({ ...growing(job, note), gets: Math.round(20_000 * job.scale) }))
    return { 'sim.hotkey.max_load_ratio': result.maxLoadRatio }
  },
  async massDeparture(job: Job, note: (text: string) => void): Promise<Values> {
    const result = await told(
      note,
      massDeparture({ ...growing(job, note), values: Math.round(10_000 * job.scale) }),
    )
    return { 'sim.massleave.50pct_lost': result.lost }
  },
  async partition(job: Job, note: (text: string) => void): Promise<Values> {
    const result = await told(note, partition(growing(job, note)))
    if (result.sequenceRegressions > 0) note('MISSED: readers were given older versions than they had seen')
    return { 'sim.partition.recall_after_60s': result.recall }
  },
  async churn1k(job: Job, note: (text: string) => void): Promise<Values> {
    const result = await told(
      note,
      churnLookups({
        ...growing(job, note),
        meanSessionMs: meanOfMedian(84_000),
        lookups: Math.round(3_000 * job.scale),
        traces: Math.round(500 * job.scale),
      }),
    )
    return {
      [`${churning}.lookup_success`]: result.lookupSuccess,
      [`${churning}.bytes_per_node_s`]: result.bytesPerNodeAndSecond,
      [`${churning}.handshakes_per_node_min`]: result.handshakesPerNodeAndMinute,
    }
  },
  async churn10k(job: Job, note: (text: string) => void): Promise<Values> {
    const result = await told(
      note,
      churnLookups({
        ...growing(job, note),
        meanSessionMs: 300_000,
        lookups: 0,
        traces: 0,
        values: Math.round(5_000 * job.scale),
        gets: Math.round(30_000 * job.scale),
      }),
    )
    return { 'sim.churn.10k_5min.get_success': result.getSuccess }
  },
  async unreachable(job: Job, note: (text: string) => void): Promise<Values> {
    const result = await told(note, unreachable(growing(job, note)))
    return { 'sim.unreachable.get_success': result.getSuccess }
  },
  async durability(job: Job, note: (text: string) => void): Promise<Values> {
    const result = await told(
      note,
      durability({
        ...growing(job, note),
        values: Math.round(10_000 * job.scale),
        onSurvey: (survey) => note(numbersOf(survey)),
      }),
    )
    return {
      'sim.durability.24h_10min.lost': result.lost,
      'sim.durability.repair_bytes_ratio': result.repairRatio,
    }
  },
  async scale(job: Job, note: (text: string) => void): Promise<Values> {
    const result = await measureRouting(await warmSwarm(growing(job, note)), { keys: 100 })
    note(besideOracle(result))
    note(`heap ${Math.round(process.memoryUsage().heapUsed / 2 ** 20)} MB`)
    return { 'sim.scale.100k': result.gets.filter(({ found }) => found).length / result.gets.length }
  },
}

function growing({ seed, nodes }: Job, note: (text: string) => void) {
  let told = 0
  return {
    seed,
    nodes,
    onProgress: (joined: number) => {
      if (joined < nodes && joined < told + nodes / 4) return
      told = joined
      note(`${joined} have joined`)
    },
  }
}

async function told<T extends object>(note: (text: string) => void, experiment: Promise<T>): Promise<T> {
  const result = await experiment
  note(numbersOf(result))
  return result
}

function numbersOf(result: object): string {
  const text = Object.entries(result).flatMap(([name, value]: [string, unknown]) => {
    if (typeof value === 'number') return [`${name} ${short(value)}`]
    return Array.isArray(value) ? [] : [`${name} ${JSON.stringify(value)}`]
  })
  return text.join(', ')
}

function besideOracle({ gets, puts, hops, links, linksOpened, linksOpenedIdle }: RoutingResult): string {
  const both = (values: readonly number[]) =>
    `${short(quantile(values, 0.5))}/${short(quantile(values, 0.99))}`
  const pairwise = gets.filter(({ directMs }) => directMs > 0).map(({ ms, directMs }) => ms / directMs)
  return [
    `p50/p99 in ms: gets ${both(gets.map(({ ms }) => ms))}`,
    `oracle: direct ${both(gets.map(({ directMs }) => directMs))}`,
    `greedy on perfect tables ${both(gets.map(({ greedyMs }) => greedyMs))}`,
    `dialing ${both(gets.map(({ dialingMs }) => dialingMs))}`,
    `puts ${both(puts.map(({ ms }) => ms))}`,
    `each get over its own direct round trip ${both(pairwise)}`,
    `${gets.filter(({ found }) => found).length} of ${gets.length} gets found`,
    `${puts.filter(({ stored }) => stored).length} of ${puts.length} puts stored`,
    `hops ${both(hops)}, links ${both(links)}, opened during gets ${linksOpened}, idle ${linksOpenedIdle}`,
  ].join('; ')
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)))
}

const job: Job | undefined = isMainThread ? undefined : workerData?.simulation
if (job && parentPort) {
  const port = parentPort
  const say = (news: News) => port.postMessage(news)
  const values = await experiments[job.experiment](job, (text) => say({ kind: 'note', text }))
  say({ kind: 'done', values })
}
