/** Each invariant holds of a healthy cluster, and is seen to be broken in one that is not. */
import { idToHex, keyIdOf } from '@kadrtc/kademlia'
import { KadNode, type Settings } from '@kadrtc/node'
import {
  Cluster,
  linkBudgets,
  nearestLinks,
  replicas,
  requestBudgets,
  SequenceWatcher,
} from '@kadrtc/simulator'
import { describe, expect, test } from 'vitest'

async function settled(count: number, settings: Partial<Settings> = { k: 4 }): Promise<Cluster<KadNode>> {
  const cluster = new Cluster<KadNode>({
    seed: process.env.SEED ?? 1,
    createNode: (ports) => new KadNode({ ...ports, settings }),
    start: (node) => node.start({ allowAlone: true }),
    stop: (node) => node.close(),
  })
  await cluster.grow(count)
  await cluster.clock.advance(120_000)
  return cluster
}

const content = { value: Uint8Array.of(1), format: 0 }

/** The node as it is, but for some of what it says of itself. */
function pretend(node: KadNode, change: (told: ReturnType<KadNode['inspect']>) => object): void {
  const inspect = node.inspect.bind(node)
  node.inspect = () => ({ ...inspect(), ...change(inspect()) })
}

describe('nearest links', () => {
  test('hold in a network at rest, and not right after a crash', async () => {
    const cluster = await settled(30)
    expect(nearestLinks(cluster)).toEqual([])
    cluster.crashMany([1, 3, 5, 7, 9, 11, 13, 15])
    expect(nearestLinks(cluster)).not.toEqual([])
    await cluster.clock.advance(60_000)
    expect(nearestLinks(cluster)).toEqual([])
  })

  test('name who lacks whom', async () => {
    const cluster = await settled(3)
    const [, second, third] = cluster.nodes
    pretend(second!, ({ links }) => ({ links: links.filter(({ peer }) => peer !== idToHex(third!.id)) }))
    expect(nearestLinks(cluster)).toEqual([
      `Node 1 (${idToHex(second!.id).slice(0, 8)}) lacks links to nearest nodes: Node 2 (${idToHex(third!.id).slice(0, 8)})`,
    ])
  })

  test('are not asked of pairs that cannot connect, or that are cut off', async () => {
    const cluster = await settled(3)
    const [, second, third] = cluster.nodes
    pretend(second!, ({ links }) => ({ links: links.filter(({ peer }) => peer !== idToHex(third!.id)) }))
    const isPair = (a: Uint8Array, b: Uint8Array) => a === second!.id && b === third!.id
    cluster.network.faults.canConnect = (a, b) => !isPair(a, b)
    expect(nearestLinks(cluster)).toHaveLength(1)
    cluster.network.faults.canConnect = (a, b) => !isPair(a, b) && !isPair(b, a)
    expect(nearestLinks(cluster)).toEqual([])
    cluster.network.faults.canConnect = undefined
    cluster.network.cut((from, to) => isPair(from, to))
    expect(nearestLinks(cluster)).toEqual([])
  })
})

describe('replicas', () => {
  test('are counted on the closest living nodes, in the newest version', async () => {
    const cluster = await settled(12)
    const key = keyIdOf('kept')
    await cluster.run(cluster.node(0).records.put(key, content, { until: 'all' }))
    expect(await replicas(cluster, { floor: 4 })).toEqual([])
    const holders = []
    for (const { index, ports } of cluster.members) {
      if ((await ports.records.scan()).length > 0) holders.push(index)
    }
    const [slot, old] = (await cluster.members[holders[0]!]!.ports.records.scan())[0]!
    await cluster.run(cluster.node(0).records.put(key, content, { until: 'all' }))
    // One holder missed the update.
    await cluster.members[holders[0]!]!.ports.records.put([[slot, old]])
    expect(await replicas(cluster, { floor: 3 })).toEqual([])
    expect(await replicas(cluster, { floor: 4 })).toEqual([
      `Record ${slot} is on 3 of the 4 closest in its newest version, 4 wanted`,
    ])
    cluster.crash(holders[1]!)
    expect(await replicas(cluster, { floor: 3 })).toHaveLength(1)
    await cluster.clock.advance(60_000)
    expect(await replicas(cluster, { floor: 3 })).toEqual([])
  })

  test('need not be more than there are nodes', async () => {
    const cluster = await settled(2)
    await cluster.run(cluster.node(0).records.put(keyIdOf('kept'), content, { until: 'all' }))
    expect(await replicas(cluster, { floor: 4 })).toEqual([])
  })
})

describe('budgets', () => {
  test('of links and requests hold in a network at rest', async () => {
    const cluster = await settled(16, { k: 4, linksMax: 12 })
    expect([...linkBudgets(cluster), ...requestBudgets(cluster)]).toEqual([])
  })

  test('are seen to be broken', async () => {
    const cluster = await settled(3, { k: 4, linksMax: 2, pendingPerLinkMax: 2 })
    const [first, second, third] = cluster.nodes
    pretend(first!, ({ links }) => ({ links: [...links, links[0]] }))
    pretend(second!, ({ counters }) => ({ counters: { ...counters, pending: 5 } }))
    pretend(third!, ({ counters }) => ({ counters: { ...counters, answered: 1_000_000 } }))
    expect(linkBudgets(cluster)).toEqual([expect.stringMatching(/^Node 0 .* has 3 links, 2 allowed$/)])
    expect(requestBudgets(cluster)).toEqual([
      expect.stringMatching(/^Node 1 .* has 5 requests under way, 4 allowed$/),
      expect.stringMatching(/^Node 2 .* had 1000000 answers to /),
    ])
  })
})

describe('a sequence watcher', () => {
  test('tells of a reader that is taken back, by its key and author alone', () => {
    const watcher = new SequenceWatcher()
    expect(watcher.note('a', 'key', 'ann', 5)).toEqual([])
    expect(watcher.note('a', 'key', 'ann', 5)).toEqual([])
    expect(watcher.note('b', 'key', 'ann', 4)).toEqual([])
    expect(watcher.note('a', 'other', 'ann', 4)).toEqual([])
    expect(watcher.note('a', 'key', 'bob', 4)).toEqual([])
    expect(watcher.note('a', 'key', 'ann', 3)).toEqual([
      'Reader a saw sequence number 3 of key by ann after 5',
    ])
    expect(watcher.note('a', 'key', 'ann', 4)).toHaveLength(1)
  })
})
