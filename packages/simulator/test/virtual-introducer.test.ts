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
    const { clock, visit, greeters } = introductions({ limits: { greetersPerWelcome: 2, newcomersMax: 2 } })
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

  test('keeps 32 greeters, and lets all others go in peace', async () => {
    const { clock, server, greeters } = introductions()
    const visitors = await greeters(40)
    await clock.advance(10_000)
    expect(server.connections).toBe(32)
    const released = visitors.filter(({ downs }) => downs.length > 0)
    expect(released.map(({ downs }) => downs)).toEqual(new Array(8).fill([undefined]))
  })

  test('replaces no more than one greeter in 15 s before they have served their time', async () => {
    const { clock, visit, greeters } = introductions({ poolMax: 4 })
    const pool = await greeters(4)
    const released = () => pool.filter(({ downs }) => downs.length > 0).length
    for (let round = 0; round < 3; round++) {
      await greeters(6)
      expect(released()).toBeLessThanOrEqual(1)
      await clock.advance(4_000)
    }
    await clock.advance(600_000)
    const before = released()
    const next = visit()
    await clock.advance(connectMs)
    next.session.joined()
    await clock.advance(10_000)
    expect(released()).toBe(before + 1)
    expect(next.downs).toEqual([])
  })

  test('lets go of who was named only when its newcomer has had time to reach it', async () => {
    const { clock, visit, greeters } = introductions({ poolMax: 1 })
    await greeters(1)
    const [named, newcomer] = [visit(), visit()]
    await clock.advance(connectMs)
    named.session.joined()
    await clock.advance(4_500)
    newcomer.session.send(named.id, Uint8Array.of(1))
    await clock.advance(2 * oneWayMs)
    expect(named.signals).toEqual([{ from: newcomer.id, bytes: [1] }])
    await clock.advance(2_000)
    expect(named.downs).toEqual([undefined])
  })

  test('is given up by a node that has no welcome after ten seconds', async () => {
    const { clock, visit } = introductions({ latencyMs: 1_500 })
    const far = visit()
    await clock.advance(9_999)
    expect(far.downs).toEqual([])
    await clock.advance(5_000)
    expect(far).toMatchObject({ welcomes: [], downs: ['SERVER_UNREACHABLE'] })
  })

  test('lets go of who joins for a minute without a word', async () => {
    const { clock, visit } = introductions()
    const silent = visit()
    await clock.advance(58_000)
    expect(silent.downs).toEqual([])
    await clock.advance(4_000)
    expect(silent.downs).toEqual([undefined])
  })

  test('lets 20 nodes a minute join from one address; by default each node has its own', async () => {
    const office = introductions({ addressOf: () => 'office' })
    const visitors = Array.from({ length: 21 }, () => office.visit())
    await office.clock.advance(connectMs)
    const refused = visitors.pop()!
    expect(visitors.every(({ welcomes }) => welcomes.length === 1)).toBe(true)
    expect(refused).toMatchObject({ welcomes: [], downs: ['SERVER_REFUSED'] })
    const homes = introductions()
    const others = Array.from({ length: 50 }, () => homes.visit())
    await homes.clock.advance(connectMs)
    expect(others.every(({ welcomes }) => welcomes.length === 1)).toBe(true)
  })

  test('drops the signals of who sends too many at once', async () => {
    const { clock, visit, greeters } = introductions()
    const [greeter] = await greeters(1)
    const hasty = visit()
    await clock.advance(connectMs)
    for (let i = 0; i < 250; i++) hasty.session.send(greeter!.id, Uint8Array.of(i))
    await clock.advance(2 * oneWayMs)
    expect(greeter!.signals).toHaveLength(200)
    expect(hasty.session.send(greeter!.id, new Uint8Array(20_000))).toBe(false)
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

  test('a crashed node hears nothing more, is given out until it owes a sign of life, and counts until it misses a ping', async () => {
    const { clock, server, visit, greeters } = introductions()
    const [dead] = await greeters(1)
    const connecting = visit()
    server.crash(dead!.id)
    server.crash(connecting.id)
    const early = visit()
    await clock.advance(connectMs)
    expect(early.welcomes).toEqual([[dead!.id]])
    expect(connecting.welcomes).toEqual([])
    early.session.joined()
    await clock.advance(29_000)
    const late = visit()
    await clock.advance(connectMs)
    expect(new Set(late.welcomes[0])).toEqual(new Set([dead!.id, early.id]))
    await clock.advance(3_000)
    const latest = visit()
    await clock.advance(connectMs)
    expect(new Set(latest.welcomes[0])).toEqual(new Set([early.id, late.id]))
    expect(server.connections).toBe(4)
    await clock.advance(28_000)
    expect(server.connections).toBe(3)
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
    expect(earlier!.downs).toEqual(['SERVER_REFUSED'])
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
