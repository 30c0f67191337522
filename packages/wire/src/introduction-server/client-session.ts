/**
 * One client, from connection to goodbye, as a state machine: challenged, then joining, then greeting or
 * leaving, then closed. Whatever arrives costs this socket at most. It sets no timers: the server calls
 * `tick` about once a second, and every deadline is checked there.
 */
import { nodeIdOf } from '@kadrtc/kademlia'
import { WireError } from '../errors.js'
import {
  type ClientMessage,
  decodeClientMessage,
  encodeServerMessage,
  helloSigningBytes,
  protocolVersion,
  type RefusalCode,
  type ServerMessage,
} from '../introduction.js'
import { networkHash } from '../network.js'
import { Heartbeat } from './heartbeat.js'
import type { Member, NetworkRoom } from './network-room.js'
import { TokenBucket } from './rate-limiter.js'
import type { SessionContext, SessionSocket } from './session-context.js'

interface Membership {
  readonly room: NetworkRoom
  readonly member: Member
}

type State =
  | { readonly phase: 'challenged'; readonly nonce: Uint8Array; readonly deadlineAt: number }
  | ({ readonly phase: 'joining' } & Membership)
  | ({ readonly phase: 'greeting' } & Membership)
  | ({ readonly phase: 'leaving'; readonly goodbyeAt: number } & Membership)
  | { readonly phase: 'closed' }

/** RFC 6455 section 7.4.1. */
const closeCodes = { normal: 1000, policyViolation: 1008, tryAgainLater: 1013 } as const

/** A welcome is far longer than the request for it, so a request weighs as much as this many signals. */
const moreCost = 10

export class ClientSession {
  readonly #socket: SessionSocket
  readonly #context: SessionContext
  readonly #messages: TokenBucket
  readonly #heartbeat: Heartbeat
  #state: State
  #activeAt: number
  #introducedAt = Number.NEGATIVE_INFINITY
  #excessMessages = 0

  /** Sends the challenge; `nonce` must be fresh and not guessable. */
  constructor(socket: SessionSocket, context: SessionContext, nonce: Uint8Array) {
    const now = context.now()
    this.#socket = socket
    this.#context = context
    this.#messages = new TokenBucket(context.limits.messages, now)
    this.#activeAt = now
    this.#heartbeat = new Heartbeat(context.limits.pingIntervalMs, context.limits.signOfLifeMs, now)
    this.#state = { phase: 'challenged', nonce, deadlineAt: now + context.limits.handshakeMs }
    this.#send({ type: 'challenge', nonce })
  }

