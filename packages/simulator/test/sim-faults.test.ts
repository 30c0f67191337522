/** What each fault of the command line does to a cluster. */
import { equalIds, type Id } from '@kadrtc/kademlia'
import { KadNode } from '@kadrtc/node'
import type { Member } from '@kadrtc/simulator'
import { describe, expect, test } from 'vitest'
import { type FaultKind, parseFault } from '../command/fault-options.js'
import { Faults, FaultyCluster } from '../command/faults.js'

type Asked = readonly [kind: FaultKind, text: string]

function faulty(asked: readonly Asked[], crashFraction = 1) {
  const told: string[] = []
  const frozen: number[] = []
  const cluster = new FaultyCluster(() => faults.conditions(), {
    seed: 7,
    createNode: (ports) => new KadNode(ports),
    start: (node) => node.start({ allowAlone: true }),
    stop: (node) => node.close(),
  })
  const options = { faults: asked.map(([kind, text]) => parseFault(kind, text)), crashFraction }
  const faults = new Faults(cluster, options, {
    onFault: ({ kind }, nodes) => told.push(`${kind} ${nodes}`),
    onFreeze: ({ index }) => frozen.push(index),
    onJoin: (joined) => Promise.all(joined.map(({ started }) => started)),
  })
  return { cluster, faults, told, frozen }
}

async function grown(asked: readonly Asked[], crashFraction = 1) {
  const made = faulty(asked, crashFraction)
  await made.cluster.grow(8)
  await made.cluster.clock.advance(5_000)
  made.faults.begin()
  return made
}

const statesOf = ({ members }: FaultyCluster) => {
  const counts: Partial<Record<Member<KadNode>['state'], number>> = {}
  for (const { state } of members) counts[state] = (counts[state] ?? 0) + 1
  return counts
}

describe('conditions of single nodes', () => {
  const of = (...asked: Asked[]) => {
    const { faults } = faulty(asked)
    return Array.from({ length: 1_005 }, () => faults.conditions())
  }

  test('strike the share that was asked for, and never the first five', () => {
    const all = of(['slow', '100%:300ms'])
    expect(all.map(({ slowMs }) => slowMs)).toEqual([...Array(5), ...Array(1_000).fill(300)])
    const some = of(['slow', '10%:300ms']).filter(({ slowMs }) => slowMs === 300)
    expect(some.length).toBeGreaterThan(60)
    expect(some.length).toBeLessThan(140)
  })

  test('a clock is ahead or behind by up to so much', () => {
    const skews = of(['skew', '100%:30s']).flatMap(({ skewMs }) => skewMs ?? [])
    expect(Math.min(...skews)).toBeLessThan(-28_000)
    expect(Math.max(...skews)).toBeGreaterThan(28_000)
    expect(skews.every((ms) => Math.abs(ms) <= 30_000)).toBe(true)
  })

  test('liars lie as was asked for', () => {
    const lies = (text: string) => of(['lying', text]).at(-1)!.lying
    expect(lies('100%')).toEqual({ drop: 0.5, misroute: 1, mislead: 1 })
    expect(lies('100%:drop')).toEqual({ drop: 1 })
    expect(lies('100%:mislead+misroute')).toEqual({ misroute: 1, mislead: 1 })
  })

  test('who is struck by one fault does not depend on another', () => {
    const slow = of(['slow', '10%:300ms']).map(({ slowMs }) => slowMs)
    const both = of(['skew', '50%:1s'], ['slow', '10%:300ms'])
    expect(both.map(({ slowMs }) => slowMs)).toEqual(slow)
    const sound = both.filter(({ slowMs, skewMs }) => slowMs !== undefined && skewMs === undefined)
    expect(sound.length).toBeGreaterThan(20)
  })

  test('are those of each node that is added, then and later', async () => {
    const { cluster } = await grown([
      ['slow', '100%:300ms'],
      ['mass-join', '100%@1m'],
    ])
    await cluster.clock.advance(70_000)
    expect(cluster.members.map(({ conditions }) => conditions.slowMs)).toEqual([
      ...Array(5),
      ...Array(11).fill(300),
    ])
  })
})

