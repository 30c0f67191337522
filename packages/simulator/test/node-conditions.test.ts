/** What a cluster can do to its nodes, with the real node on it. */
import { idToHex, keyIdOf } from '@kadrtc/kademlia'
import { KadNode } from '@kadrtc/node'
import { Cluster, LocalClock, type NodeConditions, VirtualClock } from '@kadrtc/simulator'
import { describe, expect, test } from 'vitest'

function kadCluster(seed = 1, poolMax = 32): Cluster<KadNode> {
  return new Cluster<KadNode>({
    seed: process.env.SEED ?? seed,
    server: { poolMax },
    createNode: (ports) => new KadNode({ ...ports, settings: { k: 4 } }),
    start: (node) => node.start({ allowAlone: true }),
    stop: (node) => node.close(),
  })
}

const content = { value: Uint8Array.of(1), format: 0 }
const linkCounts = (cluster: Cluster<KadNode>) => cluster.nodes.map((node) => node.inspect().links.length)

describe('conditions of a node', () => {
  test('a clock that runs ahead or behind does so after a reload too', async () => {
    const cluster = kadCluster()
    const { member, started } = cluster.add({ skewMs: -60_000 })
    await cluster.run(started)
    expect(member.ports.clock.wallMs()).toBe(cluster.clock.wallMs() - 60_000)
    cluster.crash(0)
    await cluster.run(cluster.restart(0).started)
    expect(member.ports.clock.wallMs()).toBe(cluster.clock.wallMs() - 60_000)
  })

  test('what is put is dated by the clock of its author, and lives by those of its holders', async () => {
    const cluster = kadCluster()
    await cluster.grow(3)
    const { member, started } = cluster.add({ skewMs: -50_000 })
    await cluster.run(started)
    const keyId = keyIdOf('dated')
    const nowMs = cluster.clock.wallMs()
    const { seq } = await cluster.run(member.node.records.put(keyId, content, { lifeMs: 60_000 }))
    expect(seq).toBe(nowMs - 50_000)
    expect(await cluster.run(cluster.node(0).records.get(keyId))).toBeDefined()
    member.node.close()
    await cluster.clock.advance(11_000)
    expect(await cluster.run(cluster.node(0).records.get(keyId))).toBeUndefined()
  })

  test('a slow node is slow to answer', async () => {
    const cluster = kadCluster()
    await cluster.grow(2)
    const { member, started } = cluster.add({ slowMs: 500 })
    await cluster.run(started)
    await cluster.clock.advance(5_000)
    expect(await cluster.run(cluster.node(0).ping(member.node.id))).toBe(540)
    expect(await cluster.run(cluster.node(0).ping(cluster.node(1).id))).toBe(40)
  })

  test('with no condition and no fault a run is what it was', async () => {
    const digests: string[] = []
    const conditions: (NodeConditions | undefined)[] = [undefined, {}, { skewMs: 0, slowMs: 0 }]
    for (const condition of conditions) {
      const cluster = kadCluster()
      for (let i = 0; i < 6; i++) await cluster.run(cluster.add(condition).started)
      if (condition) cluster.network.faults.delayMs = () => 0
      await cluster.clock.advance(30_000)
      digests.push(cluster.trace.digest())
    }
    expect(new Set(digests).size).toBe(1)
  })
})

