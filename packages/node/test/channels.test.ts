import { compareDistances, type Id, idBytes, idToHex } from '@kadrtc/kademlia'
import { type Channel, channelMessageBytesMax, type KadNode } from '@kadrtc/node'
import type { Cluster } from '@kadrtc/simulator'
import { channelDataBytesMax, decodeMessage, decodePacket, isRequest, type Notice } from '@kadrtc/wire'
import { describe, expect, test } from 'vitest'
import { heardBy, isPatterned, patterned } from './channel-messages.js'
import { RawPeer } from './raw-peer.js'
import { swarm } from './swarm.js'

const bytesOf = (text: string) => new TextEncoder().encode(text)

/** Two nodes, and a channel from the first to the second: both ends of it. */
async function pair(cluster: Cluster<KadNode> = swarm()) {
  await cluster.grow(2)
  const accepted: Channel[] = []
  cluster.node(1).on('channel', (channel) => accepted.push(channel))
  const near = await cluster.run(cluster.node(0).connect(cluster.node(1).id, { label: 'chat' }))
  return { cluster, near, far: accepted[0]!, accepted }
}

describe('between two nodes', () => {
  test('both ends know the peer and the label, and messages come in order, both ways', async () => {
    const { cluster, near, far } = await pair()
    expect([near.peer, near.label]).toEqual([idToHex(cluster.node(1).id), 'chat'])
    expect([far.peer, far.label]).toEqual([idToHex(cluster.node(0).id), 'chat'])
    const heard = [heardBy(far), heardBy(near)]
    for (let i = 0; i < 300; i++) {
      near.send(bytesOf(`near ${i}`))
      far.send(bytesOf(`far ${i}`))
    }
    await cluster.clock.advance(1_000)
    const said = heard.map((messages) => messages.map((data) => new TextDecoder().decode(data)))
    expect(said[0]).toEqual(Array.from({ length: 300 }, (_, i) => `near ${i}`))
    expect(said[1]).toEqual(Array.from({ length: 300 }, (_, i) => `far ${i}`))
  })

  test('a listener that throws misses no message, and what it throws is told', async () => {
    const { cluster, near, far } = await pair()
    const heard: number[] = []
    const told: unknown[] = []
    far.onListenerError = (error) => told.push(error)
    far.on('message', (data) => {
      heard.push(data[0]!)
      throw data[0]
    })
    // Of one turn: they may come in one frame.
    for (let i = 0; i < 5; i++) near.send(Uint8Array.of(i))
    await cluster.clock.advance(1_000)
    expect(heard).toEqual([0, 1, 2, 3, 4])
    expect(told).toEqual(heard)
    expect(near.open && far.open).toBe(true)
  })

  test('a message of 256 KiB goes in pieces and arrives whole; an empty one arrives too', async () => {
    const { cluster, near, far } = await pair()
    const heard = heardBy(far)
    const sizes = [channelMessageBytesMax, 0, channelDataBytesMax, channelDataBytesMax + 1, 1]
    for (const size of sizes) near.send(patterned(size))
    await cluster.clock.advance(1_000)
    expect(heard.map(({ length }) => length)).toEqual(sizes)
    expect(heard.map((data) => isPatterned(data))).toEqual(sizes.map(() => true))
  })

  test('a slow link: the rest waits, drain tells when it has left, and all arrives', async () => {
    const { cluster, near, far } = await pair(swarm({ network: { bytesPerSecond: 1_000_000 } }))
    const heard = heardBy(far)
    let drains = 0
    near.on('drain', () => {
      drains += 1
    })
    for (let i = 0; i < 12; i++) near.send(patterned(200_000))
    expect(near.bufferedBytes).toBeGreaterThan(0)
    expect(drains).toBe(0)
    await cluster.clock.advance(20_000)
    expect(near.bufferedBytes).toBe(0)
    expect(drains).toBe(1)
    expect(heard).toHaveLength(12)
    expect(heard.every((data) => data.length === 200_000 && isPatterned(data))).toBe(true)
  })

  test('closing tells both sides once, and sending is CLOSED from then on', async () => {
    const { cluster, near, far } = await pair()
    const ends: string[] = []
    near.on('close', (reason) => ends.push(`near ${reason}`))
    far.on('close', (reason) => ends.push(`far ${reason}`))
    near.close()
    near.close()
    await cluster.clock.advance(100)
    expect(ends).toEqual(['near local', 'far remote'])
    for (const end of [near, far]) {
      expect(end.open).toBe(false)
      expect(() => end.send(bytesOf('late'))).toThrow(expect.objectContaining({ code: 'CLOSED' }))
      end.close()
    }
  })

  test('what was sent before the close arrives before it', async () => {
    const { cluster, near, far } = await pair()
    const heard = heardBy(far)
    near.send(bytesOf('last words'))
    near.close()
    await cluster.clock.advance(100)
    expect(heard).toHaveLength(1)
    expect(far.open).toBe(false)
  })

  test('a lost link ends its channels as lost, on the side that is left', async () => {
    const { cluster, near } = await pair()
    const ended = new Promise<string>((resolve) => near.on('close', resolve))
    cluster.crash(1)
    expect(await cluster.run(ended)).toBe('lost')
    expect(near.open).toBe(false)
  })

  test('messages that come before anybody listens are kept, for once and addListener too', async () => {
    const { cluster, near, far } = await pair()
    for (const word of ['one', 'two', 'three']) near.send(bytesOf(word))
    await cluster.clock.advance(100)
    const heard: string[] = []
    const hear = (data: Uint8Array) => heard.push(new TextDecoder().decode(data))
    far.once('message', hear)
    expect(heard).toEqual(['one'])
    far.addListener('message', hear)
    near.send(bytesOf('four'))
    await cluster.clock.advance(100)
    expect(heard).toEqual(['one', 'two', 'three', 'four'])
  })

  test('numbers drawn by both sides at once never meet: the lower id takes the even ones', async () => {
    const cluster = swarm({ settings: { channelsPerLinkMax: 16 } })
    await cluster.grow(2)
    const opened: number[][] = [[], []]
    cluster.network.faults.drop = ({ from, bytes }) => {
      const { message } = decodeMessage(decodePacket(bytes).body)
      const sender = idToHex(from) === idToHex(cluster.node(0).id) ? 0 : 1
      if (message.type === 'channel-open') opened[sender]!.push(message.channel)
      return false
    }
    const accepted: Channel[] = []
    for (const node of cluster.nodes) node.on('channel', (channel) => accepted.push(channel))
    const [a, b] = cluster.nodes as [KadNode, KadNode]
    const dials = Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? a.connect(b.id) : b.connect(a.id)))
    expect(await cluster.run(Promise.all(dials))).toHaveLength(8)
    expect(accepted).toHaveLength(8)
    const zero = new Uint8Array(idBytes) as Id
    const lower = compareDistances(zero, a.id, b.id) < 0 ? 0 : 1
    expect(opened[lower]!.map((number) => number % 2)).toEqual([0, 0, 0, 0])
    expect(opened[1 - lower]!.map((number) => number % 2)).toEqual([1, 1, 1, 1])
  })

  test('more channels over one link than its bound are BUSY, for either side', async () => {
    const { cluster } = await pair(swarm({ settings: { channelsPerLinkMax: 2 } }))
    const [a, b] = cluster.nodes as [KadNode, KadNode]
    await cluster.run(a.connect(b.id))
    await expect(cluster.run(a.connect(b.id))).rejects.toMatchObject({ code: 'BUSY' })
    a.on('channel', () => undefined)
    await expect(cluster.run(b.connect(a.id))).rejects.toMatchObject({ code: 'BUSY' })
  })

  test('a channel given up while it was being opened is closed on the other side too', async () => {
    const cluster = swarm()
    await cluster.grow(2)
    const accepted: Channel[] = []
    cluster.node(1).on('channel', (channel) => accepted.push(channel))
    const abort = new AbortController()
    const opening = cluster.node(0).connect(cluster.node(1).id, { signal: abort.signal })
    const failed = expect(opening).rejects.toThrow('never mind')
    await cluster.clock.advance(30)
    expect(accepted).toHaveLength(1)
    abort.abort(new Error('never mind'))
    await failed
    await cluster.clock.advance(100)
    expect(accepted[0]!.open).toBe(false)
  })

  test('what connect cannot take is INVALID_ARGUMENT', async () => {
    const cluster = swarm()
    await cluster.grow(2)
    const [a, b] = cluster.nodes as [KadNode, KadNode]
    const attempts: (() => Promise<unknown>)[] = [
      () => a.connect(a.id),
      () => a.connect(b.id, { label: 'l'.repeat(65) }),
      () => a.connect(b.id, { label: 'ü'.repeat(33) }),
      () => a.connect(b.id, { timeoutMs: 0 }),
      () => a.ping(b.id, { payload: new Uint8Array(1_025) }),
    ]
    for (const attempt of attempts) {
      await expect(cluster.run(attempt())).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    }
  })
})

