import { type Id, idFromBytes } from '@kadrtc/kademlia'
import type { Identity, IntroducerEvents, KadrtcError } from '@kadrtc/node'
import {
  type ClientMessage,
  decodeClientMessage,
  encodeServerMessage,
  helloSigningBytes,
  networkHash,
  type RefusalCode,
  type ServerMessage,
} from '@kadrtc/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type WebSocketIntroducerOptions, webSocketIntroducer } from '../src/websocket-introducer.js'
import { ManualClock } from './manual-clock.js'

/** The client's end of a socket; the test is the server. */
class FakeSocket {
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: (() => void) | null = null
  onerror: (() => void) | null = null
  binaryType = 'blob'
  bufferedAmount = 0
  readyState = 1
  readonly sent: ClientMessage[] = []

  constructor(readonly url: string) {
    if (!url.startsWith('ws')) throw new SyntaxError('not a WebSocket address')
  }

  send(bytes: Uint8Array): void {
    this.sent.push(decodeClientMessage(Uint8Array.from(bytes)))
  }

  close(): void {
    this.readyState = 3
    this.onclose?.()
  }

  says(message: ServerMessage): void {
    this.saysBytes(encodeServerMessage(message))
  }

  saysBytes(bytes: Uint8Array): void {
    this.onmessage?.({ data: Uint8Array.from(bytes).buffer })
  }
}

const id = (n: number): Id => idFromBytes(new Uint8Array(20).fill(n))
const nonce = new Uint8Array(32).fill(3)
const welcome = { type: 'welcome', greeters: [id(5), id(6)], iceServersJson: '', greeter: false } as const
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

function setUp(options: WebSocketIntroducerOptions = {}, url = 'wss://intro.example') {
  const clock = new ManualClock()
  const sockets: FakeSocket[] = []
  const welcomes: (readonly Id[])[] = []
  const signals: [Id, Uint8Array][] = []
  const downs: (KadrtcError | undefined)[] = []
  const signed: Uint8Array[] = []
  const events: IntroducerEvents = {
    onWelcome: (peers) => void welcomes.push(peers),
    onSignal: (from, signal) => void signals.push([from, signal]),
    onDown: (error) => void downs.push(error),
  }
  const identity = {
    id: id(1),
    publicKey: new Uint8Array(32).fill(8),
    sign: async (bytes: Uint8Array) => {
      signed.push(bytes)
      return new Uint8Array(64).fill(9)
    },
  } as unknown as Identity
  class Socket extends FakeSocket {
    constructor(address: string) {
      super(address)
      sockets.push(this)
    }
  }
  const WebSocketClass = Socket as unknown as typeof WebSocket
  const introducer = webSocketIntroducer(url, { clock, WebSocket: WebSocketClass, ...options })
  const session = introducer.open(identity, 'test', events)
  return { clock, sockets, welcomes, signals, downs, signed, session, introducer }
}

async function welcomed(options: WebSocketIntroducerOptions = {}) {
  const t = setUp(options)
  t.session.connect()
  const socket = t.sockets[0]!
  socket.says({ type: 'challenge', nonce })
  await settled()
  socket.says(welcome)
  return { ...t, socket }
}

const codes = (downs: (KadrtcError | undefined)[]) => downs.map((error) => error?.code)

