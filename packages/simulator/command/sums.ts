/** What single operations come to, taken together. */
import {
  type OperationEvent,
  type OperationTotals,
  operationsOf,
  type SimEvent,
  type SizeEvent,
} from './events.js'
import { rounded } from './operations.js'
import { quantile } from './quantiles.js'

/** What became of the puts or gets that were asked for. */
export function totalsOf(events: readonly SimEvent[], kind: 'put' | 'get', asked: number): OperationTotals {
  const begun = operationsOf(events, kind)
  const interrupted = begun.filter(({ outcome }) => outcome === 'interrupted').length
  return { asked, counted: begun.length - interrupted, interrupted, notBegun: asked - begun.length }
}

export interface SizeSample {
  readonly nodes: number
  readonly atMs: number
  /** Of each node. */
  readonly links: readonly number[]
  /** Those that were begun. */
  readonly gets: readonly OperationEvent[]
  readonly getsAsked: number
}

export function sizeEventOf({ nodes, atMs, links, gets, getsAsked }: SizeSample): SizeEvent {
  const counted = gets.filter(({ outcome }) => outcome !== 'interrupted')
  const found = counted.filter(({ outcome }) => outcome === 'ok')
  const tookMs = found.map((event) => event.tookMs)
  const directMs = counted.map((event) => event.directMs)
  const hops = found.flatMap((get) => get.hops ?? [])
  return {
    kind: 'size',
    nodes,
    atMs: rounded(atMs),
    linksP50: quantile(links, 0.5) ?? 0,
    linksP99: quantile(links, 0.99) ?? 0,
    getsFound: found.length,
    gets: counted.length,
    getsAsked,
    getP50Ms: quantile(tookMs, 0.5) ?? null,
    getP90Ms: quantile(tookMs, 0.9) ?? null,
    directP50Ms: quantile(directMs, 0.5) ?? null,
    hopsMean: hops.length === 0 ? null : rounded(hops.reduce((sum, count) => sum + count, 0) / hops.length),
  }
}
