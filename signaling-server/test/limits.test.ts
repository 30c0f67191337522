import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createSignalingServer, type Limits, type SignalingServer } from '../src/index.js'
import { ManualClock } from './manual-clock.js'
import { opened, TestClient } from './test-client.js'

let clock: ManualClock
let server: SignalingServer

async function start(limits: Partial<Limits> = {}, trustedProxies = 0): Promise<void> {
  clock = new ManualClock()
  server = await createSignalingServer({ port: 0, clock, trustedProxies, limits })
}

afterEach(() => server.close())

describe('time', () => {
  it('refuses who has not proved its key within 10 s, and no sooner', async () => {
    await start()
    const [late, inTime] = [new TestClient(server), new TestClient(server)]
    await Promise.all([opened(late.socket), opened(inTime.socket)])
    clock.advance(9_000)
    await inTime.welcomed()
    clock.advance(1_000)
    await late.next('challenge')
    expect(await late.refused()).toBe('timeout')
    await inTime.settled()
  })

  it('lets go of who is silent for a minute, but of no greeter and of nobody who is still signalling', async () => {
    await start()
    const [greeter, silent, busy] = [new TestClient(server), new TestClient(server), new TestClient(server)]
    await greeter.promoted()
    await silent.welcomed()
    await busy.welcomed()
    clock.advance(30_000)
    await busy.settled()
    await greeter.settled()
    clock.advance(30_000)
    await silent.next('goodbye')
    expect(await silent.closed).toBe(1000)
    await busy.settled()
    await greeter.settled()
  })

  it('tells nobody of a greeter that does not answer when it is asked for a sign of life', async () => {
    await start()
    const vanished = new TestClient(server, undefined, { autoPong: false })
    const [alive, newcomer] = [new TestClient(server), new TestClient(server)]
    await vanished.promoted()
    await alive.promoted()
    await newcomer.welcomed()
    clock.advance(3_000)
    const asked = [once(vanished.socket, 'ping'), once(alive.socket, 'ping')]
    expect((await newcomer.settled()).greeters).toHaveLength(2)
    await Promise.all(asked)
    clock.advance(3_000)
    // Both are named until the answer of the living one is here.
    await vi.waitFor(async () => expect((await newcomer.settled()).greeters).toEqual([alive.id]))
    expect(server.stats().greeters).toBe(2)
  })

  it('pings, and cuts off a peer that does not answer', async () => {
    await start()
    const dead = new TestClient(server, undefined, { autoPong: false })
    const alive = new TestClient(server)
    await dead.promoted()
    await alive.promoted()
    const pings = [once(dead.socket, 'ping'), once(alive.socket, 'ping')]
    clock.advance(30_000)
    await Promise.all(pings)
    await alive.settled()
    clock.advance(30_000)
    expect(await dead.closed).toBe(1006)
    await alive.settled()
    expect(server.stats().greeters).toBe(1)
  })
})

describe('numbers', () => {
  it('refuses the 21st join of an address in a minute, and admits one again later', async () => {
    await start()
    const clients = Array.from({ length: 20 }, () => new TestClient(server))
    for (const client of clients) await client.welcomed()
    const refused = new TestClient(server)
    await refused.next('challenge')
    expect(await refused.refused()).toBe('rate-limited')
    clock.advance(3_000)
    await new TestClient(server).welcomed()
  })

  it('answers 503 to the client that is one too many, and takes the next when there is room', async () => {
    await start({ clientsMax: 1 })
    const first = new TestClient(server)
    await first.welcomed()
    const second = new TestClient(server)
    const [, response] = await once(second.socket, 'unexpected-response')
    expect(response.statusCode).toBe(503)
    second.socket.terminate()
    await first.leave()
    while (server.stats().clients > 0) await new Promise((resolve) => setImmediate(resolve))
    await new TestClient(server).welcomed()
  })

  it('carries a burst of 200 messages, drops what is beyond, and carries on a second later', async () => {
    await start()
    const [flooder, target] = [new TestClient(server), new TestClient(server)]
    await target.promoted()
    await flooder.welcomed()
    // The hello was the first of the 200.
    for (let i = 0; i < 250; i++) flooder.send({ type: 'signal', to: target.id, signal: Uint8Array.of(i) })
    for (let i = 0; i < 199; i++) expect((await target.next('signal')).signal[0]).toBe(i)
    while (server.stats().counters.messagesDropped < 51) await new Promise((resolve) => setImmediate(resolve))
    clock.advance(1_000)
    await flooder.settled()
    await target.settled()
    expect(server.stats().counters).toMatchObject({ signalsRelayed: 199, messagesDropped: 51 })
  })

  it('refuses a client that does not stop flooding; its target stays', async () => {
    await start()
    const [flooder, target] = [new TestClient(server), new TestClient(server)]
    await target.promoted()
    await flooder.welcomed()
    for (let i = 0; i < 401; i++) flooder.send({ type: 'signal', to: target.id, signal: Uint8Array.of(1) })
    expect(await flooder.refused()).toBe('rate-limited')
    for (let i = 0; i < 199; i++) await target.next('signal')
    await target.settled()
  })

  it('counts a request for more greeters as ten messages, because its answer is as long', async () => {
    await start()
    const client = new TestClient(server)
    await client.welcomed()
    for (let i = 0; i < 20; i++) client.send({ type: 'more' })
    for (let i = 0; i < 19; i++) await client.next('welcome')
    while (server.stats().counters.messagesDropped < 1) await new Promise((resolve) => setImmediate(resolve))
    clock.advance(1_000)
    await client.settled()
    expect(server.stats().counters.messagesDropped).toBe(1)
  })

  it('forgets an address a minute after its last join', async () => {
    await start()
    await new TestClient(server).welcomed()
    expect(server.stats().addresses).toBe(1)
    clock.advance(60_000)
    expect(server.stats().addresses).toBe(0)
  })

  it('counts WebSocket pings as messages', async () => {
    await start({ messages: { perSecond: 1, burst: 5 }, excessMessagesMax: 5 })
    const client = new TestClient(server)
    await client.welcomed()
    for (let i = 0; i < 11; i++) client.socket.ping()
    expect(await client.refused()).toBe('rate-limited')
  })

  it('tells clients behind a trusted proxy apart', async () => {
    await start({ joinsPerMinute: 1 }, 1)
    const join = (address: string) =>
      new TestClient(server, undefined, { headers: { 'x-forwarded-for': `203.0.113.1, ${address}` } })
    await join('192.0.2.1').welcomed()
    await join('192.0.2.2').welcomed()
    const again = join('192.0.2.1')
    await again.next('challenge')
    expect(await again.refused()).toBe('rate-limited')
  })
})

describe('shutting down', () => {
  it('does not wait for a connection that says nothing', async () => {
    await start()
    const socket = connect(server.address.port, server.address.host)
    await once(socket, 'connect')
    const closed = once(socket, 'close')
    await server.close()
    await closed
  })

  it('does not wait for a client that never answers the close', async () => {
    await start()
    const client = new TestClient(server)
    await client.welcomed()
    client.socket.pause()
    await server.close()
    client.socket.terminate()
  })
})
