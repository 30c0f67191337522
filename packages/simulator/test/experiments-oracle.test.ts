import { type Id, keyIdOf } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import { decodeMessage, decodePacket } from '@kadrtc/wire'
import { expect, test, vi } from 'vitest'
import { DialWatch, growSwarm, measureRouting, OracleSample, type Swarm } from '../src/experiments/index.js'
import type { MessageOnTheWay } from '../src/faults.js'

// Seconds each, and more on a machine that has other work.
vi.setConfig({ testTimeout: 60_000 })

/** Few links, so that most nodes are not linked to those closest to a key. */
const sparse = {
  seed: 7,
  nodes: 60,
  settleMs: 30_000,
  unconnectable: 0,
  settings: { k: 3, linksPerBucket: 1, idleLinkMs: 1_000 },
}

/** A key, its owner and other holders, a reader that has no link to any, nor to `stranger`, whom no lookup of the key meets. */
async function farKey(swarm: Swarm) {
  const key = keyIdOf('far')
  const byDistance = swarm.nodes.sort((x, y) => Buffer.compare(distance(x, key), distance(y, key)))
  const [owner] = byDistance
  const holders = byDistance.slice(0, sparse.settings.k)
  const linked = (node: KadNode) => new Set(node.inspect().links.map(({ peer }) => peer))
  const reader = byDistance.findLast((node) => holders.every(({ id }) => !linked(node).has(hex(id))))!
  const stranger = byDistance.findLast(
    (node) => node !== reader && !linked(node).has(hex(reader.id)) && !linked(node).has(hex(owner!.id)),
  )!
  await swarm.run(owner!.records.put(key, { value: new Uint8Array(10), format: 0 }))
  await swarm.clock.advance(10_000)
  return { key, owner: owner!, holders, reader, stranger }
}

test('a get dials nobody; one that dials whom it has met is seen, and the watch ends', async () => {
  const swarm = await growSwarm(sparse)
  const { key, holders, reader } = await farKey(swarm)
  const asked = new Set<string>()
  const tap = ({ to, bytes }: MessageOnTheWay) => {
    if (decodeMessage(decodePacket(bytes).body).message.type === 'find-value') asked.add(hex(to))
    return false
  }
  swarm.network.faults.drop = tap
  const watch = new DialWatch(swarm)
  const get = () => reader.records.get(key)
  expect(await swarm.run(watch.during(reader, key, get))).toBeDefined()
  await swarm.clock.advance(5_000)
  expect(watch).toMatchObject({ causedByGets: 0 })

  let met: KadNode | undefined
  const dialling = async () => {
    asked.clear()
    await get()
    met = holders.find(({ id }) => asked.has(hex(id)))
    await reader.connect(met!.id).catch(() => undefined)
  }
  await swarm.run(watch.during(reader, key, dialling))
  expect(watch).toMatchObject({ causedByGets: 1 })
  // To ask for a link that stands is no dial.
  const { transport } = swarm.members.find(({ node }) => node === reader)!.ports
  const again = () => transport.dial(met!.id, { send: () => undefined })
  expect((await swarm.run(watch.during(reader, key, again))).peer).toEqual(met!.id)
  expect(watch).toMatchObject({ causedByGets: 1 })
  watch.stop()
  expect(swarm.network.faults.drop).toBe(tap)
})

test('a dial to somebody else, or long after the get, is not put down to it', async () => {
  const swarm = await growSwarm(sparse)
  const { key, owner, reader, stranger } = await farKey(swarm)
  const watch = new DialWatch(swarm)
  await swarm.run(watch.during(reader, key, () => reader.records.get(key)))
  await swarm.run(stranger.connect(reader.id).catch(() => undefined))
  await swarm.run(stranger.connect(owner.id).catch(() => undefined))
  expect(watch).toMatchObject({ causedByGets: 0, ofReaders: 1 })
  await swarm.clock.advance(2_000)
  await swarm.run(reader.connect(owner.id).catch(() => undefined))
  expect(watch).toMatchObject({ causedByGets: 0, ofReaders: 1 })
})

test('a watch changes nothing of what it watches', async () => {
  const routing = async () => measureRouting(await growSwarm(sparse), { keys: 40 })
  const watched = await routing()
  const during = vi.spyOn(DialWatch.prototype, 'during').mockImplementation((_reader, _key, get) => get())
  const unwatched = await routing()
  expect(during).toHaveBeenCalledTimes(120)
  during.mockRestore()
  expect(watched).toEqual(unwatched)
})

test('routing tells the dials of its gets, and that there are none', async () => {
  const swarm = await growSwarm({ ...sparse, nodes: 40 })
  const result = await measureRouting(swarm, { keys: 20, getsPerKey: 2 })
  expect(result.gets).toHaveLength(40)
  expect(result).toMatchObject({ dialsByGets: 0 })
})

test('a sample asks the oracle about the nodes there were, and draws from no stream before it is asked', async () => {
  const swarm = await growSwarm({ ...sparse, nodes: 20 })
  const ids = swarm.nodes.map(({ id }) => id)
  const [first, second] = ids as [Id, Id]
  const latencyMs = vi.spyOn(swarm.network, 'latencyMs').mockReturnValue(10)
  const sample = new OracleSample(swarm, { of: 1 })
  // The other node owns the key, one round trip away. Among two both are of the k closest, so nobody is dialled.
  sample.note(first, second, () => [first, second])
  expect(latencyMs).not.toHaveBeenCalled()
  expect(sample.result()).toEqual({ directMsP50: 20, greedyMsP50: 20, dialingMsP50: 0 })
  const none = new OracleSample(swarm, { of: 0 }).result()
  expect(none).toEqual({ directMsP50: Number.NaN, greedyMsP50: Number.NaN, dialingMsP50: Number.NaN })
})

test('of many lookups a sample takes 200, evenly', async () => {
  const swarm = await growSwarm({ ...sparse, nodes: 12 })
  const ids = swarm.nodes.map(({ id }) => id)
  const sample = new OracleSample(swarm, { of: 1_000 })
  const taken: number[] = []
  for (let i = 0; i < 1_000; i++) {
    sample.note(ids[0]!, ids[1]!, () => {
      taken.push(i)
      return ids
    })
  }
  expect(taken).toEqual(Array.from({ length: 200 }, (_, i) => 5 * i))
})

function distance({ id }: KadNode, key: Id): Uint8Array {
  return id.map((byte, at) => byte ^ key[at]!)
}

function hex(id: Id): string {
  return Buffer.from(id).toString('hex')
}