describe('WebSocket introducer', () => {
  test('answers the challenge with a proof of key, and hands over the greeters', async () => {
    const t = await welcomed()
    expect(t.introducer.name).toBe('wss://intro.example')
    expect(t.signed).toEqual([helloSigningBytes(nonce, networkHash('test'), new Uint8Array(32).fill(8))])
    expect(t.socket.sent).toEqual([
      {
        type: 'hello',
        version: 1,
        network: 'test',
        publicKey: new Uint8Array(32).fill(8),
        signature: new Uint8Array(64).fill(9),
      },
    ])
    expect(t.welcomes).toEqual([[id(5), id(6)]])
    expect(t.clock.pendingTimers).toBe(0)
    expect(t.socket.binaryType).toBe('arraybuffer')
  })

  test('signals pass both ways, joined is told, and connecting again asks for more', async () => {
    const t = await welcomed()
    t.session.send(id(5), Uint8Array.of(1, 2))
    t.session.joined()
    t.session.connect()
    expect(t.socket.sent.slice(1)).toEqual([
      { type: 'signal', to: id(5), signal: Uint8Array.of(1, 2) },
      { type: 'joined' },
      { type: 'more' },
    ])
    t.socket.says({ type: 'signal', from: id(5), signal: Uint8Array.of(3) })
    t.socket.says({ ...welcome, greeters: [] })
    t.socket.says({ type: 'promote' })
    expect(t.signals).toEqual([[id(5), Uint8Array.of(3)]])
    expect(t.welcomes).toHaveLength(2)
    expect(t.sockets).toHaveLength(1)
  })

  test('ICE servers are told before the welcome', async () => {
    const order: unknown[] = []
    const t = setUp({ onIceServers: (servers) => order.push(servers, t.welcomes.length) })
    t.session.connect()
    t.sockets[0]!.says({ type: 'challenge', nonce })
    await settled()
    const iceServersJson = JSON.stringify([
      { urls: 'stun:stun.example:3478' },
      { urls: ['turn:turn.example?transport=udp'], username: 'u', credential: 'c' },
    ])
    t.sockets[0]!.says({ ...welcome, iceServersJson })
    expect(order).toEqual([
      [
        { urls: ['stun:stun.example:3478'] },
        { urls: ['turn:turn.example?transport=udp'], username: 'u', credential: 'c' },
      ],
      0,
    ])
    expect(t.welcomes).toHaveLength(1)
  })

  test.each([
    '{}',
    '[1]',
    '[{"urls":"http://x"}]',
    'nonsense',
    '[{"urls":[]}]',
    '[{"urls":"turn:x.example"}]',
  ])('ICE servers %s end the session as SERVER_REFUSED', async (iceServersJson) => {
    const t = await welcomed()
    t.socket.says({ ...welcome, iceServersJson })
    expect(codes(t.downs)).toEqual(['SERVER_REFUSED'])
    expect(t.socket.readyState).toBe(3)
  })

  test('a goodbye ends the session in peace; connecting again opens a new socket', async () => {
    const t = await welcomed()
    t.socket.says({ type: 'goodbye' })
    expect(t.downs).toEqual([undefined])
    expect(t.socket.readyState).toBe(3)
    t.session.send(id(5), Uint8Array.of(1))
    t.session.connect()
    expect(t.sockets).toHaveLength(2)
  })

  const refusals: [RefusalCode, string][] = [
    ['wrong-network', 'WRONG_NETWORK'],
    ['bad-proof', 'SERVER_REFUSED'],
    ['rate-limited', 'SERVER_REFUSED'],
    ['version', 'SERVER_REFUSED'],
    ['shutting-down', 'SERVER_UNREACHABLE'],
  ]
  test.each(refusals)('a refusal as %s is %s, with the words of the server', async (code, expected) => {
    const t = setUp()
    t.session.connect()
    t.sockets[0]!.says({ type: 'refused', code, text: 'because' })
    expect(codes(t.downs)).toEqual([expected])
    expect(t.downs[0]!.message).toContain('because')
  })

  test('a socket that closes is SERVER_UNREACHABLE, once', async () => {
    const t = await welcomed()
    t.socket.close()
    t.socket.onclose?.()
    expect(codes(t.downs)).toEqual(['SERVER_UNREACHABLE'])
  })

  test('a server that says nothing is SERVER_UNREACHABLE after the timeout', () => {
    const t = setUp({ handshakeTimeoutMs: 3_000 })
    t.session.connect()
    t.clock.pass(2_999)
    expect(t.downs).toEqual([])
    t.clock.pass(1)
    expect(codes(t.downs)).toEqual(['SERVER_UNREACHABLE'])
    expect(t.sockets[0]!.readyState).toBe(3)
    expect(t.clock.pendingTimers).toBe(0)
  })

  test('an address that is none is SERVER_UNREACHABLE', () => {
    const t = setUp({}, 'intro.example')
    t.session.connect()
    t.clock.pass(1)
    expect(codes(t.downs)).toEqual(['SERVER_UNREACHABLE'])
  })

  test('a text message, a message out of place and a second challenge are SERVER_REFUSED', async () => {
    const says: ((socket: FakeSocket) => void)[] = [
      (socket) => socket.onmessage?.({ data: 'welcome' }),
      (socket) => socket.says({ type: 'challenge', nonce }),
    ]
    for (const say of says) {
      const t = await welcomed()
      say(t.socket)
      expect(codes(t.downs)).toEqual(['SERVER_REFUSED'])
    }
    const early = setUp()
    early.session.connect()
    early.sockets[0]!.says({ type: 'signal', from: id(5), signal: Uint8Array.of(1) })
    expect(codes(early.downs)).toEqual(['SERVER_REFUSED'])
  })

  test('whatever bytes the server sends, nothing is thrown, and the session is up or down', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), async (bytes) => {
        const t = await welcomed()
        t.socket.saysBytes(bytes)
        expect(t.downs.length).toBeLessThanOrEqual(1)
        expect(t.socket.readyState).toBe(t.downs.length === 1 ? 3 : 1)
      }),
    )
  })

  test('a signal that the wire does not take, or a socket that is full, drops it', async () => {
    const t = await welcomed()
    t.session.send(id(5), new Uint8Array(20_000))
    t.socket.bufferedAmount = 1e6
    t.session.send(id(5), new Uint8Array(1))
    expect(t.socket.sent).toHaveLength(1)
    expect(t.downs).toEqual([])
  })

  test('after close there is no socket, no timer and no event', async () => {
    const t = setUp()
    t.session.connect()
    t.sockets[0]!.says({ type: 'challenge', nonce })
    t.session.close()
    await settled()
    t.session.connect()
    t.session.joined()
    expect(t.sockets).toHaveLength(1)
    expect(t.sockets[0]!.sent).toEqual([])
    expect(t.sockets[0]!.readyState).toBe(3)
    expect(t.clock.pendingTimers).toBe(0)
    expect(t.downs).toEqual([])
  })
})
