import { type Id, idFromBytes } from '@kadrtc/kademlia'
import type { Identity, IntroducerEvents, KadrtcError } from '@kadrtc/node'
import { afterEach, describe, expect, test } from 'vitest'
import { broadcastChannelIntroducer } from '../src/broadcast-channel-introducer.js'
import { ManualClock } from './manual-clock.js'

/** Delivers at once, to all other channels of the name, a clone: what the platform does, without its queue. */
class FakeChannel {
  static readonly open = new Set<FakeChannel>()
  static posted = 0
  onmessage: ((event: { data: unknown }) => void) | null = null

  constructor(readonly name: string) {
    FakeChannel.open.add(this)
  }

  postMessage(data: unknown): void {
    FakeChannel.posted++
    for (const channel of [...FakeChannel.open]) {
      if (channel !== this && channel.name === this.name) channel.onmessage?.({ data: structuredClone(data) })
    }
  }

  close(): void {
    FakeChannel.open.delete(this)
  }
}

const id = (n: number): Id => idFromBytes(Uint8Array.from({ length: 20 }, () => n))

function tab(n: number, clock: ManualClock, Channel: unknown = FakeChannel) {
  const welcomes: Id[][] = []
  const signals: [Id, Uint8Array][] = []
  const downs: (KadrtcError | undefined)[] = []
  const events: IntroducerEvents = {
    onWelcome: (peers) => void welcomes.push([...peers]),
    onSignal: (from, signal) => void signals.push([from, signal]),
    onDown: (error) => void downs.push(error),
  }
  const identity = { id: id(n), publicKey: new Uint8Array(32) } as Identity
  let seed = n * 7919 + 1
  const introducer = broadcastChannelIntroducer({
    clock,
    random: {
      bytes: (length) =>
        Uint8Array.from({ length }, () => {
          seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
          return seed >>> 24
        }),
    },
    BroadcastChannel: Channel as typeof BroadcastChannel,
  })
  return { session: introducer.open(identity, 'test', events), welcomes, signals, downs }
}

afterEach(() => {
  FakeChannel.open.clear()
  FakeChannel.posted = 0
})

describe('broadcast channel introducer', () => {
  test('a tab alone is welcomed with nobody, after a short while', () => {
    const clock = new ManualClock()
    const a = tab(1, clock)
    a.session.connect()
    expect(a.welcomes).toEqual([])
    clock.pass(150)
    expect(a.welcomes).toEqual([[]])
    expect(clock.pendingTimers).toBe(0)
  })

  test('the second tab meets the first, and signals pass both ways', () => {
    const clock = new ManualClock()
    const a = tab(1, clock)
    a.session.connect()
    clock.pass(150)
    const b = tab(2, clock)
    b.session.connect()
    clock.pass(15)
    expect(b.welcomes).toEqual([[id(1)]])
    b.session.send(id(1), Uint8Array.of(1, 2, 3).subarray(1))
    a.session.send(id(2), Uint8Array.of(4))
    expect(a.signals).toEqual([[id(2), Uint8Array.of(2, 3)]])
    expect(b.signals).toEqual([[id(1), Uint8Array.of(4)]])
  })

  test('a signal for another tab is not ours', () => {
    const clock = new ManualClock()
    const [a, b, c] = [tab(1, clock), tab(2, clock), tab(3, clock)]
    for (const t of [a, b, c]) t.session.connect()
    a.session.send(id(3), Uint8Array.of(9))
    expect(b.signals).toEqual([])
    expect(c.signals).toHaveLength(1)
  })

  test('of a hundred tabs a few answer a newcomer, and some always do', () => {
    const clock = new ManualClock()
    for (let n = 1; n <= 100; n++) {
      tab(n, clock).session.connect()
      clock.pass(200)
    }
    let answers = 0
    for (let n = 101; n <= 120; n++) {
      const newcomer = tab(n, clock)
      FakeChannel.posted = 0
      newcomer.session.connect()
      clock.pass(200)
      answers += FakeChannel.posted - 1
      expect(newcomer.welcomes[0]!.length).toBeGreaterThan(0)
    }
    expect(answers / 20).toBeGreaterThan(1)
    expect(answers / 20).toBeLessThan(12)
  })

  test('connecting again asks for fresh peers', () => {
    const clock = new ManualClock()
    const a = tab(1, clock)
    a.session.connect()
    clock.pass(150)
    tab(2, clock).session.connect()
    a.session.connect()
    clock.pass(150)
    expect(a.welcomes).toEqual([[], [id(2)]])
  })

  test('what no tab of ours would send is ignored', () => {
    const clock = new ManualClock()
    const a = tab(1, clock)
    a.session.connect()
    const hostile = new FakeChannel('kadrtc:test')
    const from = id(66)
    const to = id(1)
    for (const data of [
      null,
      'hello',
      42,
      {},
      [],
      { kind: 'hello', from: 'me', attempt: 0 },
      { kind: 'hello', from: new Uint8Array(19), attempt: 0 },
      { kind: 'hello', from, attempt: 99 },
      { kind: 'hello', from, attempt: -1 },
      { kind: 'here', from, to: 'you', tabs: 1 },
      { kind: 'here', from, to, tabs: 1e9 },
      { kind: 'signal', from, to, bytes: 'sdp' },
      { kind: 'signal', from, to, bytes: new Uint8Array(100_000) },
      { kind: 'signal', from: to, to, bytes: new Uint8Array(1) },
      { kind: 'other', from, to },
    ]) {
      hostile.postMessage(data)
    }
    clock.pass(200)
    expect(a.signals).toEqual([])
    expect(a.welcomes).toEqual([[]])
  })

  test('a flood of hellos gets a bounded number of answers', () => {
    const clock = new ManualClock()
    tab(1, clock).session.connect()
    const hostile = new FakeChannel('kadrtc:test')
    let answers = 0
    hostile.onmessage = () => answers++
    for (let i = 0; i < 1_000; i++) hostile.postMessage({ kind: 'hello', from: id(7), attempt: 0 })
    expect(answers).toBe(50)
  })

  test('close leaves no channel and no timer, and no event follows', () => {
    const clock = new ManualClock()
    const a = tab(1, clock)
    a.session.connect()
    a.session.close()
    clock.pass(1_000)
    a.session.connect()
    a.session.send(id(2), new Uint8Array(1))
    expect(FakeChannel.open.size).toBe(0)
    expect(clock.pendingTimers).toBe(0)
    expect(a.welcomes).toEqual([])
  })

  test('without a BroadcastChannel the introducer is down, and says so', () => {
    const clock = new ManualClock()
    const a = tab(
      1,
      clock,
      class {
        constructor() {
          throw new Error('opaque origin')
        }
      },
    )
    a.session.connect()
    clock.pass(10)
    expect(a.downs.map((error) => error?.code)).toEqual(['SERVER_UNREACHABLE'])
  })

  test("the platform's own channel carries it too", async () => {
    const welcomed = new Promise<readonly Id[]>((resolve) => {
      const open = (n: number, onWelcome: (peers: readonly Id[]) => void) =>
        broadcastChannelIntroducer().open({ id: id(n), publicKey: new Uint8Array(32) } as Identity, 'real', {
          onWelcome,
          onSignal: () => {},
          onDown: () => {},
        })
      const first = open(1, () => {})
      first.connect()
      const second = open(2, (peers) => {
        first.close()
        second.close()
        resolve(peers)
      })
      second.connect()
    })
    expect(await welcomed).toEqual([id(1)])
  })
})
