import { type Id, idKey, keyIdOf } from '@kadrtc/kademlia'
import { VirtualClock } from '@kadrtc/simulator'
import { expect, test } from 'vitest'
import type { Heard } from '../src/lookups/careful-lookup.js'
import { PatientReads } from '../src/lookups/patient-reads.js'
import type { ReadResult } from '../src/lookups/read.js'
import { said, swarm, text } from './swarm.js'

const pauseMs = 100
const key = keyIdOf('greeting')

/** Reads that find nothing, and how many of those near the key each has heard, the last again and again. */
function reading(heard: readonly Heard[], { isAlone = false, newForMs = 0, tookMs = 0 } = {}) {
  const clock = new VirtualClock()
  const abort = new AbortController()
  const readAtMs: number[] = []
  const read = async (): Promise<ReadResult> => {
    const tries = readAtMs.push(clock.elapsedMs)
    if (tookMs > 0) await new Promise<void>((resolve) => clock.setTimer(tookMs, resolve))
    const result = { records: [], copyMs: undefined, onlyCopies: false, lacking: undefined }
    return { ...result, heard: heard[Math.min(tries, heard.length) - 1]! }
  }
  const reads = new PatientReads({ clock, isAlone: () => isAlone, isNew: () => clock.elapsedMs < newForMs })
  const found = reads.untilSure(read, { pauseMs, signal: abort.signal })
  return { clock, abort, reads, readAtMs, found }
}

test.each([
  { name: 'enough have nothing: asked once', heard: ['enough'], at: [0] },
  { name: 'few, then enough: asked again after a pause', heard: ['few', 'enough'], at: [0, 100] },
  {
    name: 'always few: asked for ten seconds, seldom after the first one',
    heard: ['few'],
    at: [0, 100, 300, ...Array.from({ length: 24 }, (_, i) => 700 + 400 * i), 10_000],
  },
] as const)('$name', async ({ heard, at }) => {
  const { clock, found, readAtMs } = reading(heard)
  expect((await clock.settle(found, { withinMs: 10_000 })).records).toEqual([])
  expect(readAtMs).toEqual(at)
  expect(clock.pendingTimers).toBe(0)
})

test('when nobody ever answers it is UNREACHABLE', async () => {
  const { clock, found, readAtMs } = reading(['nobody'])
  await expect(clock.settle(found, { withinMs: 10_000 })).rejects.toMatchObject({ code: 'UNREACHABLE' })
  expect(readAtMs.at(-1)).toBe(10_000)
})

test('who is alone knows that there is nothing', async () => {
  const { clock, found, readAtMs } = reading(['nobody'], { isAlone: true })
  expect((await clock.settle(found, { withinMs: 10_000 })).records).toEqual([])
  expect(readAtMs).toEqual([0])
})

test.each([
  { newForMs: 250, at: [0, 100, 300] },
  { newForMs: 100, at: [0, 100] },
])('who was new for $newForMs ms when it asked is not sure', async ({ newForMs, at }) => {
  const { clock, found, readAtMs } = reading(['enough'], { newForMs })
  expect((await clock.settle(found, { withinMs: 10_000 })).records).toEqual([])
  expect(readAtMs).toEqual(at)
})

test.each([
  { tookMs: 2_000, at: [0, 2_100, 4_300, 6_700] },
  { tookMs: 4_000, at: [0, 4_100] },
  { tookMs: 6_000, at: [0, 6_100] },
  { tookMs: 7_000, at: [0] },
])('when it takes $tookMs ms it ends in time', async ({ tookMs, at }) => {
  const { clock, found, readAtMs } = reading(['enough'], { newForMs: 30_000, tookMs })
  expect((await clock.settle(found, { withinMs: 15_000 })).records).toEqual([])
  expect(readAtMs).toEqual(at)
})

test('a pause ends when the caller gives up', async () => {
  const { clock, found, readAtMs, abort } = reading(['few'])
  await clock.advance(50)
  abort.abort()
  await clock.settle(found, { withinMs: 1 })
  // One more read, whose own signal has fired.
  expect(readAtMs).toEqual([0, 50])
  expect(clock.pendingTimers).toBe(0)
})

