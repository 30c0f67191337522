/**
 * What is measured on simulated networks: makes one network, measures it, and gives the values by the names of their aims.
 *
 *     const values = await measure({ experiment: 'hotKey', seed: '7', nodes: 100, scale: 0.1 }, note)
 */
import {
  churnLookups,
  durability,
  growSwarm,
  hotKey,
  massDeparture,
  meanOfMedian,
  measureJoining,
  measureRouting,
  median,
  type OracleTimes,
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
export interface Task {
  readonly experiment: keyof typeof experiments
  readonly seed: string
  readonly nodes: number
  /** Of the size that it was made for. */
  readonly scale: number
}

export type Values = Readonly<Record<string, number>>

export type Note = (text: string) => void

/** By then a node has tried some thirty others; links become faster all the while, and trials rarer. */
const routingSettleMs = 600_000

/** Each gives the values of its aims, and says the rest in notes. */
const experiments = {
  async routing(task: Task, note: Note): Promise<Values> {
    const swarm = await growSwarm({ ...growing(task, note), settleMs: routingSettleMs })
    const result = await measureRouting(swarm)
    note('measuring joins')
    const joins = await measureJoining(swarm, 20)
    note(outcomesOf(result))
    return {
      ...routingValues('sim.10k', result),
      'sim.10k.join_rtts_p50': median(joins.fullAfterMs) / joins.roundTripMs,
      hops_mean: sum(result.hops) / result.hops.length,
    }
  },
  async speed(task: Task, note: Note): Promise<Values> {
    const result = await told(note, speed({ ...growing(task, note), nowMs: () => performance.now() }))
    return { 'sim.speed.10k_x_realtime': result.xRealtime }
  },
  async hotKey(task: Task, note: Note): Promise<Values> {
    const result = await told(note, hotKey({ ...growing(task, note), gets: Math.round(20_000 * task.scale) }))
    return prefixed('sim.hotkey', {
      max_load_ratio: result.maxLoadRatio,
      get_ms_p50: result.getMsP50,
      ...oracleValues(result.oracle),
    })
  },
  async massDeparture(task: Task, note: Note): Promise<Values> {
    const result = await told(
      note,
      massDeparture({ ...growing(task, note), values: Math.round(10_000 * task.scale) }),
    )
    return { 'sim.massleave.50pct_lost': result.lost }
  },
  async partition(task: Task, note: Note): Promise<Values> {
    const result = await told(
      note,
      partition({
        ...growing(task, note),
        values: atLeastSome(500 * task.scale),
        probes: atLeastSome(500 * task.scale),
      }),
    )
    return {
      'sim.partition.recall_after_60s': result.recall,
      'sim.partition.older_seqs_seen': result.sequenceRegressions,
    }
  },
  async churn1k(task: Task, note: Note): Promise<Values> {
    const result = await told(
      note,
      churnLookups({
        ...growing(task, note),
        // Bamboo's setting: a median session of 1.4 min.
        meanSessionMs: meanOfMedian(84_000),
        lookups: Math.round(3_000 * task.scale),
        traces: Math.round(500 * task.scale),
      }),
    )
    return prefixed('sim.churn.1k_1.4min', {
      lookup_success: result.lookupSuccess,
      bytes_per_node_s: result.bytesPerNodeAndSecond,
      handshakes_per_node_min: result.handshakesPerNodeAndMinute,
      lookup_ms_p50: result.lookupMsP50,
      ...oracleValues(result.lookupOracle),
    })
  },
  async churn10k(task: Task, note: Note): Promise<Values> {
    const result = await told(
      note,
      churnLookups({
        ...growing(task, note),
        meanSessionMs: 300_000,
        // Bytes are not asked for here, and a minute of it takes five: nobody is waited for.
        quietMs: 0,
        forMs: 300_000,
        lookups: 0,
        traces: 0,
        values: Math.round(5_000 * task.scale),
        gets: Math.round(30_000 * task.scale),
      }),
    )
    return prefixed('sim.churn.10k_5min', {
      get_success: result.getSuccess,
      get_ms_p50: result.getMsP50,
      ...oracleValues(result.getOracle),
    })
  },
  async unreachable(task: Task, note: Note): Promise<Values> {
    const result = await told(
      note,
      unreachable({
        ...growing(task, note),
        values: atLeastSome(1_000 * task.scale),
        gets: atLeastSome(10_000 * task.scale),
      }),
    )
    return prefixed('sim.unreachable', {
      get_success: result.getSuccess,
      get_ms_p50: result.getMsP50,
      ...oracleValues(result.oracle),
    })
  },
  async durability(task: Task, note: Note): Promise<Values> {
    const result = await told(
      note,
      durability({
        ...growing(task, note),
        values: Math.round(10_000 * task.scale),
        onSurvey: (survey) => note(numbersOf(survey)),
      }),
    )
    return {
      'sim.durability.24h_10min.lost': result.lost,
      'sim.durability.repair_bytes_ratio': result.repairRatio,
    }
  },
  async scale(task: Task, note: Note): Promise<Values> {
    // With more links a bucket, links on trial, and all whom they hear of, 100,000 nodes take more than the 8 GiB.
    const settings = { linksPerBucket: 1, contactsPerBucket: 4, trialIntervalMs: 3_600_000 }
    const result = await measureRouting(await warmSwarm({ ...growing(task, note), settings }), { keys: 100 })
    note(outcomesOf(result))
    return {
      'sim.scale.100k': result.gets.filter(({ found }) => found).length / result.gets.length,
      ...routingValues('sim.scale.100k', result),
    }
  },
}

export function measure(task: Task, note: Note): Promise<Values> {
  return experiments[task.experiment](task, note)
}

/** Of small networks less is asked, but not next to nothing. */
function atLeastSome(count: number): number {
  return Math.max(30, Math.round(count))
}

function growing({ seed, nodes }: Task, note: Note) {
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

async function told<T extends object>(note: Note, experiment: Promise<T>): Promise<T> {
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

/** All that is aimed at on one network; of p50 and p99 of the times as well. */
function routingValues(prefix: string, result: RoutingResult): Values {
  const { gets, puts, links } = result
  const times = {
    get: gets.map(({ ms }) => ms),
    direct: gets.map(({ directMs }) => directMs),
    greedy: gets.map(({ greedyMs }) => greedyMs),
    dialing: gets.map(({ dialingMs }) => dialingMs),
  }
  const [get, direct, put] = [median(times.get), median(times.direct), median(puts.map(({ ms }) => ms))]
  const toOthers = gets.filter(({ directMs }) => directMs > 0)
  const values: Values = {
    get_stretch_p50: get / direct,
    get_stretch_p99: quantile(times.get, 0.99) / direct,
    get_stretch_each_p50: median(toOthers.map(({ ms, directMs }) => ms / directMs)),
    get_vs_dialing: get / median(times.dialing),
    get_connections_opened: result.dialsByGets,
    reader_dials: result.dialsOfReaders,
    links_opened_in_gets: result.linksOpened,
    links_opened_idle: result.linksOpenedIdle,
    recall_k: result.recall,
    put_vs_get: put / get,
    put_ms_p50: put,
    put_direct_ms_p50: median(puts.map(({ directMs }) => directMs)),
    links_p99: quantile(links, 0.99),
  }
  const ofTimes = Object.entries(times).flatMap(([name, ms]) => [
    [`${name}_ms_p50`, median(ms)],
    [`${name}_ms_p99`, quantile(ms, 0.99)],
  ])
  return prefixed(prefix, { ...values, ...Object.fromEntries(ofTimes) })
}

function oracleValues({ directMsP50, greedyMsP50, dialingMsP50 }: OracleTimes): Values {
  return { direct_ms_p50: directMsP50, greedy_ms_p50: greedyMsP50, dialing_ms_p50: dialingMsP50 }
}

function prefixed(prefix: string, values: Values): Values {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}.${name}`, value]))
}

/** Failures that no figure tells. */
function outcomesOf({ gets, puts, hops }: RoutingResult): string {
  return [
    `${gets.filter(({ found }) => found).length} of ${gets.length} gets found`,
    `${puts.filter(({ stored }) => stored).length} of ${puts.length} puts stored`,
    `hops p50/p99 ${quantile(hops, 0.5)}/${quantile(hops, 0.99)}`,
  ].join('; ')
}
