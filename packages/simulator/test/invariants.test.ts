/** Each invariant holds of a healthy cluster, and is seen to be broken in one that is not. */
import { idToHex, keyIdOf } from '@kadrtc/kademlia'
import { KadNode, type Settings } from '@kadrtc/node'
import {
  atEveryMoment,
  Cluster,
  closest,
  linkBudgets,
  nearestLinks,
  queues,
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

describe('closest', () => {
  const targets = ['one', 'another'].map((text) => keyIdOf(text))

  test('holds in a network at rest, for whoever asks', async () => {
    const cluster = await settled(20)
    expect(await closest(cluster, { targets, askers: cluster.members })).toEqual([])
  })

  test('tells who was missed, and who was named though it is gone', async () => {
    const cluster = await settled(6)
    const [asker] = cluster.members
    const { node } = asker!
    const named = await cluster.run(node.closest(targets[0]!))
    const other = cluster.nodes.find(({ id }) => !named.includes(id))!
    node.closest = async () => [...named.slice(1), other.id]
    const missed = cluster.nodes.findIndex(({ id }) => idToHex(id) === idToHex(named[0]!))
    const look = () => closest(cluster, { targets: targets.slice(0, 1), askers: [asker!] })
    expect(await look()).toEqual([
      expect.stringMatching(
        new RegExp(`^Node 0 .* looked up [0-9a-f]{8} and missed of the 4 closest: Node ${missed} `),
      ),
    ])
    node.closest = async () => named
    expect(await look()).toEqual([])
    const gone = cluster.nodes.findIndex(({ id }) => idToHex(id) === idToHex(named.at(-1)!))
    if (gone > 0) cluster.crash(gone)
    else cluster.crash(cluster.nodes.findIndex(({ id }) => idToHex(id) === idToHex(named[1]!)))
    expect(await look()).toContainEqual(expect.stringContaining('was told of who is gone: '))
  })

  test('is asked for half where some of the closest cannot connect to one another', async () => {
    const cluster = await settled(6)
    const [asker] = cluster.members
    const named = await cluster.run(asker!.node.closest(targets[0]!))
    const look = () => closest(cluster, { targets: targets.slice(0, 1), askers: [asker!] })
    asker!.node.closest = async () => named.slice(2)
    expect(await look()).toHaveLength(1)
    const pair = named.slice(0, 2).map(idToHex)
    cluster.network.faults.canConnect = (a, b) => ![a, b].every((id) => pair.includes(idToHex(id)))
    expect(await look()).toEqual([])
    asker!.node.closest = async () => named.slice(3)
    expect(await look()).toHaveLength(1)
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
    const cluster = await settled(3, { k: 1, linksMax: 2, pendingPerLinkMax: 2 })
    const [first, second, third] = cluster.nodes
    pretend(first!, ({ links }) => ({ links: [...links, { ...links[0], peer: 'another' }] }))
    pretend(second!, ({ counters }) => ({ counters: { ...counters, pending: 5 } }))
    pretend(third!, ({ counters }) => ({ counters: { ...counters, answered: 1_000_000 } }))
    expect(linkBudgets(cluster)).toEqual([expect.stringMatching(/^Node 0 .* has 3 links, 2 allowed$/)])
    expect(requestBudgets(cluster)).toEqual([
      expect.stringMatching(/^Node 1 .* has 5 requests under way, 4 allowed$/),
      expect.stringMatching(/^Node 2 .* had 1000000 answers to /),
    ])
  })
})

describe('queues', () => {
  test('are bounded in a network at rest, and so is all that must hold at every moment', async () => {
    const cluster = await settled(16)
    expect(queues(cluster)).toEqual([])
    expect(atEveryMoment(cluster)).toEqual([])
  })

  test('of a node are seen to be too long, each by its own bound', async () => {
    const cluster = await settled(2, { k: 4, recordsMax: 10, recordBytesMax: 1_000, publishedMax: 5 })
    const [node] = cluster.nodes
    const { counters } = node!.inspect()
    pretend(node!, () => ({
      dialling: 100,
      contacts: 100_000,
      records: { count: 11, bytes: 1_001, published: 6 },
      counters: {
        ...counters,
        answering: 1_000,
        channels: 17,
        channelBytes: 17 * 2 ** 22 + 1,
        remembered: 2_000,
        avoided: 513,
        signals: 65,
      },
    }))
    const what = atEveryMoment(cluster).map((line) => line.replace(/^Node 0 \(\w+\) has /, ''))
    expect(what).toEqual([
      '1000 requests of peers to answer, 256 allowed',
      '100 dials under way, 64 allowed',
      '11 records, 10 allowed',
      '1001 bytes of records, 1000 allowed',
      '6 published records, 5 allowed',
      '100000 contacts, 6400 allowed',
      '17 channels, 16 allowed',
      '71303169 bytes waiting in channels, 71303168 allowed',
      '2000 remembered records, 1024 allowed',
      '513 avoided peers, 512 allowed',
      '65 signals under way, 64 allowed',
    ])
  })

  test('of a tab and of its links are seen too, while it is frozen', async () => {
    const cluster = await settled(2)
    const [member] = cluster.members
    const [link] = member!.tab.links
    Object.defineProperty(link, 'bufferedBytes', { value: 2 ** 20 + 1 })
    for (let i = 0; i < 513; i++) member!.clock.setTimer(1e9, () => undefined)
    cluster.freeze(0)
    for (let i = 0; i < 3_201; i++) member!.clock.whenAwake(() => undefined)
    expect(atEveryMoment(cluster)).toEqual([
      expect.stringMatching(/^Node 0 .* has 1048577 bytes waiting for one link, 1048576 allowed$/),
      expect.stringMatching(/^Node 0 .* has \d+ timers, 512 allowed$/),
      expect.stringMatching(/^Node 0 .* has 3201 deliveries waiting for its thaw, 3200 allowed$/),
    ])
  })

  test('two links to one peer, and one to itself, are told', async () => {
    const cluster = await settled(3)
    const [first, second] = cluster.nodes
    pretend(first!, ({ links }) => ({ links: [links[0], links[0]] }))
    pretend(second!, ({ id, links }) => ({ links: [{ ...links[0], peer: id }] }))
    expect(linkBudgets(cluster)).toEqual([
      expect.stringMatching(/^Node 0 .* has 2 links to 1 peers$/),
      expect.stringMatching(/^Node 1 .* has a link to itself$/),
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
    expect(watcher.compared).toBe(3)
  })
})
