import { equalIds, type Id, idKey, idToHex, keyIdOf } from '@kadrtc/kademlia'
import { type Clock, KadNode } from '@kadrtc/node'
import { Cluster, SeededRandom, VirtualClock } from '@kadrtc/simulator'
import { decodeMessage, decodePacket } from '@kadrtc/wire'
import { expect, test } from 'vitest'
import { KadrtcError } from '../src/errors.js'
import { Joining, type JoiningPorts } from '../src/joining/joining.js'
import { said, swarm, text } from './swarm.js'

test('nodes that start at the same moment all find each other', async () => {
  const cluster = swarm()
  const starts = Array.from({ length: 10 }, () => cluster.add().started)
  await cluster.run(Promise.all(starts))
  await cluster.clock.advance(20_000)
  for (const node of cluster.nodes) expect(node.inspect().links.length).toBe(9)
})

test('with no server and nobody else, start rejects with SERVER_UNREACHABLE, or is alone if that is allowed', async () => {
  const strict = swarm()
  strict.server.stop()
  await expect(strict.run(strict.add().started)).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' })
  const lenient = swarm({ allowAlone: true })
  lenient.server.stop()
  await lenient.run(lenient.add().started)
  expect(lenient.node(0).status).toBe('alone')
})

test('the server dies and comes back: the network goes on, and a newcomer reads all', async () => {
  const cluster = swarm()
  await cluster.grow(6)
  await cluster.run(cluster.node(0).records.put(keyIdOf('a'), text('before')))
  cluster.server.stop()
  await cluster.clock.advance(5_000)
  await cluster.run(cluster.node(1).records.put(keyIdOf('b'), text('meanwhile')))
  expect(said(await cluster.run(cluster.node(5).records.get(keyIdOf('b'))))).toBe('meanwhile')
  cluster.server.start()
  await cluster.clock.advance(60_000)
  await cluster.grow(1)
  for (const [key, value] of [
    ['a', 'before'],
    ['b', 'meanwhile'],
  ] as const) {
    expect(said(await cluster.run(cluster.node(6).records.get(keyIdOf(key))))).toBe(value)
  }
})

test.each([
  { others: 2, soonMs: 10_000 },
  { others: 6, soonMs: 180_000 },
])(
  'two siblings whose first dials came to nothing are linked later, sooner where there are few: $others',
  async ({ others, soonMs }) => {
    const cluster = swarm()
    await cluster.grow(others)
    const [one, other] = [cluster.node(0), cluster.add()]
    const isOfPair = (a: Id, b: Id) =>
      [a, b].every((id) => equalIds(id, one.id) || equalIds(id, other.member.node.id))
    cluster.network.faults.canConnect = (a, b) => !isOfPair(a, b)
    await cluster.run(other.started)
    // Longer than a dial may take, so that both have failed.
    await cluster.clock.advance(20_000)
    const linked = () => one.inspect().links.some(({ peer }) => peer === idToHex(other.member.node.id))
    expect(linked()).toBe(false)
    cluster.network.faults.canConnect = undefined
    await cluster.clock.runUntil(linked, { withinMs: soonMs })
  },
)

test.each([
  { says: [{ type: 'welcomed', peers: 0 }], isAlone: true },
  { says: [{ type: 'welcomed', peers: 2 }], isAlone: false },
  { says: [{ type: 'connecting' }, { type: 'welcomed', peers: 0 }], isAlone: false },
  { says: [{ type: 'released' }], isAlone: false },
  { says: [{ type: 'released' }, { type: 'welcomed', peers: 0 }], isAlone: true },
  { says: [{ type: 'down', error: new KadrtcError('SERVER_UNREACHABLE') }], isAlone: false },
] as const)('who has no link is alone for certain if an introducer says so: $says', ({ says, isAlone }) => {
  const introductions = { states: says.map((state) => ({ name: 'server', state })), waiting: () => undefined }
  const ports = { introductions, links: { size: 0 }, onStatus: () => undefined }
  const joining = new Joining(ports as unknown as JoiningPorts)
  joining.consider()
  expect(joining.isAlone).toBe(isAlone)
})

