import { compareDistances, idToHex, keyIdOf } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import type { Cluster } from '@kadrtc/simulator'
import { expect, test } from 'vitest'
import { said, swarm, text } from './swarm.js'

/** On how many living nodes each key's record is, read from their stores. */
async function replicas(cluster: Cluster<KadNode>, keys: readonly string[]): Promise<number[]> {
  const counts: number[] = []
  for (const key of keys) {
    const slot = `s${idToHex(keyIdOf(key))}`
    let count = 0
    for (const { state, ports } of cluster.members) {
      if (state !== 'up') continue
      const slots = await ports.records.scan()
      if (slots.some(([held]) => held.startsWith(slot))) count += 1
    }
    counts.push(count)
  }
  return counts
}

const keys = Array.from({ length: 20 }, (_, i) => `key ${i}`)

test('four of twelve crash at once: every value is read at once, and is on five nodes again within 30 s', async () => {
  const cluster = swarm({ settings: { k: 5 } })
  await cluster.grow(12)
  await cluster.clock.advance(10_000)
  for (const [i, key] of keys.entries()) {
    await cluster.run(cluster.node(i % 12).records.put(keyIdOf(key), text(key), { until: 'all' }))
  }
  for (const index of [1, 4, 7, 10]) cluster.crash(index)
  for (const key of keys) {
    const startMs = cluster.clock.now()
    expect(said(await cluster.run(cluster.pick().records.get(keyIdOf(key))))).toBe(key)
    expect(cluster.clock.now() - startMs, `get of ${key}`).toBeLessThan(1_000)
  }
  await cluster.clock.advance(30_000)
  for (const count of await replicas(cluster, keys)) expect(count).toBeGreaterThanOrEqual(5)
})

test('a newcomer that is among the k closest is handed the records', async () => {
  const cluster = swarm({ settings: { k: 4 } })
  await cluster.grow(6)
  for (const key of keys)
    await cluster.run(cluster.node(0).records.put(keyIdOf(key), text(key), { until: 'all' }))
  await cluster.grow(4)
  await cluster.clock.advance(30_000)
  for (const key of keys) {
    const closest = cluster.members
      .toSorted((a, b) => compareDistances(keyIdOf(key), a.node.id, b.node.id))
      .slice(0, 4)
    for (const { ports } of closest) {
      const slots = (await ports.records.scan()).map(([slot]) => slot)
      expect(slots.some((slot) => slot.startsWith(`s${idToHex(keyIdOf(key))}`))).toBe(true)
    }
  }
})

test('values outlive everybody who was there when they were put', async () => {
  const cluster = swarm({ settings: { k: 3 } })
  await cluster.grow(4)
  for (const key of keys)
    await cluster.run(cluster.node(0).records.put(keyIdOf(key), text(key), { until: 'all' }))
  for (let generation = 0; generation < 4; generation++) {
    await cluster.grow(1)
    await cluster.clock.advance(15_000)
    await cluster.leave(generation)
    await cluster.clock.advance(15_000)
  }
  for (const key of keys) expect(said(await cluster.run(cluster.pick().records.get(keyIdOf(key))))).toBe(key)
})

test('an author republishes at half-life, so that a record outlives its first life', async () => {
  const cluster = swarm({ settings: { k: 3 } })
  await cluster.grow(5)
  await cluster.run(cluster.node(0).records.put(keyIdOf('short'), text('lived'), { lifeMs: 60_000 }))
  await cluster.clock.advance(90_000)
  expect(said(await cluster.run(cluster.node(3).records.get(keyIdOf('short'))))).toBe('lived')
})

test('a record that nobody renews expires', async () => {
  const cluster = swarm({ settings: { k: 3 } })
  await cluster.grow(5)
  await cluster.run(cluster.node(0).records.put(keyIdOf('short'), text('lived'), { lifeMs: 60_000 }))
  await cluster.leave(0)
  await cluster.clock.advance(61_000)
  expect(await cluster.run(cluster.node(3).records.get(keyIdOf('short')))).toBeUndefined()
})

test('a restarted node has its identity and its records, and publishes again what it had published', async () => {
  const cluster = swarm({ settings: { k: 3 }, allowAlone: true })
  await cluster.grow(1)
  const before = cluster.node(0).id
  await cluster.run(cluster.node(0).records.put(keyIdOf('kept'), text('still here')))
  cluster.crash(0)
  await cluster.run(cluster.restart(0).started)
  expect(cluster.node(0).id).toEqual(before)
  await cluster.grow(1)
  await cluster.clock.advance(20_000)
  cluster.crash(0)
  expect(said(await cluster.run(cluster.node(1).records.get(keyIdOf('kept'))))).toBe('still here')
})