/** Few links, and those that nothing needs close soon: signals are lost with links that go. */
const sparse = { k: 2, linksPerBucket: 1, greetingMs: 1_000, idleLinkMs: 1_000 }

describe('between two nodes that have no link', () => {
  test.each([1, 2, 3, 4, 5])(
    'a channel opens over the overlay while links come and go, with seed %d',
    async (seed) => {
      const cluster = swarm({ seed, settings: sparse, allowAlone: true })
      const started = Array.from({ length: 10 }, () => cluster.add().started)
      await cluster.run(Promise.all(started))
      await cluster.clock.advance(2_000)
      cluster.server.stop()
      await cluster.clock.advance(1_000)
      for (const node of cluster.nodes) node.on('channel', () => undefined)
      let opened = 0
      for (const from of cluster.nodes) {
        for (const to of cluster.nodes) {
          const linked = from.inspect().links.some(({ peer }) => peer === idToHex(to.id))
          if (from === to || linked) continue
          const channel = await cluster.run(from.connect(to.id))
          expect(channel.peer).toBe(idToHex(to.id))
          channel.close()
          opened++
          if (opened % 3 === 0) await cluster.clock.advance(1_500)
        }
      }
      expect(opened).toBeGreaterThan(20)
    },
  )
})

describe('a peer with no manners', () => {
  async function rawPair() {
    const cluster = swarm()
    await cluster.grow(2)
    const accepted: Channel[] = []
    cluster.node(0).on('channel', (channel) => accepted.push(channel))
    const raw = await RawPeer.dial(cluster, 0)
    const zero = new Uint8Array(idBytes) as Id
    const rawIsLower = compareDistances(zero, raw.id, cluster.node(0).id) < 0
    const number = rawIsLower ? 2 : 3
    let nonce = 0
    const open = async (channel = number) => {
      raw.say({ type: 'channel-open', nonce: ++nonce, channel, label: 'raw' })
      await cluster.clock.advance(100)
      return raw.heard.splice(0).findLast((message) => !isRequest(message))
    }
    return { cluster, accepted, raw, number, open }
  }
  const data = (channel: number, bytes: Uint8Array, more = false): Notice => ({
    type: 'channel-data',
    channel,
    data: bytes,
    more,
  })

  test('cannot take a number of ours, nor one that is taken', async () => {
    const { accepted, number, open } = await rawPair()
    expect(await open(number + 1)).toMatchObject({ type: 'error', code: 'refused' })
    expect(await open(number)).toMatchObject({ type: 'channel-opened' })
    expect(await open(number)).toMatchObject({ type: 'error', code: 'refused' })
    expect(accepted).toHaveLength(1)
    expect(accepted[0]!.open).toBe(true)
  })

  test('cannot have more channels than the bound', async () => {
    const { accepted, number, open } = await rawPair()
    for (let i = 0; i < 16; i++) expect(await open(number + 2 * i)).toMatchObject({ type: 'channel-opened' })
    expect(await open(number + 32)).toMatchObject({ type: 'error', code: 'refused' })
    accepted[0]!.close()
    expect(await open(number + 32)).toMatchObject({ type: 'channel-opened' })
  })

  test('data for a channel that is closed, or never was, is ignored', async () => {
    const { cluster, accepted, raw, number, open } = await rawPair()
    await open()
    accepted[0]!.close()
    await cluster.clock.advance(100)
    raw.heard.length = 0
    for (const channel of [number, number + 2, 2 ** 32 - 1]) raw.say(data(channel, Uint8Array.of(1)))
    raw.say({ type: 'channel-close', channel: number + 2 })
    await cluster.clock.advance(100)
    expect(raw.heard).toEqual([])
    expect(raw.closedAs).toBeUndefined()
  })

  test('a message beyond 256 KiB closes its channel, and keeps the link', async () => {
    const { cluster, accepted, raw, number, open } = await rawPair()
    await open()
    const heard = heardBy(accepted[0]!)
    for (let i = 0; i < 17; i++) raw.say(data(number, new Uint8Array(channelDataBytesMax), true))
    await cluster.clock.advance(1_000)
    expect(heard).toEqual([])
    expect(accepted[0]!.open).toBe(false)
    expect(raw.heard).toContainEqual({ type: 'channel-close', channel: number })
    expect(raw.closedAs).toBeUndefined()
  })

  test('a message in endless pieces of nothing closes its channel', async () => {
    const { cluster, accepted, raw, number, open } = await rawPair()
    await open()
    for (let i = 0; i < 2_000; i++) raw.say(data(number, new Uint8Array(0), true))
    await cluster.clock.advance(1_000)
    expect(accepted[0]!.open).toBe(false)
  })

  test('messages that nobody listens to are bounded, by count and by bytes', async () => {
    const { cluster, accepted, raw, number, open } = await rawPair()
    await open(number)
    await open(number + 2)
    for (let i = 0; i < 257; i++) raw.say(data(number, Uint8Array.of(i)))
    await cluster.clock.advance(1_000)
    expect(accepted[0]!.open).toBe(false)
    for (let message = 0; message < 20; message++) {
      for (let piece = 0; piece < 16; piece++)
        raw.say(data(number + 2, new Uint8Array(channelDataBytesMax), piece < 15))
      await cluster.clock.advance(500)
    }
    expect(accepted[1]!.open).toBe(false)
    expect(raw.closedAs).toBeUndefined()
  })
})
