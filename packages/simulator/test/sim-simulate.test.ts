import { idFromHex, idToHex } from '@kadrtc/kademlia'
import { KadNode } from '@kadrtc/node'
import { type ClusterPorts, exponential, LyingTransport, natClasses } from '@kadrtc/simulator'
import { describe, expect, test } from 'vitest'
import { eventsOf, type SimEvent } from '../command/events.js'
import { type FaultKind, faultKinds, parseFault } from '../command/fault-options.js'
import type { SimOptions } from '../command/options.js'
import { quantile } from '../command/quantiles.js'
import { type SimProgress, simulate } from '../command/simulate.js'

const options: SimOptions = {
  nodes: 24,
  seed: '7',
  churnMs: 30_000,
  churnShape: 1,
  sessions: undefined,
  crashes: 50,
  minutes: 0.5,
  lookups: 30,
  valueBytes: 10,
  latencyMs: 80,
  jitter: 10,
  nat: 0,
  faults: [],
  trace: false,
  json: false,
  html: undefined,
}
const lengths = exponential(30_000)
const traced = { ...options, trace: true }
const life = simulate(traced, { lengths })

/** Without what real time has put in. */
const virtualOnly = (events: readonly SimEvent[]) =>
  events.map((event) => (event.kind === 'summary' ? { ...event, realMs: 0 } : event))

