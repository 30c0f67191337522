import { commonPrefixLength, compareDistances, type Id, idFromHex, idToHex, keyIdOf } from '@kadrtc/kademlia'
import { decodeMessage, decodePacket } from '@kadrtc/wire'
import { describe, expect, test } from 'vitest'
import { said, swarm, text } from './swarm.js'

const key = keyIdOf('greeting')

test('every node reads what every other node put', async () => {
  const cluster = swarm()
  await cluster.grow(8)
  const puts = cluster.nodes.map((node, i) => node.records.put(keyIdOf(`key ${i}`), text(`value ${i}`)))
  await cluster.run(Promise.all(puts))
  for (const node of cluster.nodes) {
    for (let i = 0; i < 8; i++) {
      expect(said(await cluster.run(node.records.get(keyIdOf(`key ${i}`))))).toBe(`value ${i}`)
    }
  }
})

test('put says how many of the k closest stored it', async () => {
  const cluster = swarm({ settings: { k: 4 } })
  await cluster.grow(10)
  await cluster.clock.advance(5_000)
  const outcome = await cluster.run(cluster.node(2).records.put(key, text('hello'), { until: 'all' }))
  expect(outcome).toMatchObject({ stored: 4, wanted: 4 })
})

test('a put takes one round trip where the replicas are linked', async () => {
  const cluster = swarm({ settings: { k: 4 } })
  await cluster.grow(10)
  await cluster.clock.advance(5_000)
  const begunAtMs = cluster.clock.elapsedMs
  await cluster.run(cluster.node(2).records.put(key, text('hello')))
  const [ping] = cluster.node(2).inspect().links
  expect(cluster.clock.elapsedMs - begunAtMs).toBeLessThan(1.5 * ping!.rttMs!)
})

test('a node that is alone stores for itself and hands over to who comes', async () => {
  const cluster = swarm()
  await cluster.grow(1)
  expect(cluster.node(0).status).toBe('alone')
  await cluster.run(cluster.node(0).records.put(key, text('early')))
  await cluster.grow(1)
  expect(said(await cluster.run(cluster.node(1).records.get(key)))).toBe('early')
})

test('the newest value over authors wins, and each author keeps a slot', async () => {
  const cluster = swarm()
  await cluster.grow(5)
  await cluster.run(cluster.node(0).records.put(key, text('first')))
  await cluster.clock.advance(10)
  await cluster.run(cluster.node(1).records.put(key, text('second')))
  expect(said(await cluster.run(cluster.node(3).records.get(key)))).toBe('second')
  const all = await cluster.run(cluster.node(3).records.getAll(key))
  expect(all.map(said)).toEqual(['second', 'first'])
  const byFirst = await cluster.run(cluster.node(4).records.get(key, { author: cluster.node(0).id }))
  expect(said(byFirst)).toBe('first')
})

test('a deleted value is gone for everybody, though replicas kept older copies', async () => {
  const cluster = swarm()
  await cluster.grow(6)
  await cluster.run(cluster.node(0).records.put(key, text('hello')))
  await cluster.run(cluster.node(0).records.delete(key))
  for (const node of cluster.nodes) expect(await cluster.run(node.records.get(key))).toBeUndefined()
})

test('what nobody put is undefined, not an error', async () => {
  const cluster = swarm()
  await cluster.grow(6)
  expect(await cluster.run(cluster.node(5).records.get(keyIdOf('nothing')))).toBeUndefined()
  expect(await cluster.run(cluster.node(5).records.fetch(new Uint8Array(32)))).toBeUndefined()
})

test('compare-and-swap refuses a sequence number that is not the one held', async () => {
  const cluster = swarm()
  await cluster.grow(5)
  const node = cluster.node(0)
  const { seq } = await cluster.run(node.records.put(key, text('one'), { until: 'all' }))
  await cluster.clock.advance(10)
  await cluster.run(node.records.put(key, text('two'), { ifSeq: seq, until: 'all' }))
  await cluster.clock.advance(10)
  await expect(cluster.run(node.records.put(key, text('three'), { ifSeq: seq }))).rejects.toMatchObject({
    code: 'CONFLICT',
  })
  expect(said(await cluster.run(cluster.node(4).records.get(key)))).toBe('two')
})

