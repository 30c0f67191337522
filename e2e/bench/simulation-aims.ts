/** The figures of each simulation: their names, goals, and what they stand beside. */
import type { Aim } from './measurement.js'

/** How large a network is, and how large what is asked of it is beside the full size. */
export interface Size {
  /** E.g. '1000 nodes'. */
  readonly nodes: string
  readonly scale: number
}

const oracles = {
  direct: 'the oracle: the direct round trip to the owner',
  greedy: 'the oracle: the greedy way over perfect tables',
  dialing: 'the oracle: an iterative lookup over perfect k-buckets that dials whom it asks',
} as const

export function routingAims(prefix: string, nodes: string): Aim[] {
  const direct = 'p50 of the direct round trips from reader to owner'
  return [
    lower(`${prefix}.get_stretch_p50`, 'ratio', 1.8, `p50 of warm routed gets over the ${direct}, ${nodes}`),
    lower(`${prefix}.get_stretch_p99`, 'ratio', 5, `p99 of warm routed gets over the ${direct}`),
    report(
      `${prefix}.get_stretch_each_p50`,
      'ratio',
      'each get over its own direct round trip, p50; without those to oneself',
    ),
    lower(`${prefix}.get_vs_dialing`, 'ratio', 0.15, `p50 of gets over p50 of ${oracles.dialing}`),
    ...(['p50', 'p99'] as const).flatMap((quantile) => besideOracle(prefix, 'get', 'virtual time', quantile)),
    lower(
      `${prefix}.get_connections_opened`,
      'dials',
      0,
      'by or to a reader, with a node that its get met, until a second after',
    ),
    report(`${prefix}.reader_dials`, 'dials', 'by or to a reader in the same time, with whomever'),
    report(`${prefix}.links_opened_in_gets`, 'links', 'by all nodes while the gets went on'),
    report(`${prefix}.links_opened_idle`, 'links', 'by all nodes in as long without gets'),
    higher(
      `${prefix}.recall_k`,
      'fraction',
      0.999,
      'the true 20 closest nodes, who had the record when its put was done',
    ),
    lower(`${prefix}.put_vs_get`, 'ratio', 2, 'the median get; a put is done when a majority of 20 has it'),
    report(`${prefix}.put_ms_p50`, 'ms', 'virtual time'),
    report(`${prefix}.put_direct_ms_p50`, 'ms', oracles.direct),
    lower(`${prefix}.links_p99`, 'links', 64, 'the budget of links of one node'),
  ]
}

export function joiningAims(prefix: string): Aim[] {
  return [
    lower(`${prefix}.join_rtts_p50`, 'round trips', 15, 'first link until links to all of the 20 nearest'),
  ]
}

export function speedAims({ nodes }: Size): Aim[] {
  const against = `wall time; ${nodes} sending 1 message/s each, one thread`
  return [higher('sim.speed.10k_x_realtime', 'x', 20, against)]
}

export function hotKeyAims({ nodes }: Size): Aim[] {
  const name = 'sim.hotkey.max_load_ratio'
  return [
    lower(name, 'ratio', 5, `mean FIND_VALUEs served by all ${nodes}; 90 % for one key`),
    ...besideOracle('sim.hotkey', 'get', 'virtual time; the oracle knows of no copies'),
  ]
}

export function massDepartureAims({ nodes, scale }: Size): Aim[] {
  const values = `${Math.round(10_000 * scale)} signed values of 1 KiB`
  const against = `${values}, read within 60 s of half of ${nodes} crashing`
  return [lower('sim.massleave.50pct_lost', 'values', 0, against)]
}

export function partitionAims({ nodes }: Size): Aim[] {
  const reached = `true 20 closest of ${nodes}, reached by puts`
  return [
    higher('sim.partition.recall_after_60s', 'fraction', 0.999, reached),
    lower('sim.partition.older_seqs_seen', 'reads', 0, 'that gave their reader less than it had seen before'),
  ]
}

export function churn1kAims({ nodes }: Size): Aim[] {
  const prefix = 'sim.churn.1k_1.4min'
  const bytes = 'all messages, lookups too; signals with no SDP; no heartbeats, DTLS, SCTP'
  return [
    higher(`${prefix}.lookup_success`, 'fraction', 0.999, `the truly closest of ${nodes} asked, all crash`),
    lower(`${prefix}.bytes_per_node_s`, 'B/s', 900, bytes),
    report(`${prefix}.handshakes_per_node_min`, '/min', 'links opened over nodes; each has two ends'),
    ...besideOracle(
      prefix,
      'lookup',
      'until it is sure that nobody has the key; no dial of the oracle fails',
    ),
  ]
}

export function churn10kAims({ nodes }: Size): Aim[] {
  const prefix = 'sim.churn.10k_5min'
  return [
    higher(`${prefix}.get_success`, 'fraction', 0.9999, `${nodes}, mean session 5 min, all crash`),
    ...besideOracle(prefix, 'get', 'virtual time; no dial of the oracle fails'),
  ]
}

export function unreachableAims({ nodes }: Size): Aim[] {
  const against = `30 % of ${nodes} open no link to 60 % of others`
  return [
    higher('sim.unreachable.get_success', 'fraction', 0.999, against),
    ...besideOracle('sim.unreachable', 'get', 'virtual time; to the oracle all are reachable'),
  ]
}

export function durabilityAims({ nodes, scale }: Size): Aim[] {
  const prefix = 'sim.durability'
  const values = `${Math.round(10_000 * scale)} values of 1 KiB`
  const ratio = 'STORE bytes on all links over bytes held by the departed'
  return [
    lower(`${prefix}.24h_10min.lost`, 'values', 0, `${values}, ${nodes}, mean session 10 min, all crash`),
    lower(`${prefix}.repair_bytes_ratio`, 'ratio', 1.25, ratio),
  ]
}

export const scaleMemory = 'sim.scale.100k.memory_gib'

/** The goals of 10,000 nodes are not those of ten times as many: stretch and recall are reported. */
export function scaleAims({ nodes }: Size): Aim[] {
  const found = `gets that found their value among ${nodes}, one link a bucket`
  return [
    higher('sim.scale.100k', 'fraction', 1, found),
    lower(scaleMemory, 'GiB', 8, 'resident memory of the whole process at its most'),
    ...routingAims('sim.scale.100k', nodes).map((aim) => ({ ...aim, goal: null })),
  ]
}

export function hopsAim(sizes: readonly number[]): Aim {
  return lower('sim.hops_vs_log2n', 'slope', 0.3, `mean hops over log2 of ${sizes.join(', ')} nodes`)
}

/** How long lookups took, and what the oracle says of the same askers, keys and nodes. */
function besideOracle(prefix: string, verb: string, remark: string, quantile: 'p50' | 'p99' = 'p50'): Aim[] {
  return [
    report(`${prefix}.${verb}_ms_${quantile}`, 'ms', remark),
    report(`${prefix}.direct_ms_${quantile}`, 'ms', oracles.direct),
    report(`${prefix}.greedy_ms_${quantile}`, 'ms', oracles.greedy),
    report(`${prefix}.dialing_ms_${quantile}`, 'ms', oracles.dialing),
  ]
}

function lower(name: string, unit: string, goal: number | null, against: string): Aim {
  return { name, unit, better: 'lower', goal, against }
}

function higher(name: string, unit: string, goal: number | null, against: string): Aim {
  return { name, unit, better: 'higher', goal, against }
}

/** For comparison only. */
function report(name: string, unit: string, against: string): Aim {
  return lower(name, unit, null, against)
}
