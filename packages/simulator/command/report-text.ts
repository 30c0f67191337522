/** What a run showed, for a person at a terminal. */
import { clockText } from './duration.js'
import type { OperationEvent, SimEvent, SummaryEvent, TrafficEvent } from './events.js'
import { commandLineOf, type SimOptions } from './options.js'
import { quantile } from './quantiles.js'

type EventOf<K extends SimEvent['kind']> = K extends OperationEvent['kind']
  ? OperationEvent
  : Extract<SimEvent, { kind: K }>

/** All events of one kind. */
export function eventsOf<K extends SimEvent['kind']>(events: readonly SimEvent[], kind: K): EventOf<K>[] {
  return events.filter((event) => event.kind === kind) as EventOf<K>[]
}

/** Puts or gets, without the few whose node departed meanwhile. */
export function operationsOf(events: readonly SimEvent[], kind: 'put' | 'get'): OperationEvent[] {
  return eventsOf(events, kind).filter(({ outcome }) => outcome !== 'interrupted')
}

export function reportText(options: SimOptions, events: readonly SimEvent[]): string {
  const [summary] = eventsOf(events, 'summary')
  if (!summary) throw new Error('A report needs a summary')
  const gets = operationsOf(events, 'get')
  const lines = [
    ...networkLines(summary),
    '',
    ...eventsOf(events, 'traffic').map(trafficLine),
    '',
    row('', ['p50', 'p90', 'p99', 'success', 'count']),
    operationsRow('put', operationsOf(events, 'put')),
    operationsRow('get', gets),
    row('direct', [...latencies(gets.map(({ directMs }) => directMs)), '']),
    ...hopsRow(gets),
    '',
    row('size', ['links p50', 'links p99', 'get p50', 'get p90', 'direct p50', 'found', 'hops']),
    ...eventsOf(events, 'size').map((at) =>
      row(String(at.nodes), [
        String(at.linksP50),
        String(at.linksP99),
        msText(at.getP50Ms),
        msText(at.getP90Ms),
        msText(at.directP50Ms),
        shareText(at.getsFound, at.gets),
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