test('who has no link dials all whom an introducer names, in place of those that refuse', async () => {
  const clock = new VirtualClock()
  const dialled: Id[] = []
  let isAskedForOthers = false
  const dial = async (peer: Id) => {
    dialled.push(peer)
    if (dialled.length < 8) throw new KadrtcError('REFUSED')
    return new Promise(() => undefined)
  }
  const introductions = { alone: () => (isAskedForOthers = true) }
  const dialler = { wants: () => true, dial }
  const [links, random] = [{ size: 0 }, new SeededRandom('joining')]
  const ports = { clock, dialler, introductions, links, random, settings: { k: 20 } }
  const joining = new Joining(ports as unknown as JoiningPorts)
  const named = Array.from({ length: 12 }, (_, index) => keyIdOf(`named ${index}`))
  expect(joining.onPeers(named, () => ({ send: () => undefined }))).toBe(true)
  await clock.advance(100)
  // Three are under way at once: the last of them never answer.
  expect(dialled).toEqual(named.slice(0, 10))
  expect(isAskedForOthers).toBe(false)
  joining.close()
  expect(clock.pendingTimers).toBe(0)
})

test('who is led to another island asks there who is near', async () => {
  // A link on trial would lead there, too.
  const cluster = swarm({ settings: { k: 4, trialIntervalMs: 100_000_000 }, server: { poolMax: 4 } })
  await cluster.grow(24)
  const island = new Set(cluster.nodes.filter((_, index) => index % 2 === 0).map(({ id }) => idKey(id)))
  const areApart = (a: Id, b: Id) => island.has(idKey(a)) !== island.has(idKey(b))
  cluster.network.cut(areApart)
  await cluster.clock.advance(180_000)
  cluster.network.heal()
  const asking = new Set<string>()
  cluster.network.faults.drop = ({ from, to, bytes }) => {
    const packet = decodePacket(bytes)
    if (packet.kind !== 'toward' || !areApart(from, to) || packet.path.length > 0) return false
    const { message } = decodeMessage(packet.body)
    if (message.type === 'find-node' && equalIds(message.target, from)) asking.add(idKey(from))
    return false
  }
  await cluster.clock.runUntil(() => asking.size >= 3, { withinMs: 120_000 })
})

test('a node that lost every link looks for others again', async () => {
  const cluster = swarm()
  await cluster.grow(3)
  cluster.crash(1)
  cluster.crash(2)
  await cluster.clock.advance(30_000)
  expect(cluster.node(0).status).toBe('alone')
  await cluster.grow(1)
  await cluster.clock.advance(30_000)
  expect(cluster.node(0).status).toBe('joined')
  expect(
    cluster
      .node(0)
      .inspect()
      .links.map(({ peer }) => peer),
  ).toEqual([idToHex(cluster.node(3).id)])
})

test('who comes back to the server asks over the overlay for one of those it names, and opens no link', async () => {
  const settings = { k: 4, linksPerBucket: 1, reintroductionMs: 30_000, trialIntervalMs: 100_000_000 }
  const cluster = swarm({ settings })
  let welcomes = 0
  await cluster.grow(40)
  for (const node of cluster.nodes) {
    node.on('introducer', ({ state }) => {
      if (state.type === 'welcomed') welcomes += 1
    })
  }
  await cluster.clock.advance(300_000)
  const pings = new Set<number>()
  cluster.network.faults.drop = ({ bytes }) => {
    const { message } = decodeMessage(decodePacket(bytes).body)
    if (message.type === 'ping') pings.add(message.nonce)
    return false
  }
  const before = { welcomes, links: cluster.network.counters.linksOpened }
  await cluster.clock.advance(300_000)
  expect(welcomes - before.welcomes).toBeGreaterThan(cluster.nodes.length)
  expect(pings.size).toBeGreaterThan(0)
  expect(pings.size).toBeLessThanOrEqual(welcomes - before.welcomes)
  expect(cluster.network.counters.linksOpened - before.links).toBe(0)
})