describe('at its time', () => {
  test('a tab freezes for a minute and comes back', async () => {
    const { cluster, told, frozen } = await grown([['freeze', '50%@1m']])
    await cluster.clock.advance(59_999)
    expect(statesOf(cluster)).toEqual({ up: 8 })
    await cluster.clock.advance(1)
    expect(statesOf(cluster)).toEqual({ up: 4, frozen: 4 })
    await cluster.clock.advance(59_999)
    expect(statesOf(cluster)).toEqual({ up: 4, frozen: 4 })
    await cluster.clock.advance(1)
    expect(statesOf(cluster)).toEqual({ up: 8 })
    expect(told).toEqual(['freeze 4'])
    expect(frozen).toHaveLength(4)
  })

  test('a tab hangs and never comes back', async () => {
    const { cluster, frozen } = await grown([['hang', '25%@1s']])
    await cluster.clock.advance(600_000)
    expect(statesOf(cluster)).toEqual({ up: 6, frozen: 2 })
    expect(frozen).toHaveLength(2)
  })

  test('a tab that was closed while it stood still does not come back', async () => {
    const { cluster, frozen } = await grown([['freeze', '50%:30s@1s']])
    await cluster.clock.advance(5_000)
    cluster.crash(frozen[0]!)
    await cluster.clock.advance(60_000)
    expect(statesOf(cluster)).toEqual({ up: 7, crashed: 1 })
  })

  const cutsOf = ({ nodes, network }: FaultyCluster) => {
    const pairs = nodes.flatMap((a) => nodes.filter((b) => b !== a).map((b) => [a.id, b.id] as const))
    return pairs.filter(([from, to]) => network.isCut(from, to))
  }

  test('a partition stands between two parts for as long as was asked for', async () => {
    const { cluster, told } = await grown([['partition', '25%:30s@10s']])
    await cluster.clock.advance(39_999)
    expect(cutsOf(cluster)).toHaveLength(2 * 2 * 6)
    await cluster.clock.advance(1)
    expect(cutsOf(cluster)).toEqual([])
    expect(told).toEqual(['partition 2'])
  })

  test('a partition of one way lets through the other', async () => {
    const { cluster } = await grown([['partition-one-way', '25%:30s@10s']])
    await cluster.clock.advance(10_000)
    const cuts = cutsOf(cluster)
    expect(cuts).toHaveLength(2 * 6)
    const has = (from: Id, to: Id) => cuts.some(([a, b]) => equalIds(a, from) && equalIds(b, to))
    expect(cuts.some(([from, to]) => has(to, from))).toBe(false)
    // The few are those who are not heard.
    expect(new Set(cuts.map(([from]) => from)).size).toBe(2)
    await cluster.clock.advance(30_000)
    expect(cutsOf(cluster)).toEqual([])
  })

  test('messages are delayed, and come again', async () => {
    const { cluster } = await grown([
      ['delay', '20%:500ms'],
      ['replay', '5%:10s'],
    ])
    await cluster.clock.advance(1)
    const { delayMs, replay } = cluster.network.faults
    const [{ id: from }, { id: to }] = [cluster.node(0), cluster.node(1)]
    const message = { from, to, bytes: new Uint8Array(0) }
    const delays = Array.from({ length: 2_000 }, () => delayMs!(message))
    const late = delays.filter((ms) => ms > 0)
    expect(late.length).toBeGreaterThan(300)
    expect(late.length).toBeLessThan(500)
    expect(Math.max(...late)).toBeGreaterThan(450)
    expect(Math.max(...late)).toBeLessThan(500)
    const again = Array.from({ length: 2_000 }, () => replay!(message)).filter((ms) => ms !== undefined)
    expect(again.length).toBeGreaterThan(60)
    expect(again.length).toBeLessThan(140)
    expect(Math.max(...again)).toBeGreaterThan(9_000)
  })

  test('many depart, by crash or goodbye, and many join', async () => {
    const { cluster, faults, told } = await grown([
      ['mass-leave', '50%@1s'],
      ['mass-join', '200%@20s'],
    ])
    await cluster.clock.advance(1_000)
    expect(statesOf(cluster)).toEqual({ up: 4 })
    // Nobody has said a word: the others still think that they are there.
    await cluster.clock.advance(100)
    expect(cluster.nodes.every((node) => node.inspect().links.length === 7)).toBe(true)
    await cluster.clock.advance(60_000)
    expect(statesOf(cluster)).toEqual({ up: 12 })
    expect(cluster.nodes.filter(({ status }) => status === 'joined')).toHaveLength(12)
    expect(told).toEqual(['mass-leave 4', 'mass-join 8'])
    expect(faults.counters).toEqual({ departures: 4, arrivals: 8 })

    const polite = (await grown([['mass-leave', '50%@1s']], 0)).cluster
    await polite.clock.advance(1_100)
    expect(statesOf(polite)).toEqual({ up: 4 })
    expect(polite.nodes.every((node) => node.inspect().links.length === 3)).toBe(true)
  })
})
