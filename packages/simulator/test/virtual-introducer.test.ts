import { compareDistances, type Id } from '@kadrtc/kademlia'
import type { IntroducerSession, KadrtcError } from '@kadrtc/node'
import {
  type IntroductionServerOptions,
  SeededRandom,
  StubIdentity,
  VirtualClock,
  VirtualIntroductionServer,
} from '@kadrtc/simulator'
import { describe, expect, test } from 'vitest'

const oneWayMs = 40
const connectMs = 8 * oneWayMs

function introductions(options: Partial<IntroductionServerOptions> = {}) {
  const random = new SeededRandom('introductions')
  const clock = new VirtualClock()
  const server = new VirtualIntroductionServer({ clock, random: random.fork('server'), ...options })
  const visit = (identity = StubIdentity.random(random), network = 'test') => {
    const welcomes: (readonly Id[])[] = []
    const signals: { from: Id; bytes: number[] }[] = []
    const downs: (string | undefined)[] = []
    const session: IntroducerSession = server.introducer().open(identity, network, {
      onWelcome: (peers) => welcomes.push(peers),
      onSignal: (from, signal) => signals.push({ from, bytes: [...signal] }),
      onDown: (error?: KadrtcError) => downs.push(error?.code),
    })
    session.connect()
    return { id: identity.id, identity, session, welcomes, signals, downs }
  }
  /** Visitors who have joined, in the order of their index. */
  const greeters = async (count: number) => {
    const visitors = Array.from({ length: count }, () => visit())
    await clock.advance(connectMs)
    for (const { session } of visitors) session.joined()
    await clock.advance(oneWayMs)
    return visitors
  }
  return { clock, server, visit, greeters }
}