  /** A WebSocket message. */
  receive(bytes: Uint8Array, isBinary: boolean): void {
    if (this.#state.phase === 'closed') return
    this.#heartbeat.heard(this.#context.now())
    if (!isBinary) this.refuse('bad-message', 'not a binary message')
    else if (this.#mayReceive(1)) this.#decode(bytes)
  }

  /** A WebSocket ping, which `ws` answers: it costs as much as a message. */
  receivePing(): void {
    this.#heartbeat.heard(this.#context.now())
    if (this.#state.phase !== 'closed') this.#mayReceive(1)
  }

  receivePong(): void {
    this.#heartbeat.heard(this.#context.now())
  }

  /** Checks every deadline. */
  tick(now: number): void {
    const { limits } = this.#context
    const state = this.#state
    switch (state.phase) {
      case 'challenged':
        if (now >= state.deadlineAt) this.refuse('timeout', 'no proof of key')
        return
      case 'joining':
        if (now - this.#activeAt >= limits.idleMs) this.#depart(state)
        break
      case 'leaving':
        if (now >= state.goodbyeAt) this.#farewell()
        break
      case 'greeting':
      case 'closed':
        break
    }
    this.#checkAlive(now)
  }

  /** Tells the client why it cannot stay, and closes. Refusing twice, or after a goodbye, does nothing. */
  refuse(code: RefusalCode, text: string): void {
    if (this.#state.phase === 'closed') return
    this.#context.counters.refused++
    this.#send({ type: 'refused', code, text })
    this.#end(code === 'shutting-down' ? closeCodes.tryAgainLater : closeCodes.policyViolation)
  }

  /** The server is closing. Greeters are not let go: they come back when it does, and a newcomer then finds them. */
  shutDown(): void {
    if (this.#state.phase === 'leaving') this.#farewell()
    else this.refuse('shutting-down', '')
  }

  /** The socket has closed, for whatever reason. */
  closed(): void {
    const state = this.#state
    this.#state = { phase: 'closed' }
    if ('room' in state) this.#context.networks.leave(state.room, state.member)
  }

  #decode(bytes: Uint8Array): void {
    let message: ClientMessage
    try {
      message = decodeClientMessage(bytes)
    } catch (error) {
      const code = error instanceof WireError ? error.code : 'BAD_VALUE'
      this.refuse(code === 'TOO_LARGE' ? 'too-large' : 'bad-message', code)
      return
    }
    this.#handle(message)
  }

  #handle(message: ClientMessage): void {
    const state = this.#state
    switch (state.phase) {
      case 'closed':
        break
      case 'challenged':
        if (message.type === 'hello') this.#welcomeIfProven(message, state.nonce)
        else this.refuse('bad-message', `${message.type} before hello`)
        break
      case 'joining':
      case 'greeting':
      case 'leaving':
        this.#handleFromMember(message, state)
        break
    }
  }

  #welcomeIfProven(hello: ClientMessage & { type: 'hello' }, nonce: Uint8Array): void {
    const { version, network, publicKey, signature } = hello
    if (version !== protocolVersion) {
      this.refuse('version', `this server speaks version ${protocolVersion}`)
      return
    }
    const signed = helloSigningBytes(nonce, networkHash(network), publicKey)
    if (!this.#context.verify(publicKey, signed, signature)) {
      this.refuse('bad-proof', 'the signature does not fit the key')
      return
    }
    const member = this.#asMember(publicKey)
    const room = this.#context.networks.enter(network, member)
    if (!room) {
      this.refuse('wrong-network', 'this server does not serve that network')
      return
    }
    this.#state = { phase: 'joining', room, member }
    this.#activeAt = this.#context.now()
    this.#context.counters.welcomed++
    this.#welcome(room, member)
  }

  #handleFromMember(message: ClientMessage, state: State & Membership): void {
    const { room, member } = state
    this.#activeAt = this.#context.now()
    switch (message.type) {
      case 'hello':
        this.refuse('bad-message', 'a second hello')
        break
      case 'signal':
        if (room.relay(member.id, message.to, message.signal)) this.#context.counters.signalsRelayed++
        else this.#context.counters.messagesDropped++
        break
      case 'more':
        if (this.#mayReceive(moreCost - 1)) this.#welcome(room, member)
        break
      case 'joined':
        // Late, or said twice: it greets already, or is on its way out.
        if (state.phase === 'joining') this.#joined(state)
        break
    }
  }

  #joined({ room, member }: Membership): void {
    if (room.joined(member, this.#context.now())) {
      this.#state = { phase: 'greeting', room, member }
      this.#send({ type: 'promote' })
    } else {
      this.#depart({ room, member })
    }
  }

  #welcome(room: NetworkRoom, member: Member): void {
    const greeters = room.introduce(member)
    const { iceServersJson } = this.#context
    this.#send({ type: 'welcome', greeters, iceServersJson, greeter: this.#state.phase === 'greeting' })
  }

  #asMember(publicKey: Uint8Array): Member {
    return {
      id: nodeIdOf(publicKey),
      deliver: (from, signal) => {
        this.#activeAt = this.#context.now()
        this.#send({ type: 'signal', from, signal })
      },
      introduced: () => {
        this.#introducedAt = this.#context.now()
        if (this.#heartbeat.ask(this.#introducedAt)) this.#socket.ping()
      },
      isSilent: () => this.#heartbeat.isSilent(this.#context.now()),
      retire: () => {
        if (this.#state.phase === 'greeting') this.#depart(this.#state)
      },
      supersede: () => this.refuse('replaced', 'this node has connected again'),
    }
  }

  /** Goodbye now, or a little later if somebody has just been told to dial this client. */
  #depart({ room, member }: Membership): void {
    const now = this.#context.now()
    const goodbyeAt = this.#introducedAt + this.#context.limits.farewellMs
    room.withdraw(member)
    if (goodbyeAt <= now) this.#farewell()
    else this.#state = { phase: 'leaving', room, member, goodbyeAt }
  }

  #farewell(): void {
    this.#send({ type: 'goodbye' })
    this.#end(closeCodes.normal)
  }

  #end(code: number): void {
    this.closed()
    this.#socket.close(code)
  }

  #mayReceive(cost: number): boolean {
    if (this.#messages.take(this.#context.now(), cost)) return true
    this.#context.counters.messagesDropped++
    this.#excessMessages++
    if (this.#excessMessages > this.#context.limits.excessMessagesMax) {
      this.refuse('rate-limited', 'too many messages')
    }
    return false
  }

  #checkAlive(now: number): void {
    if (this.#state.phase === 'closed') return
    switch (this.#heartbeat.due(now)) {
      case 'nothing':
        break
      case 'ping':
        this.#excessMessages = 0
        this.#socket.ping()
        break
      case 'dead':
        this.#cut()
        break
    }
  }

  #send(message: ServerMessage): void {
    // Who does not read would not get a close handshake either.
    if (this.#socket.bufferedAmount > this.#context.limits.bufferedBytesMax) this.#cut()
    else this.#socket.send(encodeServerMessage(message))
  }

  #cut(): void {
    this.closed()
    this.#socket.terminate()
  }
}
