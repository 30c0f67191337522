/**
 * Brings a node together with its first contacts through an introduction server. The server sends a challenge, the
 * node proves its key, and is welcomed with the ids of a few greeters; from then on the server carries signals to
 * them, until it says goodbye. It may not be trusted: a server that breaks the protocol is let go of, and what it
 * carries is signed by the peers.
 */
import type { Id } from '@kadrtc/kademlia'
import {
  type Clock,
  type Identity,
  type Introducer,
  type IntroducerEvents,
  type IntroducerSession,
  KadrtcError,
  refusalError,
  type Timer,
} from '@kadrtc/node'
import {
  type ClientMessage,
  decodeServerMessage,
  encodeClientMessage,
  helloSigningBytes,
  networkHash,
  protocolVersion,
  type ServerMessage,
  WireError,
} from '@kadrtc/wire'
import { parseIceServers } from './ice-servers.js'
import { systemClock } from './platform.js'

export interface WebSocketIntroducerOptions {
  /** Told of the ICE servers in each welcome that names some, before the node is told of the welcome. */
  readonly onIceServers?: ((iceServers: RTCIceServer[]) => void) | undefined
  /** Where the platform's is missing. */
  readonly WebSocket?: typeof WebSocket | undefined
  /** From `connect` to the welcome. */
  readonly handshakeTimeoutMs?: number | undefined
  readonly clock?: Clock | undefined
}

const handshakeTimeoutMsDefault = 10_000
/** Signals are dropped while more than this waits in the socket: 20 of the largest. */
const bufferedBytesMax = 262_144

/** `url` begins with ws: or wss:. */
export function webSocketIntroducer(url: string, options: WebSocketIntroducerOptions = {}): Introducer {
  return {
    name: url,
    open: (identity, network, events) => new Session(url, identity, network, events, options),
  }
}

type State =
  | { readonly name: 'idle' }
  | { readonly name: 'connecting' | 'proving' | 'greeting'; readonly socket: WebSocket }
  | { readonly name: 'welcomed'; readonly socket: WebSocket }
  | { readonly name: 'closed' }

class Session implements IntroducerSession {
  #state: State = { name: 'idle' }
  #timer: Timer | undefined
  readonly #clock: Clock

  constructor(
    private readonly url: string,
    private readonly identity: Identity,
    private readonly network: string,
    private readonly events: IntroducerEvents,
    private readonly options: WebSocketIntroducerOptions,
  ) {
    this.#clock = options.clock ?? systemClock()
  }

  connect(): void {
    switch (this.#state.name) {
      case 'idle':
        return this.#open()
      case 'welcomed':
        this.#tell(this.#state.socket, { type: 'more' })
        return
      case 'connecting':
      case 'proving':
      case 'greeting':
      case 'closed':
        return
      default:
        return this.#state satisfies never
    }
  }

  send(to: Id, signal: Uint8Array): boolean {
    return this.#state.name === 'welcomed' && this.#tell(this.#state.socket, { type: 'signal', to, signal })
  }

  joined(): void {
    if (this.#state.name === 'welcomed') this.#tell(this.#state.socket, { type: 'joined' })
  }

  close(): void {
    this.#letGo()
    this.#state = { name: 'closed' }
  }

  #open(): void {
    const { handshakeTimeoutMs = handshakeTimeoutMsDefault } = this.options
    const Socket = this.options.WebSocket ?? globalThis.WebSocket
    let socket: WebSocket
    try {
      socket = new Socket(this.url)
    } catch (cause) {
      // Not a WebSocket address, or one that this page may not use. `connect` promises an event after it.
      const error = new KadrtcError('SERVER_UNREACHABLE', `${this.url} cannot be used here`, { cause })
      this.#timer = this.#clock.setTimer(0, () => this.events.onDown(error))
      return
    }
    socket.binaryType = 'arraybuffer'
    socket.onmessage = (event) => this.#receive(socket, event.data)
    // 'close' follows 'error' always.
    socket.onerror = () => undefined
    socket.onclose = () => this.#down(this.#unreachable('the connection was closed'))
    this.#state = { name: 'connecting', socket }
    this.#timer = this.#clock.setTimer(handshakeTimeoutMs, () =>
      this.#down(this.#unreachable(`no welcome within ${handshakeTimeoutMs} ms`)),
    )
  }

  #receive(socket: WebSocket, data: unknown): void {
    try {
      if (!(data instanceof ArrayBuffer)) throw new WireError('UNKNOWN_TYPE', 'a text message')
      this.#take(socket, decodeServerMessage(new Uint8Array(data)))
    } catch (cause) {
      if (!(cause instanceof WireError)) throw cause
      this.#down(new KadrtcError('SERVER_REFUSED', `${this.url} does not speak this protocol`, { cause }))
    }
  }

  #take(socket: WebSocket, message: ServerMessage): void {
    const state = this.#state.name
    switch (message.type) {
      case 'challenge':
        if (state !== 'connecting') throw new WireError('OUT_OF_PLACE', 'a challenge')
        this.#state = { name: 'proving', socket }
        void this.#prove(socket, message.nonce)
        return
      case 'welcome': {
        if (state !== 'greeting' && state !== 'welcomed') throw new WireError('OUT_OF_PLACE', 'a welcome')
        const iceServers = parseIceServers(message.iceServersJson)
        this.#stopTimer()
        this.#state = { name: 'welcomed', socket }
        if (iceServers.length > 0) this.options.onIceServers?.(iceServers)
        return this.events.onWelcome(message.greeters)
      }
      case 'signal':
        if (state !== 'welcomed') throw new WireError('OUT_OF_PLACE', 'a signal')
        return this.events.onSignal(message.from, message.signal)
      case 'promote':
        return
      case 'goodbye':
        return this.#down(undefined)
      case 'refused':
        return this.#down(refusalError(message.code, `${this.url}: ${message.text || message.code}`))
      default:
        return message satisfies never
    }
  }

  async #prove(socket: WebSocket, nonce: Uint8Array): Promise<void> {
    const { publicKey } = this.identity
    try {
      const bytes = helloSigningBytes(nonce, networkHash(this.network), publicKey)
      const signature = await this.identity.sign(bytes)
      if (this.#state.name !== 'proving' || this.#state.socket !== socket) return
      this.#state = { name: 'greeting', socket }
      const { network } = this
      this.#tell(socket, { type: 'hello', version: protocolVersion, network, publicKey, signature })
    } catch (cause) {
      this.#down(new KadrtcError('SERVER_REFUSED', 'the proof of key could not be made', { cause }))
    }
  }

  /** Best effort: what cannot be sent now is dropped, and that is told. */
  #tell(socket: WebSocket, message: ClientMessage): boolean {
    if (socket.readyState !== 1 || socket.bufferedAmount > bufferedBytesMax) return false
    try {
      socket.send(encodeClientMessage(message) as Uint8Array<ArrayBuffer>)
      return true
    } catch (error) {
      // A signal too large for the wire is one that nobody would take.
      if (!(error instanceof WireError)) throw error
      return false
    }
  }

  #down(error: KadrtcError | undefined): void {
    if (this.#state.name === 'closed' || this.#state.name === 'idle') return
    this.#letGo()
    this.#state = { name: 'idle' }
    this.events.onDown(error)
  }

  #letGo(): void {
    this.#stopTimer()
    if (!('socket' in this.#state)) return
    const { socket } = this.#state
    socket.onmessage = socket.onclose = null
    socket.close()
  }

  #stopTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #unreachable(detail: string): KadrtcError {
    return new KadrtcError('SERVER_UNREACHABLE', `${this.url}: ${detail}`)
  }
}