describe('the virtual introduction server', () => {
  test('welcomes the first node with nobody, the second with the first, which has not joined either', async () => {
    const { clock, visit } = introductions()
    const first = visit()
    await clock.advance(connectMs)
    expect(first.welcomes).toEqual([[]])
    const second = visit()
    await clock.advance(connectMs)
    expect(second.welcomes).toEqual([[first.id]])
    first.session.connect()
    await clock.advance(2 * oneWayMs)
    expect(first.welcomes).toEqual([[], [second.id]])
  })

  test('tells nobody of newcomers where there are greeters enough, and keeps the latest of them', async () => {
    const { clock, visit, greeters } = introductions({ greetersMax: 2, newcomersMax: 2 })
    const [greeter] = await greeters(1)
    visit()
    const latest = visit()
    await clock.advance(connectMs)
    const told = visit()
    await clock.advance(connectMs)
    expect(new Set(told.welcomes[0])).toEqual(new Set([greeter!.id, latest.id]))
    const [second] = await greeters(1)
    const late = visit()
    await clock.advance(connectMs)
    expect(new Set(late.welcomes[0])).toEqual(new Set([greeter!.id, second!.id]))
  })

  test('gives 8 different greeters, the nearest one first', async () => {
    const { clock, visit, greeters } = introductions()
    const pool = await greeters(20)
    const newcomer = visit()
    await clock.advance(connectMs)
    const given = newcomer.welcomes[0]!
    const nearest = pool.map(({ id }) => id).sort((a, b) => compareDistances(newcomer.id, a, b))[0]
    expect(given[0]).toBe(nearest)
    expect(new Set(given).size).toBe(8)
  })

  test('keeps 32 greeters and says goodbye to the one that has greeted longest', async () => {
    const { clock, server, greeters } = introductions()
    const pool = await greeters(33)
    await clock.advance(oneWayMs)
    expect(server.connections).toBe(32)
    expect(pool.map(({ downs }) => downs.length)).toEqual([1, ...new Array(32).fill(0)])
    expect(pool[0]!.downs).toEqual([undefined])
  })

  test('hands on signals both ways, and drops those to nobody', async () => {
    const { clock, server, visit, greeters } = introductions()
    const [greeter] = await greeters(1)
    const newcomer = visit()
    newcomer.session.send(greeter!.id, Uint8Array.of(0))
    await clock.advance(connectMs)
    newcomer.session.send(greeter!.id, Uint8Array.of(1))
    await clock.advance(2 * oneWayMs)
    greeter!.session.send(newcomer.id, Uint8Array.of(2))
    greeter!.session.send(visit().id, Uint8Array.of(3))
    await clock.advance(2 * oneWayMs)
    expect(greeter!.signals).toEqual([{ from: newcomer.id, bytes: [1] }])
    expect(newcomer.signals).toEqual([{ from: greeter!.id, bytes: [2] }])
    expect(server.signalsRelayed).toBe(2)
  })

  test('keeps networks apart', async () => {
    const { clock, visit, greeters } = introductions()
    const [greeter] = await greeters(1)
    const stranger = visit(undefined, 'another')
    await clock.advance(connectMs)
    stranger.session.send(greeter!.id, Uint8Array.of(1))
    await clock.advance(2 * oneWayMs)
    expect(stranger.welcomes).toEqual([[]])
    expect(greeter!.signals).toEqual([])
  })

  test('says so if it does not serve a network', async () => {
    const { clock, visit } = introductions({ networks: ['test'] })
    const stranger = visit(undefined, 'another')
    await clock.advance(connectMs)
    expect(stranger.downs).toEqual(['WRONG_NETWORK'])
  })

  test('stopped, it drops everybody and refuses; started, it knows nobody and serves again', async () => {
    const { clock, server, visit, greeters } = introductions()
    const pool = await greeters(3)
    const halfway = visit()
    server.stop()
    const late = visit()
    await clock.advance(connectMs)
    expect([...pool, halfway, late].map(({ downs }) => downs)).toEqual(
      new Array(5).fill(['SERVER_UNREACHABLE']),
    )
    server.start()
    late.session.connect()
    await clock.advance(connectMs)
    expect(late.welcomes).toEqual([[]])
  })

  test('no event follows a close, and the server forgets the node', async () => {
    const { clock, server, visit } = introductions()
    const [gone, stays] = [visit(), visit()]
    await clock.advance(connectMs)
    stays.session.send(gone.id, Uint8Array.of(1))
    gone.session.connect()
    gone.session.close()
    server.stop()
    await clock.advance(10_000)
    expect(gone).toMatchObject({ welcomes: [[]], signals: [], downs: [] })
  })

  test('a crashed node hears nothing more and is given out until the server misses it', async () => {
    const { clock, server, visit, greeters } = introductions()
    const [dead] = await greeters(1)
    const connecting = visit()
    server.crash(dead!.id)
    server.crash(connecting.id)
    const early = visit()
    await clock.advance(connectMs)
    expect(early.welcomes).toEqual([[dead!.id]])
    expect(connecting.welcomes).toEqual([])
    await clock.advance(30_000)
    const late = visit()
    await clock.advance(connectMs)
    expect(late.welcomes).toEqual([[early.id]])
    expect(server.connections).toBe(2)
  })

  test('a node that comes back takes the place of its earlier session', async () => {
    const { clock, server, visit, greeters } = introductions()
    const [old] = await greeters(1)
    server.crash(old!.id)
    const back = visit(old!.identity)
    await clock.advance(connectMs)
    back.session.joined()
    await clock.advance(60_000)
    const newcomer = visit()
    await clock.advance(connectMs)
    expect(newcomer.welcomes).toEqual([[old!.id]])
    expect(back.downs).toEqual([])
  })

  test('of two living sessions of one node the later stays, and the earlier is let go', async () => {
    const { clock, server, visit, greeters } = introductions()
    const [earlier] = await greeters(1)
    const later = visit(earlier!.identity)
    await clock.advance(connectMs + oneWayMs)
    expect(earlier!.downs).toEqual([undefined])
    expect(later.downs).toEqual([])
    expect(server.connections).toBe(1)
  })

  test('news of a connection that has fallen is not taken for news of the next', async () => {
    const { clock, server, visit } = introductions()
    const node = visit()
    await clock.advance(connectMs)
    node.session.connect()
    server.stop()
    server.start()
    await clock.advance(oneWayMs)
    expect(node.downs).toEqual(['SERVER_UNREACHABLE'])
    node.session.connect()
    await clock.advance(2 * oneWayMs)
    expect(node.welcomes).toHaveLength(1)
    await clock.advance(connectMs)
    expect(node.welcomes).toHaveLength(2)
  })
})
