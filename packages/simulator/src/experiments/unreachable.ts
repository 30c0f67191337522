/**
 * Nodes that can open no direct link to most others, as behind strict NATs: whether values are found all the same.
 *
 *     const { getSuccess } = await unreachable({ seed: 7, nodes: 1_000 })
 */
import { type Id, idKey } from '@kadrtc/kademlia'
import { type GrowOptions, growSwarm, type Swarm } from './grow.js'
import { spread } from './hot-key.js'
import { putValues } from './mass-departure.js'
import { median, quantile, timed } from './measure.js'
import { OracleSample, type OracleTimes } from './oracle-sample.js'

export interface UnreachableOptions {
  /** How many nodes of 1 are hard to reach. */
  readonly hardFraction?: number
  /** Of all others, how many of 1 such a node can open no link to, whoever dials. */
  readonly blockedFraction?: number
  readonly values?: number
  readonly valueBytes?: number
  readonly gets?: number
  readonly spanMs?: number
}

export interface UnreachableResult {
  readonly gets: number
  readonly found: number
  readonly getSuccess: number
  /** Of gets by nodes that are hard to reach. */
  readonly getSuccessOfHard: number
  readonly getMsP50: number
  readonly getMsP99: number
  /** Of a sample of the gets, as if all could open links to all. */
  readonly oracle: OracleTimes
  readonly hard: number
  /** Of all pairs, how many of 1 can open no link. */
  readonly blockedPairs: number
  readonly linksOfHardP50: number
  readonly linksOfOthersP50: number
}

export async function unreachable(options: GrowOptions & UnreachableOptions): Promise<UnreachableResult> {
  const { hardFraction = 0.3, blockedFraction = 0.6, values = 1_000, valueBytes = 1_024 } = options
  const { gets = 10_000, spanMs = 60_000 } = options
  const { isHard, isBlocked } = hardToReach(options.seed, hardFraction, blockedFraction)
  const swarm = await growSwarm({
    ...options,
    prepare: (empty) => {
      empty.network.faults.canConnect = (a, b) => !isBlocked(a, b)
      options.prepare?.(empty)
    },
  })
  const random = swarm.random.fork('unreachable')
  const { nodes } = swarm
  const keys = await putValues(swarm, { values, valueBytes, random, atOnce: 100 })

  const sample = new OracleSample(swarm, { of: gets })
  const ids = nodes.map(({ id }) => id)
  const outcomes = await spread(swarm, gets, spanMs, async () => {
    const reader = random.pick(nodes)
    const key = random.pick(keys)
    sample.note(reader.id, key, () => ids)
    const { ms, value: record } = await timed(swarm, () => reader.records.get(key))
    return { ms, isFound: record !== undefined, isHard: isHard(reader.id) }
  })
  const found = outcomes.filter(({ isFound }) => isFound)
  const byHard = outcomes.filter((outcome) => outcome.isHard)
  const tookMs = found.map(({ ms }) => ms)
  const linksOf = (chosen: (id: Id) => boolean) =>
    median(nodes.filter(({ id }) => chosen(id)).map((node) => node.inspect().links.length))
  return {
    gets,
    found: found.length,
    getSuccess: found.length / gets,
    getSuccessOfHard: byHard.filter(({ isFound }) => isFound).length / byHard.length,
    getMsP50: quantile(tookMs, 0.5),
    getMsP99: quantile(tookMs, 0.99),
    oracle: sample.result(),
    hard: nodes.filter(({ id }) => isHard(id)).length,
    blockedPairs: blockedShare(swarm, isBlocked),
    linksOfHardP50: linksOf(isHard),
    linksOfOthersP50: linksOf((id) => !isHard(id)),
  }
}

/** Who is hard to reach, and for whom: always the same for the same ids and seed, and the same from both ends. */
export function hardToReach(
  seed: string | number,
  hardFraction: number,
  blockedFraction: number,
): { readonly isHard: (id: Id) => boolean; readonly isBlocked: (a: Id, b: Id) => boolean } {
  const isHard = (id: Id) => fractionOf(`${seed} hard`, [id]) < hardFraction
  const isBlocked = (a: Id, b: Id) => {
    if (!isHard(a) && !isHard(b)) return false
    return fractionOf(`${seed} pair`, idKey(a) < idKey(b) ? [a, b] : [b, a]) < blockedFraction
  }
  return { isHard, isBlocked }
}

/** A fraction in [0, 1) that belongs to these ids. */
function fractionOf(label: string, ids: readonly Id[]): number {
  let mixed = 0x811c9dc5
  for (let i = 0; i < label.length; i++) mixed = Math.imul(mixed ^ label.charCodeAt(i), 0x01000193)
  for (const id of ids) for (const byte of id) mixed = Math.imul(mixed ^ byte, 0x01000193)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
}

function blockedShare({ nodes }: Swarm, isBlocked: (a: Id, b: Id) => boolean): number {
  const some = nodes.slice(0, 300)
  let pairs = 0
  let blocked = 0
  for (const [index, a] of some.entries()) {
    for (const b of some.slice(index + 1)) {
      pairs++
      if (isBlocked(a.id, b.id)) blocked++
    }
  }
  return blocked / pairs
}
