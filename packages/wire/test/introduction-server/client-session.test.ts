import { idKey, nodeIdOf } from '@kadrtc/kademlia'
import { decodeServerMessage, encodeClientMessage, protocolVersion } from '@kadrtc/wire'
import { describe, expect, it } from 'vitest'
import { ClientSession } from '../../src/introduction-server/client-session.js'
import { defaultLimits } from '../../src/introduction-server/limits.js'
import { Networks } from '../../src/introduction-server/networks.js'
import type { SessionContext, SessionSocket } from '../../src/introduction-server/session-context.js'
import { testRandom } from './test-random.js'

/** A key whose proofs are the key itself, over and over: what proves keys is not what is tested here. */
class TestKeys {
  readonly publicKey = testRandom.bytes(32)
  readonly id = nodeIdOf(this.publicKey)
  readonly proof = Uint8Array.from([...this.publicKey, ...this.publicKey])
}

class FakeSocket implements SessionSocket {
  bufferedAmount = 0
  readonly sent: Uint8Array[] = []
  closeCode: number | undefined
  terminated = false

  send(bytes: Uint8Array): void {
    this.sent.push(bytes)
  }
  pings = 0
  ping(): void {
    this.pings++
  }
  close(code: number): void {
    this.closeCode ??= code
  }
  terminate(): void {
    this.terminated = true
  }
  get types(): string[] {
    return this.sent.map((bytes) => decodeServerMessage(bytes).type)
  }
}

function welcomed(context: SessionContext) {
  const keys = new TestKeys()
  const socket = new FakeSocket()
  const session = new ClientSession(socket, context, testRandom.bytes(32))
  const hello = {
    version: protocolVersion,
    network: 'test',
    publicKey: keys.publicKey,
    signature: keys.proof,
  }
  session.receive(encodeClientMessage({ type: 'hello', ...hello }), true)
  return { keys, socket, session }
}

interface TestContext extends SessionContext {
  time: number
}

function newContext(): TestContext {
  const networks = new Networks({ networks: undefined, limits: defaultLimits, random: testRandom })
  const counters = { welcomed: 0, refused: 0, signalsRelayed: 0, messagesDropped: 0 }
  const shared = { networks, limits: defaultLimits, iceServersJson: '', counters }
  const verify = (publicKey: Uint8Array, _: Uint8Array, signature: Uint8Array) =>
    publicKey.every((byte, i) => byte === signature[i])
  const context: TestContext = { ...shared, verify, time: 0, now: () => context.time }
  return context
}

describe('a session', () => {
  it('cuts off a client that does not read, at the first message past 1 MiB waiting', () => {
    const context = newContext()
    const [slow, sender] = [welcomed(context), welcomed(context)]
    const signal = encodeClientMessage({ type: 'signal', to: slow.keys.id, signal: Uint8Array.of(1) })
    slow.socket.bufferedAmount = 1024 * 1024
    sender.session.receive(signal, true)
    expect(slow.socket.terminated).toBe(false)
    slow.socket.bufferedAmount++
    sender.session.receive(signal, true)
    expect(slow.socket.terminated).toBe(true)
    expect(slow.socket.types.filter((type) => type === 'signal')).toHaveLength(1)
    expect(sender.socket.terminated).toBe(false)
  })

  it('that others are told of is asked for a sign of life, once, and told to nobody else while it owes one', () => {
    const context = newContext()
    const [greeter, other, newcomer] = [welcomed(context), welcomed(context), welcomed(context)]
    const told = () => {
      newcomer.session.receive(encodeClientMessage({ type: 'more' }), true)
      const message = decodeServerMessage(newcomer.socket.sent.at(-1)!)
      return message.type === 'welcome' ? message.greeters.length : undefined
    }
    context.time = 2_999
    expect([told(), greeter.socket.pings]).toEqual([2, 0])
    context.time = 3_000
    expect([told(), told(), greeter.socket.pings]).toEqual([2, 2, 1])
    other.session.receivePong()
    context.time = 5_999
    expect(told()).toBe(2)
    context.time = 6_000
    expect([told(), greeter.socket.pings]).toEqual([1, 1])
    greeter.session.receivePong()
    expect(told()).toBe(2)
    expect(greeter.socket.terminated).toBe(false)
  })

  it('is not idle while signals come for it', () => {
    const context = newContext()
    const [called, caller] = [welcomed(context), welcomed(context)]
    context.time = 59_999
    caller.session.receive(
      encodeClientMessage({ type: 'signal', to: called.keys.id, signal: Uint8Array.of(1) }),
      true,
    )
    context.time = 119_998
    called.session.tick(context.time)
    expect(called.socket.types).not.toContain('goodbye')
  })

  it('that is idle but was just introduced is told to nobody else, and still gets signals, until it is let go', () => {
    const context = newContext()
    const idle = welcomed(context)
    context.time = 58_000
    const other = welcomed(context)
    context.time = 60_000
    idle.session.tick(context.time)
    other.session.receive(encodeClientMessage({ type: 'more' }), true)
    const greetersTold = other.socket.sent
      .map((bytes) => decodeServerMessage(bytes))
      .flatMap((message) => (message.type === 'welcome' ? [message.greeters.length] : []))
    expect(greetersTold).toEqual([1, 0])
    const signal = encodeClientMessage({ type: 'signal', to: idle.keys.id, signal: Uint8Array.of(1) })
    other.session.receive(signal, true)
    idle.session.tick(62_999)
    expect(idle.socket.types).toEqual(['challenge', 'welcome', 'signal'])
    idle.session.tick(63_000)
    expect(idle.socket.types.at(-1)).toBe('goodbye')
    expect(idle.socket.closeCode).toBe(1000)
  })

  it('handles nothing after it has closed', () => {
    const { socket, session } = welcomed(newContext())
    session.closed()
    const sent = socket.sent.length
    session.receive(encodeClientMessage({ type: 'more' }), true)
    session.receivePing()
    session.refuse('bad-message', '')
    session.shutDown()
    session.tick(1e9)
    session.closed()
    expect(socket.sent).toHaveLength(sent)
  })

  it('leaves its room in the moment it is refused, not when its socket has closed', () => {
    const context = newContext()
    const { session, socket } = welcomed(context)
    expect(context.networks.size).toBe(1)
    session.receive(Uint8Array.of(0xff), true)
    expect(context.networks.size).toBe(0)
    expect(socket.closeCode).toBe(1008)
  })

  it('is superseded without taking the new connection or the room along', () => {
    const context = newContext()
    const { keys, session } = welcomed(context)
    const reloaded: string[] = []
    const member = { id: keys.id, introduced() {}, isSilent: () => false, retire() {}, supersede() {} }
    const room = context.networks.enter('test', { ...member, deliver: (from) => reloaded.push(idKey(from)) })!
    session.closed()
    expect(context.networks.size).toBe(1)
    expect(room.relay(keys.id, keys.id, Uint8Array.of(1))).toBe(true)
    expect(reloaded).toHaveLength(1)
  })
})
