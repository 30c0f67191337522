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
    directP50Ms: quantile(idealsOf(counted, 'directMs'), 0.5) ?? null,
    greedyP50Ms: quantile(idealsOf(counted, 'greedyMs'), 0.5) ?? null,
    dialingP50Ms: quantile(idealsOf(counted, 'dialingMs'), 0.5) ?? null,
    hopsMean: hops.length === 0 ? null : rounded(hops.reduce((sum, count) => sum + count, 0) / hops.length),
  }
}

/** What the oracle says of those gets of which it was asked. */
export function idealsOf(
  gets: readonly OperationEvent[],
  which: 'directMs' | 'greedyMs' | 'dialingMs',
): number[] {
  return gets.flatMap((get) => get[which] ?? [])
}

/** What the figures beside those of the gets are, for people. */
export const idealText = [
  'direct, greedy and dialing are of an ideal network of the nodes that were up when a get was asked, in which every node is',
  'sound and every pair can connect: the round trip to the owner of the key; the way over perfect tables; an iterative',
  'lookup that opens a connection to each contact it asks. The last two are of as many gets as it says.',
] as const
