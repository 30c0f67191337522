import { setImmediate } from 'node:timers/promises'
import { KadNode } from '@kadrtc/node'
import { Churn, type ChurnOptions, Cluster, exponential } from '@kadrtc/simulator'
import { describe, expect, test } from 'vitest'
import { GreetingNode } from './greeting-node.js'

function greetingCluster(seed: number) {
  return new Cluster({
    seed,
    createNode: (ports) => new GreetingNode(ports),
    start: (node) => node.start(),
    stop: (node) => node.stop(),
  })
}

async function churned(seed: number, options: Partial<ChurnOptions> = {}) {
  const cluster = greetingCluster(seed)
  await cluster.grow(12)
  const churn = new Churn(cluster, { lengths: exponential(60_000), ...options })
  churn.start()
  await cluster.clock.advance(300_000)
  return { cluster, churn }
}

describe('churn', () => {
  test('members depart about as often as their sessions are short, and the size stays', async () => {
    const { cluster, churn } = await churned(7)
    // 12 members for 5 mean sessions.
    expect(churn.counters.departures).toBeGreaterThan(30)
    expect(churn.counters.departures).toBeLessThan(90)
    expect(churn.counters.arrivals).toBe(churn.counters.departures)
    expect(cluster.nodes).toHaveLength(12)
    expect(churn.sessions).toBe(12)
  })

  test('one seed gives one trace, another seed another', async () => {
    const options = { crashFraction: 0.5 }
    const [one, again, other] = [
      await churned(7, options),
      await churned(7, options),
      await churned(8, options),
    ]
    expect(again.cluster.trace.digest()).toBe(one.cluster.trace.digest())
    expect(other.cluster.trace.digest()).not.toBe(one.cluster.trace.digest())
  })

  test.each([
    [1, ['crashed']],
    [0, ['left']],
    [0.5, ['crashed', 'left']],
  ])('with a crash fraction of %d the departed have %j', async (crashFraction, states) => {
    const { cluster } = await churned(7, { crashFraction, forgetsDeparted: false })
    const departed = cluster.members.filter(({ state }) => state !== 'up')
    expect([...new Set(departed.map(({ state }) => state))].sort()).toEqual(states)
  })

  test.each([
    [0, 0],
    [1, 1],
  ])('with a crash fraction of %d the peer has %d links a moment later', async (crashFraction, links) => {
    const cluster = greetingCluster(1)
    await cluster.grow(2)
    const [, other] = cluster.nodes
    let drawn = 0
    const churn = new Churn(cluster, { lengths: () => (drawn++ === 0 ? 5_000 : 1_000_000), crashFraction })
    churn.start()
    await cluster.clock.advance(4_999)
    expect(other!.links.size).toBe(1)
    // Long enough for a goodbye, too short for a heartbeat to be missed and for the arrival to be met.
    await cluster.clock.advance(100)
    expect(churn.counters.departures).toBe(1)
    expect(other!.links.size).toBe(links)
  })

  test('the departed are forgotten, and those still there keep their index', async () => {
    const { cluster, churn } = await churned(7, { crashFraction: 0.5 })
    const { departures, arrivals } = churn.counters
    expect(cluster.members).toHaveLength(12)
    expect(cluster.members.every(({ state }) => state === 'up')).toBe(true)
    expect(cluster.members.at(-1)!.index).toBe(12 + arrivals - 1)
    for (const { index, node } of cluster.members) expect(cluster.node(index)).toBe(node)
    expect(departures).toBeGreaterThan(0)
    expect(() => cluster.forget(cluster.members[0]!.index)).toThrow('is up')
  })

  test('nobody departs after stop, and start goes on', async () => {
    const { cluster, churn } = await churned(7)
    churn.stop()
    const { departures } = churn.counters
    await cluster.clock.advance(300_000)
    expect(churn.counters.departures).toBe(departures)
    churn.start()
    await cluster.clock.advance(300_000)
    expect(churn.counters.departures).toBeGreaterThan(departures)
  })

  test('those added by other ways take part once start is called again, the others keep their session', async () => {
    const cluster = greetingCluster(1)
    await cluster.grow(2)
    const churn = new Churn(cluster, { lengths: () => 10_000 })
    churn.start()
    await cluster.clock.advance(6_000)
    cluster.add()
    churn.start()
    expect(churn.sessions).toBe(3)
    await cluster.clock.advance(5_000)
    expect(churn.counters.departures).toBe(2)
    await cluster.clock.advance(5_001)
    expect(churn.counters.departures).toBe(3)
  })

  test('who was crashed by the test is not replaced', async () => {
    const cluster = greetingCluster(1)
    await cluster.grow(3)
    const churn = new Churn(cluster, { lengths: () => 10_000, forgetsDeparted: false })
    churn.start()
    cluster.crash(1)
    await cluster.clock.advance(10_000)
    expect(churn.counters).toEqual({ departures: 2, arrivals: 2, failedStarts: 0, failedStops: 0 })
  })

  test('starts and stops that fail are counted, and nobody else hears of them', async () => {
    const cluster = new Cluster({
      seed: 1,
      createNode: (_ports, index) => index,
      start: (index) => (index < 4 ? Promise.resolve() : Promise.reject(new Error('no start'))),
      stop: () => Promise.reject(new Error('no stop')),
    })
    await cluster.grow(4)
    const churn = new Churn(cluster, { lengths: (random) => 1_000 + random.integer(10), crashFraction: 0 })
    churn.start()
    await cluster.clock.advance(3_500)
    // An unhandled rejection would fail this run.
    await setImmediate()
    expect(churn.counters).toEqual({ departures: 12, arrivals: 12, failedStarts: 12, failedStops: 12 })
    expect(cluster.members).toHaveLength(4)
  })

  test('a crash fraction beyond 0 and 1 is refused', () => {
    const cluster = greetingCluster(1)
    for (const crashFraction of [-0.1, 1.1, Number.NaN]) {
      expect(() => new Churn(cluster, { lengths: () => 1, crashFraction })).toThrow(RangeError)
    }
  })

  test('real nodes go on finding values while half of them are replaced', async () => {
    const cluster = new Cluster({
      seed: 7,
      createNode: (ports) => new KadNode(ports),
      start: (node) => node.start({ allowAlone: true }),
      stop: (node) => node.close(),
    })
    await cluster.run(Promise.all(Array.from({ length: 24 }, () => cluster.add().started)))
    await cluster.clock.advance(30_000)
    const key = cluster.node(0).id
    await cluster.run(cluster.node(1).records.put(key, { value: Uint8Array.of(7), format: 0 }))
    const churn = new Churn(cluster, { lengths: exponential(300_000), crashFraction: 0.8 })
    churn.start()
    await cluster.clock.advance(180_000)
    churn.stop()
    expect(churn.counters.departures).toBeGreaterThan(8)
    expect(churn.counters.failedStarts + churn.counters.failedStops).toBe(0)
    const found = await cluster.run(cluster.pick().records.get(key))
    expect(found?.value).toEqual(Uint8Array.of(7))
  })
})
