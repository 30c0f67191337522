/**
 * Lookups while people come and go: how many end at the node that is truly closest, how many values are found, and what it
 * costs in bytes and in connections.
 *
 *     const { lookupSuccess } = await churnLookups({ seed: 7, nodes: 1_000, meanSessionMs: meanOfMedian(84_000) })
 */
import { Churn } from '../churn/churn.js'
import { exponential } from '../churn/session-lengths.js'
import type { GrowOptions, Swarm } from './grow.js'
import { spread } from './hot-key.js'
import { warmSwarm } from './lay.js'
import { Looking, type LookupCounts, Reading, Tracing } from './lookup-counts.js'
import { putValues } from './mass-departure.js'
import { OracleSample, type OracleTimes } from './oracle-sample.js'

export interface ChurnLookupsOptions {
  /** Of the exponential distribution that sessions are drawn from. */
  readonly meanSessionMs: number
  /** How many departures of 1 are without a word. Default: all. */
  readonly crashFraction?: number
  /** Churn before anything is measured. Default: five minutes. */
  readonly warmUpMs?: number
  /** Then nobody looks anything up for so long. Default: two minutes. */
  readonly quietMs?: number
  /** Then the lookups are made. Default: ten minutes. */
  readonly forMs?: number
  /** Lookups as a get makes them: it asks for the record of a random key, which nobody has. */
  readonly lookups?: number
  /** Single packets toward random keys. */
  readonly traces?: number
  /** Values put before the churn; none: nothing is handed over, and bytes are those of links and lookups alone. */
  readonly values?: number
  readonly valueBytes?: number
  readonly gets?: number
}

export interface ChurnLookupsResult {
  /** Lookups of gets that asked the node which was truly closest. */
  readonly lookupSuccess: number
  readonly lookups: LookupCounts
  readonly lookupMsP50: number
  readonly lookupMsP99: number
  /** Of a sample of the lookups, on the nodes that had joined when each began; no dial of it fails. */
  readonly lookupOracle: OracleTimes
  /** `traceRoute`: one packet toward the key, and once more when nobody had answered. */
  readonly retriedSuccess: number
  readonly retried: LookupCounts
  /** The first packet alone. */
  readonly plainSuccess: number
  readonly plain: LookupCounts
  readonly gets: number
  readonly getsFound: number
  /** NaN when there were none. */
  readonly getSuccess: number
  readonly getMsP50: number
  readonly getMsP99: number
  /** As `lookupOracle`, of a sample of the gets. */
  readonly getOracle: OracleTimes
  /** Delivered over all links, the lookups' and the gets' own included; heartbeats of links are not simulated. */
  readonly bytesPerNodeAndSecond: number
  /** The same while nobody looks anything up. */
  readonly quietBytesPerNodeAndSecond: number
  readonly messagesPerNodeAndSecond: number
  readonly linksOpened: number
  /** Links opened over nodes and minutes. Each is a handshake for both its ends, so a node takes part in twice as many. */
  readonly handshakesPerNodeAndMinute: number
  readonly departures: number
  readonly failedStarts: number
  /** How many nodes of 1 had joined, at the mean of the lookups. */
  readonly joinedShare: number
}

/** The mean of an exponential distribution with this median. */
export function meanOfMedian(medianMs: number): number {
  return medianMs / Math.LN2
}

export async function churnLookups(options: GrowOptions & ChurnLookupsOptions): Promise<ChurnLookupsResult> {
  return measureChurnLookups(await warmSwarm(options), options)
}

export async function measureChurnLookups(
  swarm: Swarm,
  options: ChurnLookupsOptions,
): Promise<ChurnLookupsResult> {
  const { meanSessionMs, crashFraction = 1, warmUpMs = 300_000 } = options
  const { quietMs = 120_000, forMs = 600_000 } = options
  const { lookups = 3_000, traces = 500, values = 0, valueBytes = 1_024, gets = 0 } = options
  const random = swarm.random.fork('churn lookups')
  const nodeCount = swarm.nodes.length
  const keys = values > 0 ? await putValues(swarm, { values, valueBytes, random, atOnce: 200 }) : []
  const churn = new Churn(swarm, { lengths: exponential(meanSessionMs), crashFraction })
  churn.start()
  await swarm.clock.advance(warmUpMs)
  const { messageBytes } = swarm.network.counters
  await swarm.clock.advance(quietMs)
  const quietBytes = swarm.network.counters.messageBytes - messageBytes

  const before = { ...swarm.network.counters, ...churn.counters }
  const sampled = {
    lookups: new OracleSample(swarm, { of: lookups }),
    gets: new OracleSample(swarm, { of: gets }),
  }
  const looking = new Looking(swarm, random.fork('lookups'), sampled.lookups)
  const tracing = new Tracing(swarm, random.fork('traces'))
  const reading = new Reading(swarm, keys, random.fork('gets'), sampled.gets)
  const startMs = swarm.clock.elapsedMs
  const acts = random.sample(
    [
      ...Array.from({ length: lookups }, () => looking),
      ...Array.from({ length: traces }, () => tracing),
      ...Array.from({ length: gets }, () => reading),
    ],
    lookups + traces + gets,
  )
  await spread(swarm, acts.length, forMs, (index) => acts[index]!.once())
  looking.stop()
  const after = swarm.network.counters
  const nodeSeconds = (nodeCount * (swarm.clock.elapsedMs - startMs)) / 1_000
  const linksOpened = after.linksOpened - before.linksOpened
  churn.stop()
  return {
    ...looking.result(),
    ...tracing.result(),
    ...reading.result(),
    lookupOracle: sampled.lookups.result(),
    getOracle: sampled.gets.result(),
    bytesPerNodeAndSecond: (after.messageBytes - before.messageBytes) / nodeSeconds,
    quietBytesPerNodeAndSecond: quietBytes / ((nodeCount * quietMs) / 1_000),
    messagesPerNodeAndSecond: (after.messages - before.messages) / nodeSeconds,
    linksOpened,
    handshakesPerNodeAndMinute: (linksOpened * 60) / nodeSeconds,
    departures: churn.counters.departures - before.departures,
    failedStarts: churn.counters.failedStarts - before.failedStarts,
  }
}
