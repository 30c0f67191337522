/**
 * The worker of `simulation.ts`: makes one network, measures it, and says what it found. One thread runs one job, given
 * as its `workerData`, and ends.
 */
import { parentPort, workerData } from 'node:worker_threads'
import {
  churnLookups,
  durability,
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
import { rounded } from './measurement.js'

/** One network, and what is measured there. */
export interface Job {
  readonly experiment: keyof typeof experiments
  readonly seed: string
  readonly nodes: number
  /** Of the size that it was made for. */
  readonly scale: number
}

export type Values = Readonly<Record<string, number>>

/** What a worker says. */
export type News =
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'done'; readonly values: Values }

/** Each gives the values of its aims, and says the rest in notes. */
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
        // Bamboo's setting: a median session of 1.4 min.
        meanSessionMs: meanOfMedian(84_000),
        lookups: Math.round(3_000 * job.scale),
        traces: Math.round(500 * job.scale),
      }),
    )
    return {
      'sim.churn.1k_1.4min.lookup_success': result.lookupSuccess,
      'sim.churn.1k_1.4min.bytes_per_node_s': result.bytesPerNodeAndSecond,
      'sim.churn.1k_1.4min.handshakes_per_node_min': result.handshakesPerNodeAndMinute,
    }
  },
  async churn10k(job: Job, note: (text: string) => void): Promise<Values> {
    const result = await told(
      note,
      churnLookups({
        ...growing(job, note),
        meanSessionMs: 300_000,
        // Bytes are not asked for here, and a minute of it takes five: nobody is waited for.
        quietMs: 0,
        forMs: 300_000,
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
    // With three links a bucket, and all whom they hear of, 100,000 nodes take more than the 8 GiB.
    const settings = { linksPerBucket: 1, contactsPerBucket: 4 }
    const result = await measureRouting(await warmSwarm({ ...growing(job, note), settings }), { keys: 100 })
    note(besideOracle(result))
    note(`at most ${rounded(process.resourceUsage().maxRSS / 2 ** 20)} GiB resident`)
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
    if (typeof value === 'number') return [`${name} ${rounded(value)}`]
    return Array.isArray(value) ? [] : [`${name} ${JSON.stringify(value)}`]
  })
  return text.join(', ')
}

function besideOracle({
  gets,
  puts,
  recall,
  hops,
  links,
  linksOpened,
  linksOpenedIdle,
}: RoutingResult): string {
  const both = (values: readonly number[]) =>
    `${rounded(quantile(values, 0.5))}/${rounded(quantile(values, 0.99))}`
  const pairwise = gets.filter(({ directMs }) => directMs > 0).map(({ ms, directMs }) => ms / directMs)
  return [
    `p50/p99 in ms: gets ${both(gets.map(({ ms }) => ms))}`,
    `oracle: direct ${both(gets.map(({ directMs }) => directMs))}`,
    `greedy on perfect tables ${both(gets.map(({ greedyMs }) => greedyMs))}`,
    `dialing ${both(gets.map(({ dialingMs }) => dialingMs))}`,
    `puts ${both(puts.map(({ ms }) => ms))}`,
    `each get over its own direct round trip ${both(pairwise)}`,
    `${gets.filter(({ found }) => found).length} of ${gets.length} gets found`,
    `of the true closest nodes puts found ${rounded(recall)}`,
    `${puts.filter(({ stored }) => stored).length} of ${puts.length} puts stored`,
    `hops ${both(hops)}, links ${both(links)}, opened during gets ${linksOpened}, idle ${linksOpenedIdle}`,
  ].join('; ')
}

const job = workerData as Job
const say = (news: News) => parentPort!.postMessage(news)
const values = await experiments[job.experiment](job, (text) => say({ kind: 'note', text }))
say({ kind: 'done', values })
