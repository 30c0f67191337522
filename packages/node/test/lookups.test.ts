import { compareDistances, type Id, idToHex, keyIdOf } from '@kadrtc/kademlia'
import { latencyPlane } from '@kadrtc/simulator'
import { describe, expect, test, vi } from 'vitest'
import { said, swarm, text } from './swarm.js'

describe('a network larger than any node’s links', () => {
  const size = 48
  const k = 5
  const settings = {
    k,
    linksMax: 24,
    linksPerBucket: 1,
    refreshIntervalMs: 10_000,
    idleLinkMs: 5_000,
    greetingMs: 5_000,
  }

  async function network() {
    const cluster = swarm({ settings, latency: (random) => latencyPlane(random) })
    await cluster.grow(size)
    await cluster.clock.advance(60_000)
    return cluster
  }

  test('put finds the true k closest, gets from everywhere find it, and no get opens a connection', async () => {
    const cluster = await network()
    const keys = Array.from({ length: 12 }, (_, i) => `key ${i}`)
    for (const [i, key] of keys.entries()) {
      await cluster.run(cluster.node(i).records.put(keyIdOf(key), text(key), { until: 'all' }))
    }
    const trueClosest = (key: string) =>
      cluster.nodes
        .map(({ id }) => id)
        .sort((a, b) => compareDistances(keyIdOf(key), a, b))
        .slice(0, k)
        .map(idToHex)
    let found = 0
    for (const key of keys) {
      const closest = new Set(trueClosest(key))
      for (const { node, ports } of cluster.members) {
        if (!closest.has(idToHex(node.id))) continue
        const slots = (await ports.records.scan()).map(([slot]) => slot)
        if (slots.some((slot) => slot.startsWith(`s${idToHex(keyIdOf(key))}`))) found += 1
      }
    }
    expect(found / (keys.length * k)).toBeGreaterThanOrEqual(0.98)

    // Others look after their links meanwhile.
    const dialsOfReaders: unknown[] = []
    for (const [i, key] of keys.entries()) {
      const { node, ports } = cluster.members[(i * 7 + 13) % size]!
      const dial = vi.spyOn(ports.transport, 'dial')
      expect(said(await cluster.run(node.records.get(keyIdOf(key))))).toBe(key)
      dialsOfReaders.push(...dial.mock.calls)
      dial.mockRestore()
    }
    expect(dialsOfReaders).toEqual([])
  })

  test('links stay within the budget and every node keeps its siblings', async () => {
    const cluster = await network()
    for (const node of cluster.nodes) {
      const { links } = node.inspect()
      expect(links.length).toBeLessThanOrEqual(settings.linksMax)
      const linked = new Set(links.map(({ peer }) => peer))
      const siblings = cluster.nodes
        .filter((other) => other !== node)
        .map(({ id }) => id)
        .sort((a, b) => compareDistances(node.id, a, b))
        .slice(0, k)
      for (const sibling of siblings) expect(linked.has(idToHex(sibling)), 'a sibling is linked').toBe(true)
    }
  })

  test('two nodes with no link connect with the server gone, over the overlay alone', async () => {
    const cluster = await network()
    cluster.server.stop()
    const node = cluster.node(0)
    const linked = new Set(node.inspect().links.map(({ peer }) => peer))
    const far = cluster.nodes.find((other) => other !== node && !linked.has(idToHex(other.id)))!
    const heard: string[] = []
    far.on('channel', (channel) => {
      channel.on('message', (data) => {
        heard.push(new TextDecoder().decode(data))
        channel.send(data)
      })
    })
    const channel = await cluster.run(node.connect(far.id))
    expect(channel.peer).toBe(idToHex(far.id))
    const echoed = new Promise<string>((resolve) => {
      channel.on('message', (data) => resolve(new TextDecoder().decode(data)))
    })
    channel.send(new TextEncoder().encode('hi'))
    expect(await cluster.run(echoed)).toBe('hi')
    expect(heard).toEqual(['hi'])
    const closed = new Promise<string>((resolve) => channel.on('close', resolve))
    far.close().catch(() => undefined)
    expect(['remote', 'lost']).toContain(await cluster.run(closed))
  })
})

test('a peer that takes no channels refuses them, and an unknown one is unreachable', async () => {
  const cluster = swarm()
  await cluster.grow(3)
  await expect(cluster.run(cluster.node(0).connect(cluster.node(1).id))).rejects.toMatchObject({
    code: 'REFUSED',
  })
  const nobody = keyIdOf('nobody')
  await expect(cluster.run(cluster.node(0).connect(nobody, { timeoutMs: 5_000 }))).rejects.toMatchObject({
    code: 'TIMEOUT',
  })
})

describe('when a third of a small network dies at once, and one more stands still', () => {
  const keys = Array.from({ length: 30 }, (_, i) => keyIdOf(`value-${i}`))
  const dying = [1, 2, 3, 4]
  const frozen = 5
  const survivors = [6, 7, 8, 9, 10, 11, 12]

  /** All keys are stored, their author is gone, and it has just happened. */
  async function stricken(seed: number) {
    const cluster = swarm({ seed, settings: { k: 5 }, allowAlone: true })
    await cluster.run(Promise.all(Array.from({ length: 13 }, () => cluster.add().started)))
    const author = cluster.node(0)
    await cluster.run(Promise.all(keys.map((key) => author.records.put(key, text('kept')))))
    await cluster.leave(0)
    await cluster.clock.advance(15_000)
    cluster.crashMany(dying)
    cluster.freeze(frozen)
    return cluster
  }

  // Of these seeds, a reader's five nearest links have died; or of a key's holders one lives, and it doubts to be one.
  test.each([10, 15, 24])('each value is read within a second, with seed %d', async (seed) => {
    const cluster = await stricken(seed)
    const holdersOf = (key: Id) =>
      [...dying, frozen, ...survivors]
        .sort((a, b) => compareDistances(key, cluster.node(a).id, cluster.node(b).id))
        .slice(0, 5)
    const kept = keys.filter((key) => holdersOf(key).some((index) => survivors.includes(index)))
    const readAll = async (reader: number) => {
      const gets: { value: string | undefined; tookMs: number }[] = []
      for (const key of kept) {
        const beganMs = cluster.clock.elapsedMs
        const record = await cluster.node(reader).records.get(key)
        gets.push({ value: said(record), tookMs: cluster.clock.elapsedMs - beganMs })
      }
      return gets
    }
    const gets = (await cluster.run(Promise.all(survivors.map(readAll)))).flat()
    expect(gets.filter(({ value }) => value !== 'kept')).toEqual([])
    expect(Math.max(...gets.map(({ tookMs }) => tookMs))).toBeLessThan(1_000)
  })
})