test('two newcomers that can link to each other alone are no island once they can link to others', async () => {
  // Nodes come back to the server of themselves once in 28 hours.
  const cluster = swarm({ allowAlone: true, settings: { reintroductionMs: 100_000_000 } })
  await cluster.grow(6)
  const isOld = new Set(cluster.nodes.map(({ id }) => idToHex(id)))
  cluster.network.faults.canConnect = (a, b) => isOld.has(idToHex(a)) === isOld.has(idToHex(b))
  const pair = [cluster.add(), cluster.add()]
  await cluster.run(Promise.all(pair.map(({ started }) => started)))
  await cluster.clock.advance(60_000)
  const linksOfPair = () => pair.map(({ member }) => member.node.inspect().links.length)
  expect(linksOfPair()).toEqual([1, 1])
  cluster.network.faults.canConnect = undefined
  await cluster.clock.runUntil(() => linksOfPair().every((links) => links === 7), { withinMs: 300_000 })
})

test('who can link to none of those it was named goes on trying', async () => {
  const cluster = swarm({ allowAlone: true, settings: { reintroductionMs: 100_000_000 } })
  await cluster.grow(3)
  const { member, started } = cluster.add()
  const { node } = member
  cluster.network.faults.canConnect = (a, b) => !equalIds(a, node.id) && !equalIds(b, node.id)
  await cluster.run(started)
  await cluster.clock.advance(60_000)
  expect(node.status).toBe('alone')
  cluster.network.faults.canConnect = undefined
  await cluster.clock.runUntil(() => node.status === 'joined', { withinMs: 120_000 })
})

test('a closed node rejects its verbs with CLOSED and has left no timer', async () => {
  const timers = new Set<object>()
  const counted = (clock: Clock): Clock => ({
    now: () => clock.now(),
    wallMs: () => clock.wallMs(),
    setTimer(delayMs, fire) {
      const timer = clock.setTimer(delayMs, () => {
        timers.delete(timer)
        fire()
      })
      timers.add(timer)
      return {
        cancel: () => {
          timers.delete(timer)
          timer.cancel()
        },
      }
    },
  })
  const cluster = new Cluster<KadNode>({
    seed: 1,
    createNode: (ports) => new KadNode({ ...ports, clock: counted(ports.clock) }),
    start: (node) => node.start(),
    stop: (node) => node.close(),
  })
  await cluster.grow(3)
  const node = cluster.node(0)
  await cluster.run(node.records.put(keyIdOf('a'), text('b')))
  expect(timers.size).toBeGreaterThan(0)
  for (const index of [0, 1, 2]) await cluster.leave(index)
  expect(timers.size).toBe(0)
  await expect(node.connect(keyIdOf('x'))).rejects.toMatchObject({ code: 'CLOSED' })
})

test('listeners that throw keep no node from joining, and what they throw is told', async () => {
  const cluster = swarm()
  await cluster.grow(3)
  const { member, started } = cluster.add()
  const { node } = member
  const told: unknown[] = []
  node.onListenerError = (error) => told.push(error)
  const thrown = new Error('of the app')
  for (const event of ['link', 'unlink', 'status', 'introducer'] as const) {
    node.on(event, () => {
      throw thrown
    })
  }
  await cluster.run(started)
  await cluster.clock.advance(1_000)
  expect(node.status).toBe('joined')
  expect(node.inspect().links).toHaveLength(3)
  // Three links, an introducer that was asked and answered, and the status.
  expect(told.length).toBeGreaterThanOrEqual(5)
  expect(new Set(told)).toEqual(new Set([thrown]))
  await cluster.leave(0)
  await cluster.clock.advance(1_000)
  expect(node.inspect().links).toHaveLength(2)
})