describe('a get that could not ask says so, and not that nothing is there:', () => {
  const scene = async () => {
    const cluster = swarm({ settings: { k: 4, pendingPerLinkMax: 8 } })
    await cluster.grow(20)
    await cluster.clock.advance(5_000)
    await cluster.run(cluster.node(3).records.put(key, text('there'), { until: 'all' }))
    const farthestFirst = cluster.nodes.sort((a, b) => compareDistances(key, b.id, a.id))
    const ends = (gets: Promise<unknown>[]) =>
      Promise.all(
        gets.map((get) =>
          get.then(
            (found) => (found ? 'found' : 'nothing'),
            ({ code }) => code,
          ),
        ),
      )
    return { cluster, farthestFirst, ends }
  }

  test('BUSY while too many requests are under way', async () => {
    const { cluster, farthestFirst, ends } = await scene()
    const { records } = farthestFirst[0]!
    const gets = Array.from({ length: 300 }, () => records.get(key))
    expect(new Set(await cluster.run(ends(gets)))).toEqual(new Set(['found', 'BUSY']))
    await cluster.clock.advance(10_000)
    expect(await cluster.run(ends([records.get(key), records.get(keyIdOf('nothing'))]))).toEqual([
      'found',
      'nothing',
    ])
  })

  test('CLOSED when the node is closed meanwhile, or was before', async () => {
    const { cluster, farthestFirst, ends } = await scene()
    for (const [index, afterMs] of [0, 1, 10, 20].entries()) {
      const node = farthestFirst[index]!
      const gets = ends([node.records.get(key), node.records.get(keyIdOf('nothing'))])
      await cluster.clock.advance(afterMs)
      const closing = node.close()
      expect(await cluster.run(gets)).toEqual(['CLOSED', 'CLOSED'])
      await cluster.run(closing)
      expect(await cluster.run(ends([node.records.get(key)]))).toEqual(['CLOSED'])
    }
  })
})

test('content is found by its hash', async () => {
  const cluster = swarm()
  await cluster.grow(6)
  const bytes = new Uint8Array(65_536).map((_, i) => i * 7)
  const { contentId } = await cluster.run(cluster.node(0).records.add(bytes))
  expect(await cluster.run(cluster.node(4).records.fetch(contentId))).toEqual(bytes)
})

test('content is added again by anybody, though it is to live longer already', async () => {
  const cluster = swarm({ settings: { k: 4 } })
  await cluster.grow(12)
  const add = (index: number, lifeMs: number) =>
    cluster.run(cluster.node(index).records.add(Uint8Array.of(1), { lifeMs, until: 'all' }))
  await add(0, 200_000)
  expect(await add(1, 100_000)).toMatchObject({ stored: 4, wanted: 4 })
})

test('holders whose clocks are behind store what is to live for the longest time, and its deletion', async () => {
  const cluster = swarm({ settings: { k: 4 } })
  await cluster.grow(1)
  const behind = Array.from({ length: 8 }, () => cluster.add({ skewMs: -9 * 60_000 }))
  await cluster.run(Promise.all(behind.map(({ started }) => started)))
  await cluster.clock.advance(3_000)
  const { records } = cluster.node(0)
  const lifeMs = 7 * 24 * 3_600_000
  const put = records.put(keyIdOf('week'), text('long'), { lifeMs, until: 'all' })
  expect(await cluster.run(put)).toMatchObject({ stored: 4, wanted: 4 })
  const deleting = records.delete(keyIdOf('week'), { until: 'all' })
  expect(await cluster.run(deleting)).toMatchObject({ stored: 4, wanted: 4 })
})

test('content is found whatever is signed under its key id, and what is signed there is found too', async () => {
  const cluster = swarm({ settings: { k: 4 } })
  await cluster.grow(12)
  const large = new Uint8Array(65_536).fill(7)
  const { contentId } = await cluster.run(cluster.node(0).records.add(large, { until: 'all' }))
  const other = { value: new Uint8Array(65_536).fill(8), format: 0 }
  await cluster.run(cluster.node(1).records.put(keyIdOf(contentId), other, { until: 'all' }))
  for (const node of cluster.nodes) {
    const fetched = await cluster.run(node.records.fetch(contentId))
    const got = await cluster.run(node.records.get(keyIdOf(contentId)))
    expect([fetched?.[0], got?.value[0]]).toEqual([7, 8])
  }
})