test('a pause ends when the node closes', async () => {
  const { clock, found, readAtMs, reads } = reading(['few'])
  await clock.advance(50)
  reads.close()
  await expect(clock.settle(found, { withinMs: 1 })).rejects.toMatchObject({ code: 'CLOSED' })
  expect(readAtMs).toEqual([0])
  expect(clock.pendingTimers).toBe(0)
})

test.each(['before', 'after'])(
  'a newcomer that asks %s its only link closes finds the value when it has others',
  async (when) => {
    const cluster = swarm()
    await cluster.grow(6)
    await cluster.run(cluster.node(1).records.put(key, text('hello'), { until: 'all' }))
    const { member, started } = cluster.add()
    const [greeter] = cluster.members
    const isOfTwo = (id: unknown) => id === member.node.id || id === greeter!.node.id
    cluster.network.faults.canConnect = (a, b) => isOfTwo(a) === isOfTwo(b)
    await cluster.run(started)
    cluster.network.faults.canConnect = undefined
    expect(member.node.inspect().links).toHaveLength(1)
    const early = when === 'before' ? member.node.records.get(key) : undefined
    await cluster.leave(0)
    await cluster.clock.runUntil(() => member.node.inspect().links.length === 0, { withinMs: 500 })
    expect(said(await cluster.run(early ?? member.node.records.get(key)))).toBe('hello')
  },
)

/** Six nodes that have a value, and two newcomers that can be linked to each other alone. */
async function islandOfTwo() {
  const cluster = swarm({ network: { dialTimeoutMs: 1_000 } })
  await cluster.grow(6)
  await cluster.run(cluster.node(1).records.put(key, text('hello'), { until: 'all' }))
  const others = cluster.nodes.map(({ id }) => idKey(id))
  const isNewcomer = (id: Id) => !others.includes(idKey(id))
  cluster.network.faults.canConnect = (a, b) => isNewcomer(a) === isNewcomer(b)
  const newcomers = [cluster.add(), cluster.add()]
  await cluster.run(Promise.all(newcomers.map(({ started }) => started)))
  const [{ member }] = newcomers as [(typeof newcomers)[0]]
  expect(member.node.inspect().links).toHaveLength(1)
  return { cluster, node: member.node }
}

test('two newcomers that know only each other do not tell each other that there is nothing', async () => {
  const { cluster, node } = await islandOfTwo()
  const got = node.records.get(key)
  await cluster.clock.advance(200)
  cluster.network.faults.canConnect = undefined
  expect(said(await cluster.run(got))).toBe('hello')
})

test('who knows nobody else after half a minute takes that for the network', async () => {
  const { cluster, node } = await islandOfTwo()
  await cluster.clock.advance(30_000)
  const begunAtMs = cluster.clock.elapsedMs
  expect(await cluster.run(node.records.get(key))).toBeUndefined()
  expect(cluster.clock.elapsedMs - begunAtMs).toBeLessThan(5_000)
})

test('who has lost everybody and cannot know that it is alone does not say that there is nothing', async () => {
  const cluster = swarm()
  await cluster.grow(3)
  cluster.server.stop()
  await cluster.leave(1)
  await cluster.leave(2)
  const got = (value: string) => cluster.run(cluster.node(0).records.get(keyIdOf(value)))
  await expect(got('nothing')).rejects.toMatchObject({ code: 'UNREACHABLE' })
  cluster.server.start()
  await cluster.clock.advance(60_000)
  expect(await got('nothing')).toBeUndefined()
})

test('who is closed while it waits to ask again is told at once', async () => {
  const cluster = swarm()
  await cluster.grow(2)
  cluster.server.stop()
  await cluster.leave(1)
  const [node] = cluster.nodes
  const begunAtMs = cluster.clock.elapsedMs
  const ended = expect(node!.records.get(key)).rejects.toMatchObject({ code: 'CLOSED' })
  await cluster.clock.advance(1_000)
  await cluster.leave(0)
  await ended
  expect(cluster.clock.elapsedMs - begunAtMs).toBeLessThan(1_100)
})