describe('a simulated life', () => {
  test('replays, whoever watches', async () => {
    const seen: SimEvent[] = []
    const watched: SimProgress[] = []
    const one = await simulate(traced, {
      lengths,
      onEvent: (event) => seen.push(event),
      onProgress: (progress) => watched.push(progress()),
    })
    const again = await life
    const other = await simulate({ ...traced, seed: '8' }, { lengths })
    expect(seen).toEqual(one)
    expect(virtualOnly(again)).toEqual(virtualOnly(one))
    expect(virtualOnly(other)).not.toEqual(virtualOnly(one))
    const traceOf = (events: readonly SimEvent[]) => eventsOf(events, 'summary')[0]?.trace
    expect(traceOf(one)).toMatch(/^[0-9a-f]{16}$/)
    expect(traceOf(again)).toBe(traceOf(one))
    expect(traceOf(other)).not.toBe(traceOf(one))
    expect([...new Set(watched.map(({ phase }) => phase))]).toEqual([
      'growing',
      'resting',
      'putting',
      'working',
    ])
    expect(watched.every(({ done }) => done >= 0 && done <= 1)).toBe(true)
    expect(watched.at(-1)!.crowd?.nodes).toBe(24)
  })

  test('tells of sizes, traffic, puts, gets and survival, and sums up', async () => {
    const events = await life
    expect(eventsOf(events, 'size').map(({ nodes }) => nodes)).toEqual([16, 24])
    expect(eventsOf(events, 'traffic').map(({ phase }) => phase)).toEqual(['growing', 'resting', 'working'])
    expect(eventsOf(events, 'put')).toHaveLength(30)
    expect(eventsOf(events, 'get')).toHaveLength(30)
    const found = eventsOf(events, 'get').filter(({ outcome }) => outcome === 'ok')
    expect(found.length).toBeGreaterThan(24)
    // A direct round trip on a plane of 80 ms, which no pair of its points exceeds by three times.
    expect(eventsOf(events, 'get').every(({ directMs }) => directMs >= 0 && directMs < 240)).toBe(true)
    expect(eventsOf(events, 'get').some(({ directMs }) => directMs > 20)).toBe(true)
    // 24 nodes that hold links to nearly all others: a hop or two, and nothing where the reader is the owner.
    const hops = found.flatMap((get) => get.hops ?? [])
    expect(hops.length).toBeGreaterThan(found.length / 2)
    expect(hops.every((count) => count >= 1 && count <= 4)).toBe(true)
    expect(eventsOf(events, 'size').every(({ hopsMean }) => hopsMean! >= 1 && hopsMean! < 3)).toBe(true)
    // 30 gets are few: the oracle is asked about each. The direct way is the shortest, and to dial takes many round trips.
    for (const { directMs, greedyMs = -1, dialingMs = -1 } of eventsOf(events, 'get')) {
      expect(greedyMs).toBeGreaterThanOrEqual(directMs - 0.002)
      expect(dialingMs === 0 || dialingMs > 20).toBe(true)
    }
    expect(eventsOf(events, 'size').every(({ dialingP50Ms }) => dialingP50Ms !== null)).toBe(true)
    const surveys = eventsOf(events, 'survival')
    expect(surveys.map(({ minute }) => minute)).toEqual(
      Array.from({ length: 13 }, (_, i) => Math.round((500 * i) / 12) / 1000),
    )
    expect(surveys[0]).toMatchObject({ values: 30, alive: 30, departures: 0 })
    const [summary] = eventsOf(events, 'summary')
    expect(summary).toMatchObject({ seed: '7', nodes: 24, failedStarts: 0 })
    expect(summary!.departures).toBeGreaterThan(8)
    expect(summary!.departures).toBeGreaterThanOrEqual(surveys.at(-1)!.departures)
    expect(events.at(-1)).toBe(summary)
  })

  test('without session lengths nobody departs, and nothing is lost', async () => {
    const events = await simulate({ ...options, churnMs: undefined })
    expect(eventsOf(events, 'summary')[0]).not.toHaveProperty('trace')
    const [summary] = eventsOf(events, 'summary')
    expect(summary).toMatchObject({ departures: 0, arrivals: 0, joined: 24 })
    expect(eventsOf(events, 'get').every(({ outcome }) => outcome === 'ok')).toBe(true)
    const all = { asked: 30, counted: 30, interrupted: 0, notBegun: 0 }
    expect(summary).toMatchObject({ puts: all, gets: all })
    expect(eventsOf(events, 'survival').every(({ alive }) => alive === 30)).toBe(true)
  })

  test('under all faults at once nothing breaks that must hold, and a seed replays', async () => {
    const asked: (readonly [FaultKind, string])[] = [
      ...([
        ['slow', '10%:300ms'],
        ['skew', '50%:30s'],
        ['lying', '10%'],
        ['delay', '5%:1s'],
      ] as const),
      ...([
        ['replay', '5%:5s'],
        ['freeze', '10%:10s@5s'],
        ['hang', '5%@10s'],
      ] as const),
      ...([
        ['partition', '5s@12s'],
        ['partition-one-way', '5s@20s'],
      ] as const),
      ...([
        ['mass-leave', '30%@15s'],
        ['mass-join', '50%@18s'],
      ] as const),
    ]
    const faults = asked.map(([kind, text]) => parseFault(kind, text))
    const one = await simulate({ ...traced, faults }, { lengths })
    expect(virtualOnly(await simulate({ ...traced, faults }, { lengths }))).toEqual(virtualOnly(one))
    const struck = eventsOf(one, 'fault').map(({ fault }) => fault.split(' ')[0])
    expect(new Set(struck)).toEqual(new Set(faultKinds.filter((kind) => !/slow|skew|lying/.test(kind))))
    const [summary] = eventsOf(one, 'summary')
    const [plain] = eventsOf(await life, 'summary')
    expect(summary!.departures).toBeGreaterThan(plain!.departures)
    expect(summary!.arrivals).toBeGreaterThan(plain!.arrivals)
    expect(summary!.gets.counted + summary!.gets.interrupted + summary!.gets.notBegun).toBe(30)
  })

  test('nobody who lies puts or gets', async () => {
    const asked = new Set<string>()
    const nodes = new Map<string, KadNode>()
    const createNode = (ports: ClusterPorts) => {
      const node = new KadNode(ports)
      const { get } = node.records
      node.records.get = (...args) => {
        asked.add(idToHex(node.id))
        return get.apply(node.records, args)
      }
      if (ports.transport instanceof LyingTransport) nodes.set(idToHex(node.id), node)
      return node
    }
    const faults = [parseFault('lying', '50%')]
    await simulate({ ...options, churnMs: undefined, faults }, { createNode })
    expect(nodes.size).toBeGreaterThan(4)
    expect(asked.size).toBeGreaterThan(4)
    expect([...asked].filter((id) => nodes.has(id))).toEqual([])
  })

  test('a slower network takes longer', async () => {
    const slow = await simulate({ ...options, latencyMs: 400 })
    const quick = await simulate({ ...options, latencyMs: 40 })
    const putP50Ms = (events: readonly SimEvent[]) =>
      quantile(
        eventsOf(events, 'put').map(({ tookMs }) => tookMs),
        0.5,
      )!
    expect(putP50Ms(slow)).toBeGreaterThan(3 * putP50Ms(quick))
  })

  test('pairs that cannot connect have no link, by the NATs that they are behind', async () => {
    const linksOf = async (nat: number) => {
      const nodes: KadNode[] = []
      const createNode = (ports: ClusterPorts) => {
        const node = new KadNode(ports)
        nodes.push(node)
        return node
      }
      const events = await simulate({ ...options, churnMs: undefined, nat }, { createNode })
      const { canConnect } = natClasses(options.seed, nat / 100)
      const linked = nodes.flatMap((node) =>
        node.inspect().links.map(({ peer }) => canConnect(node.id, idFromHex(peer))),
      )
      expect(linked).not.toContain(false)
      return eventsOf(events, 'summary')[0]!
    }
    const [open, half, none] = [await linksOf(0), await linksOf(50), await linksOf(100)]
    expect(half.linksP50).toBeLessThan(0.8 * open.linksP50)
    expect(half.linksP50).toBeGreaterThan(0.2 * open.linksP50)
    expect(none.linksP99).toBe(0)
    expect(none.gets).toEqual({ asked: 30, counted: 0, interrupted: 0, notBegun: 30 })
  })
})
