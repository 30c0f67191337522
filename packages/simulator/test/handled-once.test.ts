/** What a network brings again is handled once, and a node that handled it twice would be seen. */
import { keyIdOf } from '@kadrtc/kademlia'
import { type Channel, KadNode, type Link } from '@kadrtc/node'
import { Cluster, type ClusterPorts, HandledOnce } from '@kadrtc/simulator'
import { encodeMessage, encodePacket, encodeRecord } from '@kadrtc/wire'
import { describe, expect, test } from 'vitest'

/** Each node remembers what its ports look like, watched. */
function watched(count: number) {
  const once = new HandledOnce()
  const ports: ClusterPorts[] = []
  const cluster = new Cluster<KadNode>({
    seed: process.env.SEED ?? 1,
    createNode: (own, index) => {
      ports[index] = once.watch(own, `Node ${index}`)
      const node = new KadNode({ ...ports[index], settings: { k: 4 } })
      node.on('channel', (channel) => once.watchMessages(channel, `Node ${index}`))
      return node
    },
    start: (node) => node.start({ allowAlone: true }),
    stop: (node) => node.close(),
  })
  const grown = cluster.grow(count)
  return { cluster, once, ports, grown }
}

const served = (cluster: Cluster<KadNode>, what: string) =>
  cluster.nodes.map((node) => node.inspect().counters[what])
const content = { value: Uint8Array.of(1), format: 0 }

describe('a network that brings every message again', () => {
  test('has no request handled twice', async () => {
    const { cluster, once, grown } = watched(3)
    await grown
    await cluster.clock.advance(60_000)
    const before = served(cluster, 'store')
    cluster.network.faults.replay = () => 5
    await cluster.run(cluster.node(0).ping(cluster.node(1).id))
    await cluster.run(cluster.node(0).records.put(keyIdOf('key'), content, { until: 'all' }))
    await cluster.clock.advance(1_000)
    expect(served(cluster, 'ping')).toEqual([0, 1, 0])
    expect(served(cluster, 'store').map((count, index) => count! - before[index]!)).toEqual([0, 1, 1])
    expect(once.violations).toEqual([])
  })

  test('opens no link twice, takes no version twice, and counts no holder twice', async () => {
    const { cluster, once, grown } = watched(12)
    cluster.network.faults.replay = () => 20
    await grown
    for (const [index, node] of cluster.nodes.entries()) {
      const outcome = await cluster.run(node.records.put(keyIdOf(`${index % 3}`), content, { until: 'all' }))
      expect(outcome).toEqual({ seq: expect.any(Number), stored: 4, wanted: 4 })
    }
    await cluster.clock.advance(60_000)
    expect(once.violations).toEqual([])
    expect(once.watched.answers).toBeGreaterThan(100)
    expect(once.watched.records).toBeGreaterThan(30)
    expect(once.watched.links).toBeGreaterThan(30)
  })
})

describe('what would be handled twice is told', () => {
  async function two() {
    const { cluster, once, ports, grown } = watched(2)
    await grown
    await cluster.clock.advance(10_000)
    return { cluster, once, ports: ports[0]!, link: cluster.members[0]!.tab.links[0]! as Link }
  }

  test('a request that is answered again; not one that is refused again', async () => {
    const { once, link } = await two()
    const say = (message: Parameters<typeof encodeMessage>[0]) =>
      link.send(encodePacket({ kind: 'direct', body: encodeMessage(message) }))
    for (let i = 0; i < 2; i++) say({ type: 'error', nonce: 1, code: 'busy' })
    say({ type: 'nodes', nonce: 7, contacts: [] })
    say({ type: 'nodes', nonce: 8, contacts: [] })
    expect(once.violations).toEqual([])
    say({ type: 'nodes', nonce: 7, contacts: [] })
    expect(once.violations).toEqual([
      expect.stringMatching(/^Node 0 answered twice: request 7 of [0-9a-f]{8}$/),
    ])
  })

  test('a record of which the same version is written again, or an older one', async () => {
    const { cluster, once, ports } = await two()
    const { records } = cluster.node(0)
    const versions = []
    for (let i = 0; i < 2; i++) {
      await cluster.run(records.put(keyIdOf('key'), content))
      versions.push((await records.ports.shelf.find(keyIdOf('key')))[0]!)
    }
    const [older, newer] = versions.map(encodeRecord)
    expect(once.violations).toEqual([])
    await ports.records.put([['slot', newer!]])
    expect(once.violations).toEqual([])
    await ports.records.put([['slot', newer!]])
    await ports.records.put([['slot', older!]])
    expect(once.violations).toEqual([
      'Node 0 took the same version of record slot twice',
      'Node 0 took an older version of record slot than it held',
    ])
    await ports.records.delete(['slot'])
    await ports.records.put([['slot', older!]])
    expect(once.violations).toHaveLength(2)
  })

  test('a link that opens again from the same handshake', () => {
    const once = new HandledOnce()
    let open: (link: Link) => void = () => {}
    const transport = { onLink: (handler: typeof open) => (open = handler) }
    const { identity } = { identity: { id: keyIdOf('own') } }
    const ports = once.watch({ transport, identity, records: {} } as never, 'Node 0')
    ports.transport.onLink(() => undefined)
    const link = (connectionId: string) =>
      ({ connectionId, peer: keyIdOf('peer'), send: () => true }) as never
    for (const id of ['a', 'b', 'a']) open(link(id))
    expect(once.violations).toEqual(['Node 0 opened link a twice'])
  })

  test('a message that an app is given again, or out of order', async () => {
    const { cluster, once } = await two()
    const channel: Channel = await cluster.run(cluster.node(0).connect(cluster.node(1).id))
    const send = async (...numbers: number[]) => {
      for (const number of numbers) channel.send(Uint8Array.of(0, 0, 0, number))
      await cluster.clock.advance(1_000)
      return once.violations.splice(0)
    }
    expect(await send(0, 1, 2)).toEqual([])
    expect(await send(2)).toEqual(['Node 1 was given message 2 of a channel where 3 was next'])
    expect(await send(5)).toHaveLength(1)
    expect(once.watched.messages).toBe(5)
  })
})
