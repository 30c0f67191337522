/**
 * Networks of thousands of real nodes in virtual time. Each runs in a worker thread of its own, which may take several GB.
 *
 *     npm run bench -- sim                    an hour or two
 *     npm run bench -- sim --full             a day of churn, 10,000 nodes in churn, and 100,000 nodes as well
 *     npm run bench -- sim --nodes 500        a try: every network scaled down as if 10,000 were 500
 *     SEED=11,12 npm run bench -- sim.10k     the routing figures on these seeds besides 7
 */
import { randomInt } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { fitLine } from '@kadrtc/simulator/experiments'
import { type Aim, type Benchmark, rounded } from './measurement.js'
import type { Job, News, Values } from './simulation-worker.js'

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
/** A node takes 60 kB with its links; what is left is for values and for the collector. */
const heapMbPerNode = 0.4
/** What is young dies young here: of 300 nodes in churn a run took 34 s with 48 MB, which is the default, and 25 s with this. */
const youngMb = 768
/** The largest network has 8 GiB for all, of which some 200 MB are no heap. */
const largest = { heapMb: 7_000, youngMb: 480 }
const workersAtOnce = 2

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
        'sim.churn.1k_1.4min.lookup_success',
        'fraction',
        0.999,
        `the truly closest of ${nodes} asked, all crash`,
      ),
      lower(
        'sim.churn.1k_1.4min.bytes_per_node_s',
        'B/s',
        900,
        'all messages, lookups too; signals with no SDP; no heartbeats, DTLS, SCTP',
      ),
      lower(
        'sim.churn.1k_1.4min.handshakes_per_node_min',
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
      higher(
        'sim.scale.100k',
        'fraction',
        1,
        `gets that found their value among ${nodes}, one link a bucket`,
      ),
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
        note(`${name}: ${all.map(rounded).join(', ')} (seeds ${seeds.join(', ')}); worst ${rounded(worst)}`)
      }
      const [fixed] = bySeed
      const hops = [...results.slice(seeds.length), fixed!].map((values) => values.hops_mean!)
      const { slope, intercept } = fitLine(sizes.map((size, i) => [Math.log2(size), hops[i]!]))
      const means = hops.map((mean, i) => `${rounded(mean)} (${sizes[i]})`).join(', ')
      note(`mean hops ${means}, intercept ${rounded(intercept)}`)
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
    const heapMb = Math.round(2_000 + job.nodes * heapMbPerNode)
    const worker = new Worker(new URL('./simulation-worker.js', import.meta.url), {
      workerData: job,
      resourceLimits: {
        maxOldGenerationSizeMb: Math.min(largest.heapMb, heapMb),
        maxYoungGenerationSizeMb: heapMb < largest.heapMb ? youngMb : largest.youngMb,
      },
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