test('a value over 64 KiB is refused with VALUE_TOO_LARGE, and one of 64 KiB is not', async () => {
  const cluster = swarm()
  await cluster.grow(3)
  const put = (bytes: number) => cluster.node(0).records.put(key, { value: new Uint8Array(bytes), format: 0 })
  await expect(put(65_537)).rejects.toMatchObject({ code: 'VALUE_TOO_LARGE' })
  await cluster.run(put(65_536))
  expect((await cluster.run(cluster.node(2).records.get(key)))?.value.length).toBe(65_536)
})

test('a reader never goes back to an older version, though every replica did', async () => {
  const cluster = swarm()
  await cluster.grow(3)
  await cluster.run(cluster.node(0).records.put(key, text('old')))
  const [stale] = (await cluster.node(1).ports.records.scan()).filter(([slot]) => slot.startsWith('s'))
  await cluster.clock.advance(10)
  await cluster.run(cluster.node(0).records.put(key, text('new'), { until: 'all' }))
  expect(said(await cluster.run(cluster.node(2).records.get(key)))).toBe('new')
  expect(stale).toBeDefined()
  cluster.crash(0)
  cluster.crash(1)
  expect(said(await cluster.run(cluster.node(2).records.get(key)))).toBe('new')
})

test('an aborted verb rejects with the signal’s reason', async () => {
  const cluster = swarm()
  await cluster.grow(3)
  const abort = new AbortController()
  const pending = cluster.node(0).records.get(keyIdOf('nothing'), { signal: abort.signal })
  abort.abort(new Error('enough'))
  await expect(cluster.run(pending)).rejects.toThrow('enough')
  await expect(cluster.node(0).records.get(key, { signal: abort.signal })).rejects.toThrow('enough')
})

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`while a network settles and k is small, a get still finds what was put a moment ago (seed ${seed})`, async () => {
    const settings = { k: 2, linksPerBucket: 1, idleLinkMs: 1_000, greetingMs: 1_000 }
    const cluster = swarm({ seed, settings })
    await cluster.run(Promise.all(Array.from({ length: 10 }, () => cluster.add().started)))
    await cluster.clock.runUntil(() => cluster.nodes.every((node) => node.status === 'joined'), {
      withinMs: 10_000,
    })
    for (const [i, node] of cluster.nodes.entries()) {
      const fresh = keyIdOf(`fresh ${i}`)
      await cluster.run(node.records.put(fresh, text('found')))
      expect(said(await cluster.run(cluster.node((i + 4) % 10).records.get(fresh)))).toBe('found')
    }
  })
}

