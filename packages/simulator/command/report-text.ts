/** What a run showed, for a person at a terminal. */
import { clockText } from './duration.js'
import {
  countedOf,
  eventsOf,
  type OperationEvent,
  type OperationTotals,
  type SimEvent,
  type SummaryEvent,
  type TrafficEvent,
} from './events.js'
import { commandLineOf, type SimOptions } from './options.js'
import { quantile } from './quantiles.js'
import { idealsOf, idealText } from './sums.js'

export function reportText(options: SimOptions, events: readonly SimEvent[]): string {
  const [summary] = eventsOf(events, 'summary')
  if (!summary) throw new Error('A report needs a summary')
  const gets = countedOf(events, 'get')
  const lines = [
    ...networkLines(summary),
    ...faultLines(events),
    '',
    ...eventsOf(events, 'traffic').map(trafficLine),
    '',
    row('', ['p50', 'p90', 'p99', 'success', 'count']),
    operationsRow('put', countedOf(events, 'put')),
    operationsRow('get', gets),
    ...(['direct', 'greedy', 'dialing'] as const).map((name) => idealRow(name, idealsOf(gets, `${name}Ms`))),
    ...hopsRow(gets),
    ...missingLines(summary),
    '',
    ...idealText,
    '',
    row('size', [
      'links p50',
      'links p99',
      'get p50',
      'get p90',
      'direct p50',
      'greedy p50',
      'dial p50',
      'found',
      'gets',
      'hops',
    ]),
    ...eventsOf(events, 'size').map((at) =>
      row(String(at.nodes), [
        String(at.linksP50),
        String(at.linksP99),
        msText(at.getP50Ms),
        msText(at.getP90Ms),
        msText(at.directP50Ms),
        msText(at.greedyP50Ms),
        msText(at.dialingP50Ms),
        shareText(at.getsFound, at.gets),
        at.gets === at.getsAsked ? String(at.gets) : `${at.gets} of ${at.getsAsked}`,
        at.hopsMean?.toFixed(2) ?? '-',
      ]),
    ),
    '',
    row('minute', ['departures', 'alive', 'replicas']),
    ...eventsOf(events, 'survival').map(({ minute, departures, alive, values, replicasMean }) =>
      row(minute.toFixed(1), [String(departures), shareText(alive, values), replicasMean.toFixed(1)]),
    ),
    '',
    `again    ${commandLineOf(options)}`,
  ]
  return `${lines.join('\n')}\n`
}

function networkLines(summary: SummaryEvent): string[] {
  const { nodes, joined, failedStarts, linksP50, linksP99, departures, arrivals, virtualMs, realMs } = summary
  const failed = failedStarts > 0 ? `, ${failedStarts} starts failed` : ''
  return [
    `network  ${nodes} nodes, ${joined} joined${failed}, seed ${summary.seed}`,
    `time     ${clockText(virtualMs)} virtual in ${clockText(realMs)} real, ${(virtualMs / Math.max(1, realMs)).toFixed(1)} times as fast`,
    `links    p50 ${linksP50}, p99 ${linksP99}`,
    `churn    ${departures} departures, ${arrivals} arrivals`,
    ...(summary.trace === undefined ? [] : [`trace    ${summary.trace}`]),
  ]
}

/** The faults that struck at some time, one a line. */
export function faultLines(events: readonly SimEvent[]): string[] {
  return eventsOf(events, 'fault').map(({ atMs, fault, nodes }) => {
    const struck = nodes === undefined ? 'messages' : `${nodes} nodes`
    return `fault    ${fault} struck ${struck} at ${clockText(atMs)}`
  })
}

/** What was asked for and is in no figure; nothing where all of it is. */
export function missingLines({ puts, gets }: SummaryEvent): string[] {
  return [...missingLine('puts', puts), ...missingLine('gets', gets)]
}

function missingLine(what: string, { asked, counted, interrupted, notBegun }: OperationTotals): string[] {
  if (counted === asked) return []
  const lost = [
    ...(notBegun > 0 ? [`never begun: ${notBegun}, since no node had joined or nothing was stored`] : []),
    ...(interrupted > 0 ? [`interrupted: ${interrupted}, since the node that asked departed or froze`] : []),
  ]
  return [`Of ${asked} ${what} that were asked for ${counted} count; ${lost.join('; ')}.`]
}

function trafficLine(traffic: TrafficEvent): string {
  const { phase, seconds, messagesPerNodePerSecond, bytesPerNodePerSecond, connectionsOpened } = traffic
  const each = `${messagesPerNodePerSecond.toFixed(2)} messages and ${Math.round(bytesPerNodePerSecond)} bytes per node and second`
  return `${phase.padEnd(8)} ${each}, ${connectionsOpened} connections opened in ${seconds.toFixed(0)} s`
}

function operationsRow(name: string, operations: readonly OperationEvent[]): string {
  const done = operations.filter(({ outcome }) => outcome === 'ok')
  const tookMs = done.map((event) => event.tookMs)
  const share = shareText(done.length, operations.length)
  return row(name, [...latencies(tookMs), share, String(operations.length)])
}

function idealRow(name: string, ms: readonly number[]): string {
  return row(name, [...latencies(ms), '', String(ms.length)])
}

/** Nothing where each node that asked was the owner itself. */
function hopsRow(gets: readonly OperationEvent[]): string[] {
  const hops = gets.flatMap((get) => get.hops ?? [])
  if (hops.length === 0) return []
  return [
    row(
      'hops',
      [0.5, 0.9, 0.99].map((fraction) => String(quantile(hops, fraction))),
    ),
  ]
}

function latencies(values: readonly number[]): string[] {
  return [0.5, 0.9, 0.99].map((fraction) => msText(quantile(values, fraction)))
}

export function msText(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? '-' : `${Math.round(ms)} ms`
}

export function shareText(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`
}

function row(name: string, cells: readonly string[]): string {
  return `${name.padEnd(8)}${cells.map((cell) => ` ${cell.padStart(10)}`).join('')}`.trimEnd()
}
