/** Lies are told to one honest node over a link, and seen in what it makes of them. */
import { idToHex, keyIdOf } from '@kadrtc/kademlia'
import { KadNode } from '@kadrtc/node'
import { Cluster, type Lies, LyingTransport } from '@kadrtc/simulator'
import { describe, expect, test } from 'vitest'

const content = { value: Uint8Array.of(1), format: 0 }

/** Honest nodes and liars; with `spokes` one liar, node 1, and one node in the midst that alone links the others: the liar. */
async function society(
  honest: number,
  lies: readonly Lies[],
  spokes = 0,
  midst = 1,
): Promise<Cluster<KadNode>> {
  const cluster = new Cluster<KadNode>({
    seed: process.env.SEED ?? 1,
    createNode: (ports) => new KadNode({ ...ports, settings: { k: 4 } }),
    start: (node) => node.start({ allowAlone: true }),
    stop: (node) => node.close(),
  })
  if (spokes > 0) {
    let hub: unknown
    cluster.network.faults.canConnect = (a, b) => a === hub || b === hub
    for (let i = 0; i <= spokes; i++) {
      const { member, started } = cluster.add(i === 1 ? { lying: lies[0]! } : {})
      if (i === midst) hub = member.ports.identity.id
      await cluster.run(started)
    }
  } else {
    await cluster.grow(honest)
    for (const lying of lies) await cluster.run(cluster.add({ lying }).started)
  }
  await cluster.clock.advance(30_000)
  return cluster
}

function liarAt(cluster: Cluster<KadNode>, index: number): LyingTransport {
  const { transport } = cluster.node(index).ports
  if (!(transport instanceof LyingTransport)) throw new Error(`Node ${index} is honest`)
  return transport
}

describe('a liar', () => {
  test('that tells no lie is an honest relay', async () => {
    const cluster = await society(0, [{}], 2)
    expect(await cluster.run(cluster.node(0).ping(cluster.node(2).id))).toBe(80)
    expect(liarAt(cluster, 1).counters).toEqual({ dropped: 0, misrouted: 0, misled: 0 })
  })

  test('drops what it should pass on, and answers what is for itself', async () => {
    const cluster = await society(0, [{}], 2)
    const silent = await society(0, [{ drop: 1 }], 2)
    await expect(
      silent.run(silent.node(0).ping(silent.node(2).id, { timeoutMs: 2_000 })),
    ).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(await silent.run(silent.node(0).ping(silent.node(1).id))).toBe(40)
    expect(liarAt(silent, 1).counters.dropped).toBeGreaterThan(0)
    expect(cluster.node(0).inspect().links).toHaveLength(1)
  })

  test('gets what is for itself over a relay too', async () => {
    const cluster = await society(0, [{ drop: 1, misroute: 1 }], 2, 0)
    const before = { ...liarAt(cluster, 1).counters }
    expect(await cluster.run(cluster.node(2).ping(cluster.node(1).id))).toBe(80)
    expect(liarAt(cluster, 1).counters).toEqual(before)
  })

  test('misroutes what it should pass on: it comes to somebody else, who cannot help', async () => {
    const cluster = await society(0, [{ misroute: 0.5 }], 3)
    const before = cluster.node(3).inspect().counters.unreachable!
    for (let i = 0; i < 20; i++) {
      await cluster.run(cluster.node(0).ping(cluster.node(2).id, { timeoutMs: 1_000 })).catch(() => {})
    }
    expect(liarAt(cluster, 1).counters.misrouted).toBeGreaterThan(0)
    expect(liarAt(cluster, 1).counters.dropped).toBe(0)
    expect(cluster.node(3).inspect().counters.unreachable).toBeGreaterThan(before)
  })

  test('names only liars, in replies that honest nodes accept, over relays too', async () => {
    const cluster = await society(10, [{ mislead: 1 }, { mislead: 1 }, { mislead: 1 }])
    const rogueBefore = cluster.nodes.map((node) => node.inspect().counters.rogueReplies)
    for (let i = 0; i < 10; i++) {
      const node = cluster.node(i)
      await cluster.run(node.records.get(keyIdOf(`nothing ${i}`)))
    }
    for (const index of [10, 11, 12]) expect(liarAt(cluster, index).counters.misled).toBeGreaterThan(5)
    expect(cluster.nodes.map((node) => node.inspect().counters.rogueReplies)).toEqual(rogueBefore)
  })

  test('knows the liars that are up, and no others', async () => {
    const heard: string[][] = []
    const cluster = await society(3, [{ mislead: 1 }, {}, {}])
    cluster.crash(5)
    const [honest, liar] = [cluster.members[0]!, cluster.members[3]!]
    cluster.network.faults.drop = ({ from, to, bytes }) => {
      // nodes (0x22) in a direct packet: count, then ids of 20 bytes.
      if (from === liar.ports.identity.id && to === honest.ports.identity.id && bytes[1] === 0x22) {
        const ids = bytes.subarray(9)
        heard.push(
          Array.from({ length: ids.length / 20 }, (_, i) => idToHex(ids.slice(20 * i, 20 * i + 20) as never)),
        )
      }
      return false
    }
    await cluster.clock.advance(600_000)
    expect(heard.length).toBeGreaterThan(0)
    const accomplice = idToHex(cluster.members[4]!.ports.identity.id)
    for (const contacts of heard) expect(contacts).toEqual([accomplice])
  })

  test('keeps records as any node does', async () => {
    const cluster = await society(3, [{ drop: 1, misroute: 1, mislead: 1 }])
    await cluster.run(cluster.node(0).records.put(keyIdOf('kept'), content, { until: 'all' }))
    expect(await cluster.members[3]!.ports.records.scan()).toHaveLength(1)
  })
})