describe('a record for a key that is far', () => {
  const large = { value: new Uint8Array(32 * 1024), format: 0 }

  /** A network in which most keys are far from most nodes, and how many large messages node 0 sends. */
  async function farFromHome() {
    const cluster = swarm({ settings: { k: 4, linksPerBucket: 1 } })
    await cluster.grow(40)
    await cluster.clock.advance(120_000)
    const author = cluster.node(0)
    let sent = 0
    cluster.network.faults.drop = ({ from, bytes }) => {
      if (from === author.id && bytes.length > large.value.length) sent += 1
      return false
    }
    const linked = author.inspect().links.map(({ peer }) => idFromHex(peer))
    const nearestOf = (ids: readonly Id[], keyId: Id) => ids.toSorted((x, y) => compareDistances(keyId, x, y))
    const sharedBits = commonPrefixLength(author.id, nearestOf(linked, author.id)[3]!)
    const closest = (keyId: Id) =>
      cluster.nodes.toSorted((x, y) => compareDistances(keyId, x.id, y.id)).slice(0, 4)
    const elsewhere = Array.from({ length: 1_000 }, (_, i) => keyIdOf(`far ${i}`)).filter(
      (keyId) => !closest(keyId).includes(author) && commonPrefixLength(author.id, keyId) < sharedBits,
    )
    const isLinkedNear = (keyId: Id) => commonPrefixLength(nearestOf(linked, keyId)[0]!, keyId) >= sharedBits
    // None of its links leads straight to where the key's replicas are.
    const keys = elsewhere.filter((keyId) => !isLinkedNear(keyId))
    const oneHopAway = elsewhere.filter(isLinkedNear)
    return { cluster, author, keys, key: keys[0]!, oneHopAway, closest, sent: () => sent }
  }

  test('leaves its author once, not once for each of the k closest, and reaches all of them', async () => {
    const { cluster, author, key, closest, sent } = await farFromHome()
    const outcome = await cluster.run(author.records.put(key, large, { until: 'all' }))
    expect(outcome).toMatchObject({ stored: 4, wanted: 4 })
    // One of the four may be no neighbour of the one that passes it on: it is asked for itself.
    expect(sent()).toBeLessThanOrEqual(2)
    for (const holder of closest(key)) expect(holder.inspect().records.count).toBe(1)
  })

  test('leaves its author once as well where one of the k closest is linked', async () => {
    const { cluster, author, oneHopAway, closest, sent } = await farFromHome()
    expect(oneHopAway.length).toBeGreaterThan(10)
    const [key] = oneHopAway
    await cluster.run(author.records.put(key!, large, { until: 'all' }))
    expect(sent()).toBeLessThanOrEqual(2)
    for (const holder of closest(key!)) expect(holder.inspect().records.count).toBe(1)
  })

  test('is passed on by the first of them that it comes to', async () => {
    const { cluster, author, keys } = await farFromHome()
    const ahead = new Set<number>()
    const spreaders = new Set<Id>()
    cluster.network.faults.drop = ({ from, bytes }) => {
      if (bytes.length <= large.value.length) return false
      const { kind, body } = decodePacket(bytes)
      const { message } = decodeMessage(body)
      if (message.type !== 'store') return false
      if (kind === 'toward') ahead.add(message.nonce)
      // The others whom the author asks are asked under other numbers.
      else if (ahead.has(message.nonce)) spreaders.add(from)
      return false
    }
    const ranks: number[] = []
    for (const key of keys.slice(0, 10)) {
      spreaders.clear()
      await cluster.run(author.records.put(key, large, { until: 'all' }))
      const byDistance = cluster.nodes.toSorted((x, y) => compareDistances(key, x.id, y.id))
      for (const id of spreaders) {
        const rank = byDistance.findIndex((node) => node.id === id)
        const linked = new Set(byDistance[rank]!.inspect().links.map(({ peer }) => peer))
        const closer = byDistance.slice(0, rank).filter((node) => linked.has(idToHex(node.id)))
        // It is one of four replicas as far as it can tell.
        expect(closer.length).toBeLessThan(4)
        ranks.push(rank)
      }
    }
    expect(Math.max(...ranks)).toBeGreaterThan(0)
    // Who is linked to all near itself is not linked to all near the key.
    expect(Math.max(...ranks)).toBeLessThan(8)
  })

  test('reaches them too when nobody passes it on', async () => {
    const { cluster, author, key, closest } = await farFromHome()
    const holders = new Set(closest(key).map(({ id }) => id))
    // The first that goes to each; who is asked for by name is asked later, and maybe through another.
    const lost = new Set<string>()
    const passedOn = ({ from, to, bytes }: { from: Id; to: Id; bytes: Uint8Array }) => {
      const isLost = holders.has(from) && bytes.length > large.value.length && !lost.has(idToHex(to))
      if (isLost) lost.add(idToHex(to))
      return isLost
    }
    cluster.network.faults.drop = passedOn
    const outcome = await cluster.run(author.records.put(key, large, { until: 'all' }))
    expect(outcome.stored).toBeGreaterThanOrEqual(3)
    await cluster.clock.advance(10_000)
    expect(lost.size).toBeGreaterThan(0)
    for (const holder of closest(key)) expect(holder.inspect().records.count).toBe(1)
  })
})
