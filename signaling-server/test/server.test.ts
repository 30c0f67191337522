import { idKey } from '@kadrtc/kademlia'
import { afterEach, describe, expect, it } from 'vitest'
import { createSignalingServer, type SignalingServer, type SignalingServerOptions } from '../src/index.js'
import { ManualClock } from './manual-clock.js'
import { TestClient, TestKeys } from './test-client.js'

const clock = new ManualClock()
let server: SignalingServer

async function start(options: SignalingServerOptions = {}): Promise<void> {
  const limits = { joinsPerMinute: 1_000, ...options.limits }
  server = await createSignalingServer({ port: 0, clock, ...options, limits })
}

afterEach(() => server.close())

const keysOf = (ids: readonly Parameters<typeof idKey>[0][]) => ids.map(idKey)

describe('an introduction', () => {
  it('welcomes who proves its key, with the ICE servers as configured; the first of all meets nobody', async () => {
    const iceServers = [{ urls: 'turn:turn.example', username: 'u', credential: 'c' }]
    await start({ iceServers })
    const welcome = await new TestClient(server).welcomed()
    expect(welcome.greeters).toEqual([])
    expect(JSON.parse(welcome.iceServersJson)).toEqual(iceServers)
    expect(welcome.greeter).toBe(false)
  })

  it('lets the second tab meet the first, and carries their signals both ways', async () => {
    await start()
    const [first, second] = [new TestClient(server), new TestClient(server)]
    await first.promoted()
    const { greeters } = await second.welcomed()
    expect(keysOf(greeters)).toEqual([idKey(first.id)])
    second.send({ type: 'signal', to: first.id, signal: Uint8Array.of(1, 2) })
    const offer = await first.next('signal')
    expect([idKey(offer.from), [...offer.signal]]).toEqual([idKey(second.id), [1, 2]])
    first.send({ type: 'signal', to: second.id, signal: Uint8Array.of(3) })
    const answer = await second.next('signal')
    expect([idKey(answer.from), [...answer.signal]]).toEqual([idKey(first.id), [3]])
    expect(server.stats().counters.signalsRelayed).toBe(2)
  })

  it('lets 16 tabs that start at once find each other, though none has joined yet', async () => {
    await start()
    const tabs = Array.from({ length: 16 }, () => new TestClient(server))
    const welcomes = await Promise.all(tabs.map((tab) => tab.welcomed()))
    const island = new Set([idKey(tabs[0]!.id)])
    for (let round = 0; round < tabs.length; round++) {
      tabs.forEach((tab, i) => {
        const group = [idKey(tab.id), ...keysOf(welcomes[i]!.greeters)]
        if (group.some((key) => island.has(key))) for (const key of group) island.add(key)
      })
    }
    expect(island.size).toBe(16)
    for (const { greeters } of welcomes) expect(greeters.length).toBeLessThanOrEqual(8)
  })

  it('answers `more` with those who are there now, and says whether the asker greets', async () => {
    await start()
    const [first, second] = [new TestClient(server), new TestClient(server)]
    await first.promoted()
    expect((await first.settled()).greeters).toEqual([])
    await second.welcomed()
    const welcome = await first.settled()
    expect(keysOf(welcome.greeters)).toEqual([idKey(second.id)])
    expect(welcome.greeter).toBe(true)
  })

  it('drops a signal to nobody, and goes on', async () => {
    await start()
    const client = new TestClient(server)
    await client.welcomed()
    client.send({ type: 'signal', to: new TestKeys().id, signal: Uint8Array.of(1) })
    await client.settled()
    expect(server.stats().counters).toMatchObject({ signalsRelayed: 0, messagesDropped: 1 })
  })

  it('takes `joined` said twice for said once', async () => {
    await start()
    const client = new TestClient(server)
    await client.promoted()
    client.send({ type: 'joined' })
    await client.settled()
    expect(server.stats().greeters).toBe(1)
  })
})

