import type { Id } from '@kadrtc/kademlia'
import { Cluster, latencyPlane, type Member } from '@kadrtc/simulator'
import { describe, expect, test } from 'vitest'
import { GreetingNode } from './greeting-node.js'

function greetingCluster(seed: number) {
  return new Cluster({
    seed,
    createNode: (ports) => new GreetingNode(ports),
    start: (node) => node.start(),
    stop: (node) => node.stop(),
    latency: (random) => latencyPlane(random, { jitter: 0.1 }),
  })
}

/** A life with a crash, a reload and a goodbye in it. */
async function life(seed: number) {
  const cluster = greetingCluster(seed)
  await cluster.grow(12)
  cluster.crash(3)
  await cluster.clock.advance(20_000)
  await cluster.run(cluster.restart(3).started)
  await cluster.leave(5)
  await cluster.clock.advance(cluster.random.integer(5_000))
  return cluster
}

describe('a cluster', () => {
  test('one seed gives one trace, another seed another', async () => {
    const [one, again, other] = [await life(7), await life(7), await life(8)]
    expect(one.trace.events).toBeGreaterThan(1_000)
    expect(again.trace.digest()).toBe(one.trace.digest())
    expect(again.network.counters).toEqual(one.network.counters)
    expect(other.trace.digest()).not.toBe(one.trace.digest())
  })

  test('nodes may share the ids of those who are alive; of others they have copies', async () => {
    const cluster = greetingCluster(1)
    await cluster.grow(2)
    const [{ ports }, { ports: other }] = cluster.members as [Member<GreetingNode>, Member<GreetingNode>]
    const heard = Uint8Array.from(other.identity.id) as Id
    expect(ports.keepId(heard)).toBe(other.identity.id)
    cluster.crash(1)
    const kept = ports.keepId(heard)
    expect(kept).toEqual(heard)
    expect(kept.buffer).not.toBe(heard.buffer)
  })

  test('grows node by node, each linked to those it was introduced to', async () => {
    const cluster = greetingCluster(1)
    await cluster.grow(6)
    await cluster.clock.advance(5_000)
    expect(cluster.nodes.map(({ links }) => links.size)).toEqual([5, 5, 5, 5, 5, 5])
    expect(cluster.nodes.every(({ greetings }) => greetings > 0)).toBe(true)
  })

  test('the code of a crashed node stops, and its peers lose it', async () => {
    const cluster = greetingCluster(1)
    await cluster.grow(4)
    cluster.crash(2)
    const before = cluster.network.counters.messages
    const dead = cluster.node(2)
    const heard = dead.greetings
    await cluster.clock.advance(16_000)
    expect(cluster.nodes).toHaveLength(3)
    expect(cluster.nodes.map(({ links }) => links.size)).toEqual([2, 2, 2])
    expect(dead.greetings).toBe(heard)
    expect(cluster.network.counters.messages).toBeGreaterThan(before)
    expect(cluster.members.map(({ state }) => state)).toEqual(['up', 'up', 'crashed', 'up'])
  })

  test('a restarted node has its identity and its stores, and draws other random bytes', async () => {
    const cluster = greetingCluster(1)
    await cluster.grow(2)
    const before = cluster.node(1).ports
    await before.records.put([['slot', Uint8Array.of(1)]])
    cluster.crash(1)
    await cluster.run(cluster.restart(1).started)
    const after = cluster.node(1).ports
    expect(after.identity).toBe(before.identity)
    expect(await after.records.get('slot')).toEqual(Uint8Array.of(1))
    expect(after.random.seed).not.toBe(before.random.seed)
    expect(() => cluster.restart(1)).toThrow('has not crashed')
  })

  test('a node that leaves says goodbye at once', async () => {
    const cluster = greetingCluster(1)
    await cluster.grow(3)
    await cluster.leave(0)
    await cluster.clock.advance(200)
    expect(cluster.nodes.map(({ links }) => links.size)).toEqual([1, 1])
  })

  test('a start that never ends fails with the seed in its message', async () => {
    const cluster = new Cluster({ seed: 42, createNode: () => 0, start: () => new Promise(() => {}) })
    await expect(cluster.grow(1)).rejects.toThrow('SEED=42')
  })

  test('there is no node beyond the last', () => {
    expect(() => greetingCluster(1).node(0)).toThrow(RangeError)
  })
})