describe('a frozen node', () => {
  test('runs none of its timers, and peers lose it; thawed, it joins again', async () => {
    const cluster = kadCluster()
    await cluster.grow(6)
    await cluster.clock.advance(10_000)
    const frozen = cluster.node(2)
    let fired = false
    frozen.ports.clock.setTimer(1_000, () => {
      fired = true
    })
    cluster.freeze(2)
    await cluster.clock.advance(20_000)
    expect(cluster.members[2]!.state).toBe('frozen')
    expect(cluster.nodes).not.toContain(frozen)
    expect(linkCounts(cluster)).toEqual([4, 4, 4, 4, 4])
    expect(fired).toBe(false)
    cluster.thaw(2)
    await cluster.clock.advance(1)
    expect(fired).toBe(true)
    await cluster.clock.advance(300_000)
    expect(frozen.inspect().links.length).toBeGreaterThanOrEqual(4)
  })

  test('a timer cancelled by what thaws before it does not fire', async () => {
    const cluster = kadCluster()
    await cluster.grow(1)
    const { clock } = cluster.node(0).ports
    const fired: string[] = []
    const second = clock.setTimer(20, () => fired.push('second'))
    clock.setTimer(10, () => {
      fired.push('first')
      second.cancel()
    })
    clock.setTimer(30, () => fired.push('third'))
    cluster.freeze(0)
    await cluster.clock.advance(100)
    cluster.thaw(0)
    await cluster.clock.advance(100)
    expect(fired).toEqual(['first', 'third'])
  })

  test('deals with what waited before what comes at the moment of the thaw', async () => {
    const shared = new VirtualClock()
    const clock = new LocalClock(shared)
    const done: number[] = []
    clock.freeze()
    for (const item of [1, 2]) clock.whenAwake(() => done.push(item))
    clock.thaw()
    clock.whenAwake(() => done.push(3))
    expect(done).toEqual([])
    await shared.advance(0)
    clock.whenAwake(() => done.push(4))
    expect(done).toEqual([1, 2, 3, 4])
  })

  test('can crash and restart', async () => {
    const cluster = kadCluster()
    await cluster.grow(3)
    cluster.freeze(1)
    await cluster.leave(1)
    expect(() => cluster.forget(1)).toThrow('frozen')
    cluster.crash(1)
    await cluster.clock.advance(20_000)
    await cluster.run(cluster.restart(1).started)
    await cluster.clock.advance(10_000)
    expect(linkCounts(cluster)).toEqual([2, 2, 2])
  })

  test('hears of the server only when it thaws', async () => {
    const cluster = kadCluster()
    const { member, started } = cluster.add()
    cluster.freeze(0)
    await cluster.clock.advance(5_000)
    expect(member.node.status).toBe('connecting')
    cluster.thaw(0)
    await cluster.run(started)
    expect(member.node.status).toBe('alone')
  })

  test('one seed gives one trace', async () => {
    const digests: string[] = []
    for (let run = 0; run < 2; run++) {
      const cluster = kadCluster(9)
      await cluster.grow(8)
      cluster.freeze(3)
      cluster.freeze(5)
      await cluster.clock.advance(12_000)
      cluster.thaw(5)
      await cluster.clock.advance(12_000)
      cluster.thaw(3)
      await cluster.clock.advance(60_000)
      digests.push(cluster.trace.digest())
    }
    expect(digests[0]).toBe(digests[1])
  })
})

describe('many at once', () => {
  test('crash, and as many join: those who are left find each other and what was put', async () => {
    const cluster = kadCluster()
    await cluster.grow(12)
    await cluster.run(cluster.node(0).records.put(keyIdOf('kept'), content))
    await cluster.clock.advance(10_000)
    cluster.crashMany([7, 8, 9])
    expect(cluster.nodes).toHaveLength(9)
    await cluster.clock.advance(60_000)
    const { members, started } = cluster.addMany(6)
    expect(members.map(({ index }) => index)).toEqual([12, 13, 14, 15, 16, 17])
    await cluster.run(started)
    await cluster.clock.advance(60_000)
    const found = await cluster.run(members[5]!.node.records.get(keyIdOf('kept')))
    expect(found?.value).toEqual(content.value)
  })
})

describe('a partition', () => {
  for (const [name, isCut] of [
    ['of two halves', (from: boolean, to: boolean) => from !== to],
    ['in one direction', (from: boolean, to: boolean) => from && !to],
  ] as const) {
    test(`${name} parts them, and heals`, async () => {
      // Nodes that the server has let go come back to it now and then: by that, halves that lost each other meet.
      const cluster = kadCluster(1, 2)
      await cluster.grow(10)
      await cluster.run(cluster.node(0).records.put(keyIdOf('before'), content))
      const left = new Set(cluster.nodes.slice(0, 5).map(({ id }) => id))
      cluster.network.cut((from, to) => isCut(left.has(from), left.has(to)))
      await cluster.clock.advance(30_000)
      const leftHex = new Set([...left].map(idToHex))
      const crossing = () =>
        cluster.nodes.flatMap((node) =>
          node.inspect().links.filter(({ peer }) => leftHex.has(peer) !== left.has(node.id)),
        ).length
      expect(crossing()).toBe(0)
      cluster.network.heal()
      await cluster.clock.advance(1_800_000)
      expect(crossing()).toBeGreaterThan(20)
      for (const node of [cluster.node(1), cluster.node(8)]) {
        expect((await cluster.run(node.records.get(keyIdOf('before'))))?.value).toEqual(content.value)
      }
    })
  }
})
