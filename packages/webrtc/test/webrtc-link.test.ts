import { idFromBytes } from '@kadrtc/kademlia'
import type { CloseReason } from '@kadrtc/node'
import { byeFrame, frameBytesMax, frameTypes, pingFrame, pongFrame, wholeFrame } from '@kadrtc/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { heartbeatDefaults } from '../src/heartbeat.js'
import type { PeerConnection } from '../src/simple-peer.js'
import { WebRtcLink } from '../src/webrtc-link.js'
import { ManualClock } from './manual-clock.js'

/** Holds what is sent until the test takes it. */
class FakeChannel {
  readonly sent: Uint8Array[] = []
  bufferedAmount = 0
  readyState = 'open'

  send(frame: Uint8Array): void {
    if (this.readyState !== 'open') throw new Error('InvalidStateError')
    this.sent.push(frame.slice())
    this.bufferedAmount += frame.length
  }
}

function setUp(highWaterBytes = 65_536) {
  const clock = new ManualClock()
  const channel = new FakeChannel()
  const state = { destroyed: 0, closed: 0 }
  const connection = {
    get channel() {
      return state.destroyed ? undefined : channel
    },
    destroy: () => {
      state.destroyed++
    },
  } as unknown as PeerConnection
  const link = new WebRtcLink({
    peer: idFromBytes(new Uint8Array(20)),
    publicKey: new Uint8Array(32),
    connectionId: 'c',
    connection,
    clock,
    heartbeat: heartbeatDefaults,
    highWaterBytes,
    onClosed: () => state.closed++,
  })
  const reasons: CloseReason[] = []
  link.onClose((reason) => reasons.push(reason))
  /** The network takes all that the channel holds. */
  const drain = (): void => {
    channel.bufferedAmount = 0
    link.resume()
  }
  const receive = (frame: Uint8Array): void => link.receive(Uint8Array.from(frame).buffer)
  return { clock, channel, link, state, reasons, drain, receive }
}

const bytes = (length: number, fill = 7) => new Uint8Array(length).fill(fill)