describe('letting go', () => {
  const fullPool = { greetersMax: 1, rotationIntervalMs: 1_000_000, farewellMs: 5_000 }

  /** A server whose one greeter has just replaced another: it is full, and will replace nobody soon. */
  async function startFull(): Promise<TestClient> {
    await start({ limits: { ...fullPool, greeterAgeMaxMs: 1 } })
    const first = new TestClient(server)
    await first.promoted()
    clock.advance(5_000)
    const second = new TestClient(server)
    await second.welcomed()
    second.send({ type: 'joined' })
    await second.next('promote')
    clock.advance(6_000)
    await first.next('goodbye')
    expect(await first.closed).toBe(1000)
    return second
  }

  it('says goodbye to who joins when the pool is full', async () => {
    await startFull()
    const client = new TestClient(server)
    await client.welcomed()
    client.send({ type: 'joined' })
    await client.next('goodbye')
    expect(await client.closed).toBe(1000)
    expect(server.stats()).toMatchObject({ greeters: 1 })
  })

  it('waits with the goodbye while somebody has just been told of the client, and still carries their signals', async () => {
    await startFull()
    const [leaving, newcomer] = [new TestClient(server), new TestClient(server)]
    await leaving.welcomed()
    const { greeters } = await newcomer.welcomed()
    expect(keysOf(greeters)).toContain(idKey(leaving.id))
    leaving.send({ type: 'joined' })
    await leaving.settled()
    expect(keysOf((await newcomer.settled()).greeters)).not.toContain(idKey(leaving.id))
    newcomer.send({ type: 'signal', to: leaving.id, signal: Uint8Array.of(1) })
    await leaving.next('signal')
    clock.advance(5_000)
    await leaving.next('goodbye')
    expect(await leaving.closed).toBe(1000)
  })

  it('forgets a network when its last client has left', async () => {
    await start()
    const clients = ['a', 'b', 'b'].map((network) => ({ network, client: new TestClient(server) }))
    for (const { network, client } of clients) await client.promoted(network)
    expect(server.stats()).toMatchObject({ networks: 2, clients: 3, greeters: 3 })
    for (const { client } of clients) await client.leave()
    await untilClients(0)
    expect(server.stats()).toMatchObject({ networks: 0, clients: 0, greeters: 0 })
  })
})

describe('a node that connects again', () => {
  it('takes the place of its old connection, whose late close does not evict it', async () => {
    await start()
    const keys = new TestKeys()
    const old = new TestClient(server, keys)
    await old.promoted()
    const reloaded = new TestClient(server, keys)
    expect((await reloaded.welcomed()).greeters).toEqual([])
    expect(await old.refused()).toBe('replaced')
    await untilClients(1)
    const other = new TestClient(server)
    expect(keysOf((await other.welcomed()).greeters)).toEqual([idKey(keys.id)])
    other.send({ type: 'signal', to: keys.id, signal: Uint8Array.of(7) })
    await reloaded.next('signal')
    expect(server.stats()).toMatchObject({ networks: 1, clients: 2, greeters: 0 })
  })

  it('is another client in another network', async () => {
    await start()
    const keys = new TestKeys()
    const [a, b] = [new TestClient(server, keys), new TestClient(server, keys)]
    await a.welcomed('a')
    await b.welcomed('b')
    await a.settled()
    expect(server.stats()).toMatchObject({ networks: 2, clients: 2 })
  })
})

describe('networks', () => {
  it('neither hear of each other nor reach each other', async () => {
    await start()
    const [a, b] = [new TestClient(server), new TestClient(server)]
    await a.promoted('a')
    expect((await b.welcomed('b')).greeters).toEqual([])
    b.send({ type: 'signal', to: a.id, signal: Uint8Array.of(1) })
    await b.settled()
    await a.settled()
    expect(server.stats().counters.signalsRelayed).toBe(0)
  })

  it('that are not served are refused, the others are served', async () => {
    await start({ networks: ['a', 'b'] })
    const stranger = new TestClient(server)
    await stranger.hello('c')
    expect(await stranger.refused()).toBe('wrong-network')
    expect(await stranger.closed).toBe(1008)
    await new TestClient(server).welcomed('b')
    expect(server.stats().networks).toBe(1)
  })
})

describe('closing', () => {
  it('tells everybody why, so that greeters come back, and frees the port', async () => {
    await start()
    const [greeter, joining, silent] = [
      new TestClient(server),
      new TestClient(server),
      new TestClient(server),
    ]
    await greeter.promoted()
    await joining.welcomed()
    await silent.next('challenge')
    const closed = server.close()
    expect(await greeter.refused()).toBe('shutting-down')
    expect(await joining.refused()).toBe('shutting-down')
    expect(await silent.refused()).toBe('shutting-down')
    await closed
    expect(clock.running).toBe(0)
    const port = server.address.port
    await start({ port })
    expect(server.address.port).toBe(port)
  })

  it('closes once, however often it is asked to', async () => {
    await start()
    await Promise.all([server.close(), server.close()])
  })
})

/** The server hears of a close a moment after the client. */
async function untilClients(count: number): Promise<void> {
  while (server.stats().clients !== count) await new Promise((resolve) => setImmediate(resolve))
}