describe('WebRTC link', () => {
  test('a small message leaves in the same turn, as one frame', async () => {
    const t = setUp()
    expect(t.link.send(bytes(100))).toBe(true)
    await Promise.resolve()
    expect(t.channel.sent).toEqual([wholeFrame(bytes(100))])
  })

  test('small messages of one turn share a frame, and come out one by one, in order', async () => {
    const t = setUp()
    const other = setUp()
    const got: number[] = []
    other.link.onMessage((message) => got.push(message[0]!))
    for (let i = 0; i < 10; i++) t.link.send(bytes(100, i))
    await Promise.resolve()
    expect(t.channel.sent).toHaveLength(1)
    other.receive(t.channel.sent[0]!)
    expect(got).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('what was sent in the turn of a close leaves before the bye', () => {
    const t = setUp()
    t.link.send(bytes(3))
    t.link.close()
    expect(t.channel.sent).toEqual([wholeFrame(bytes(3)), byeFrame(0)])
  })

  test('a sender that was refused is told of room, though the channel took all at once', async () => {
    const t = setUp()
    let drains = 0
    t.link.onDrain(() => drains++)
    let sent = 0
    while (t.link.send(bytes(1))) if (++sent > 1e6) throw new Error('the queue is bounded')
    await Promise.resolve()
    expect(drains).toBe(1)
  })

  test('no frame goes to a channel that holds the high-water mark, and all go as it drains', () => {
    const t = setUp()
    for (let i = 0; i < 4; i++) t.link.send(bytes(98_304, i))
    t.link.resume()
    expect(t.channel.bufferedAmount).toBeLessThan(65_536 + frameBytesMax)
    let rounds = 0
    while (t.link.bufferedBytes > 0) {
      t.drain()
      expect(t.channel.bufferedAmount).toBeLessThan(65_536 + frameBytesMax)
      expect(++rounds).toBeLessThan(20)
    }
    const total = t.channel.sent.reduce((sum, frame) => sum + frame.length, 0)
    expect(total).toBeGreaterThan(4 * 98_304)
    expect(total).toBeLessThan(4 * 98_304 * 1.01)
  })

  test('a small message overtakes a large one that is under way', () => {
    const t = setUp()
    t.link.send(bytes(98_304))
    t.link.resume()
    t.link.send(Uint8Array.of(42))
    t.channel.sent.length = 0
    t.drain()
    expect(t.channel.sent[0]).toEqual(wholeFrame(Uint8Array.of(42)))
  })

  test('small messages keep their order, whatever the channel takes and when', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer({ min: 1, max: 4_000 }), { nil: undefined })), (steps) => {
        const t = setUp(8_192)
        const other = setUp()
        const got: number[] = []
        other.link.onMessage((message) => got.push(message[0]!))
        let sent = 0
        for (const step of steps) {
          if (step === undefined) t.drain()
          else if (t.link.send(bytes(step, sent % 256))) sent++
        }
        while (t.link.bufferedBytes > 0) t.drain()
        for (const frame of t.channel.sent) other.receive(frame)
        expect(got).toEqual(Array.from({ length: sent }, (_, i) => i % 256))
      }),
      { numRuns: 50 },
    )
  })

  test('a full queue refuses, and calls onDrain once the refused message fits', () => {
    const t = setUp()
    let drains = 0
    t.link.onDrain(() => drains++)
    while (t.link.send(bytes(65_536))) expect(t.link.bufferedBytes).toBeLessThan(1_048_576)
    t.link.resume()
    expect(drains).toBe(0)
    for (let i = 0; drains === 0 && i < 10; i++) t.drain()
    expect(drains).toBe(1)
    expect(t.link.send(bytes(65_536))).toBe(true)
    while (t.link.bufferedBytes > 0) t.drain()
    expect(drains).toBe(1)
  })

  test('a ping is answered, and a pong gives the round-trip time', () => {
    const t = setUp()
    t.link.start()
    expect(t.channel.sent).toEqual([pingFrame(0)])
    t.receive(pingFrame(9))
    expect(t.channel.sent[1]).toEqual(pongFrame(9))
    t.clock.pass(25)
    t.receive(pongFrame(0))
    expect(t.link.rttMs).toBe(25)
    expect(t.channel.sent[2]).toEqual(pingFrame(1))
  })

  test('a peer that stays silent when probed is lost, and nothing is left running', () => {
    const t = setUp()
    t.link.start()
    t.link.probe()
    t.clock.pass(5_000)
    expect(t.reasons).toEqual(['lost'])
    expect([t.state.destroyed > 0, t.state.closed]).toEqual([true, 1])
    expect(t.clock.pendingTimers).toBe(0)
  })

  test('messages that came early are handed over in order, before later ones', () => {
    const t = setUp()
    for (let i = 0; i < 5; i++) t.receive(wholeFrame(Uint8Array.of(i)))
    const got: number[] = []
    t.link.onMessage((message) => got.push(message[0]!))
    t.receive(wholeFrame(Uint8Array.of(5)))
    expect(got).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('a peer that floods a link nobody listens to is closed as a violation', () => {
    const t = setUp()
    for (let i = 0; i < 2_000; i++) t.receive(wholeFrame(Uint8Array.of(1)))
    expect(t.reasons).toEqual(['violation'])
  })

  test('a handler that closes the link gets no further early message', () => {
    const t = setUp()
    for (let i = 0; i < 5; i++) t.receive(wholeFrame(Uint8Array.of(i)))
    let got = 0
    t.link.onMessage(() => {
      got++
      t.link.close()
    })
    expect(got).toBe(1)
  })

  test.each([
    ['an empty frame', new Uint8Array(0)],
    ['an unknown type', Uint8Array.of(99)],
    ['an empty message', Uint8Array.of(frameTypes.whole)],
    ['a truncated ping', Uint8Array.of(frameTypes.ping, 1, 2)],
    ['a bye with more behind it', Uint8Array.of(frameTypes.bye, 0, 0)],
    ['a fragment of nothing', Uint8Array.of(frameTypes.next, 0, 1, 2, 3)],
    ['a giant length', Uint8Array.of(frameTypes.first, 0, 1, 255, 255, 255, 255, 1)],
    ['a giant frame', bytes(frameBytesMax + 1, 0)],
  ])('%s is a violation, and costs the link only', (_name, frame) => {
    const t = setUp()
    t.receive(frame)
    expect(t.reasons).toEqual(['violation'])
    expect(t.state.destroyed).toBeGreaterThan(0)
    t.receive(wholeFrame(bytes(1)))
    expect(t.link.send(bytes(1))).toBe(false)
  })

  test('text is a violation', () => {
    const t = setUp()
    t.link.receive('hello')
    expect(t.reasons).toEqual(['violation'])
  })

  test('whatever bytes come, nothing is thrown', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (frames) => {
        const t = setUp()
        t.link.onMessage(() => {})
        for (const frame of frames) t.receive(frame)
      }),
    )
  })

  test('close says bye, waits until it has left, and lets go of the connection', async () => {
    const t = setUp()
    t.link.close()
    expect(t.reasons).toEqual(['local'])
    expect(t.channel.sent).toEqual([byeFrame(0)])
    expect(t.state.destroyed).toBe(0)
    t.clock.pass(100)
    expect(t.state.destroyed).toBe(0)
    t.channel.bufferedAmount = 0
    t.clock.pass(30)
    expect(t.state.destroyed).toBe(1)
    await t.link.released()
    expect(t.clock.pendingTimers).toBe(0)
  })

  test('a bye that does not leave is not waited for longer than a quarter of a second', () => {
    const t = setUp()
    t.link.close()
    t.clock.pass(250)
    expect(t.state.destroyed).toBe(1)
    expect(t.clock.pendingTimers).toBe(0)
  })

  test('a goodbye for the unloading page waits for nothing', () => {
    const t = setUp()
    t.link.goodbye()
    expect(t.channel.sent).toEqual([byeFrame(0)])
    expect(t.reasons).toEqual(['local'])
    expect(t.state.destroyed).toBeGreaterThan(0)
    expect(t.clock.pendingTimers).toBe(0)
  })

  test("a bye from the peer closes at once, as 'remote', and is not answered", () => {
    const t = setUp()
    t.receive(byeFrame(0))
    expect(t.reasons).toEqual(['remote'])
    expect(t.channel.sent).toEqual([])
    expect(t.clock.pendingTimers).toBe(0)
  })

  test("a channel that closes is 'remote', a connection that fails is 'lost'", () => {
    const closed = setUp()
    closed.link.disconnected(false)
    expect(closed.reasons).toEqual(['remote'])
    const failed = setUp()
    failed.link.disconnected(true)
    expect(failed.reasons).toEqual(['lost'])
  })

  test("a send into a channel that is closing closes the link as 'remote'", () => {
    const t = setUp()
    t.channel.readyState = 'closing'
    t.link.send(bytes(1))
    t.link.resume()
    expect(t.reasons).toEqual(['remote'])
    expect(t.link.send(bytes(1))).toBe(false)
  })

  test('the close handler is called once, a late one at once', () => {
    const t = setUp()
    t.link.close()
    t.link.close('lost')
    t.link.disconnected(true)
    expect(t.reasons).toEqual(['local'])
    let late: CloseReason | undefined
    t.link.onClose((reason) => {
      late = reason
    })
    expect(late).toBe('local')
    expect(t.state.closed).toBe(1)
  })
})
