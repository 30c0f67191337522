/**
 * One node at the introduction server: says what a tab says over its WebSocket, message for message, and tells the node what
 * comes of it. The ICE servers of a welcome are left out, since simulated links need none.
 */
import type { Id } from '@kadrtc/kademlia'
import {
  type Identity,
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
  WireError,
} from '@kadrtc/wire'
import type { VirtualClock } from './virtual-clock.js'
import type { SocketEvents, VirtualSocket } from './virtual-socket.js'

/** The server as a session sees it. */
export interface SessionServer {
  readonly clock: VirtualClock
  connect(id: Id, events: SocketEvents): VirtualSocket
  /** The same id, in the memory that the node which has it shares, if it is here. */
  shared(id: Id): Id
  /** The node has closed the session. */
  forget(session: VirtualIntroducerSession): void
}

type State =
  | { readonly name: 'idle' | 'closed' }
  | { readonly name: 'connecting'; readonly socket: VirtualSocket; readonly timer: Timer }
  | { readonly name: 'welcomed'; readonly socket: VirtualSocket }

/** From `connect` to the welcome. */
const handshakeTimeoutMs = 10_000

export class VirtualIntroducerSession implements IntroducerSession {
  #state: State = { name: 'idle' }

  constructor(
    private readonly server: SessionServer,
    private readonly identity: Identity,
    private readonly network: string,
    private readonly events: IntroducerEvents,
  ) {}

  get id(): Id {
    return this.identity.id
  }

  connect(): void {
    switch (this.#state.name) {
      case 'idle':
        this.#open()
        break
      case 'welcomed':
        this.#tell(this.#state.socket, { type: 'more' })
        break
      case 'connecting':
      case 'closed':
        break
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
    this.server.forget(this)
  }

  /** The node's machine has died: nothing is said, and nothing heard any more. */
  die(): void {
    if ('timer' in this.#state) this.#state.timer.cancel()
    if ('socket' in this.#state) this.#state.socket.die()
    this.#state = { name: 'closed' }
  }

  #open(): void {
    const socket: VirtualSocket = this.server.connect(this.id, {
      onMessage: (bytes) => this.#receive(socket, bytes),
      onClosed: () => this.#down(unreachable('the connection was closed')),
    })
    const timer = this.server.clock.setTimer(handshakeTimeoutMs, () =>
      this.#down(unreachable('no welcome in time')),
    )
    this.#state = { name: 'connecting', socket, timer }
  }

  #receive(socket: VirtualSocket, bytes: Uint8Array): void {
    const message = decodeServerMessage(bytes)
    switch (message.type) {
      case 'challenge':
        void this.#prove(socket, message.nonce)
        break
      case 'welcome':
        if ('timer' in this.#state) this.#state.timer.cancel()
        this.#state = { name: 'welcomed', socket }
        this.events.onWelcome(message.greeters.map((id) => this.server.shared(id)))
        break
      case 'signal':
        this.events.onSignal(this.server.shared(message.from), message.signal)
        break
      case 'promote':
        break
      case 'goodbye':
        this.#down(undefined)
        break
      case 'refused':
        this.#down(refusalError(message.code, message.text || message.code))
        break
    }
  }

  async #prove(socket: VirtualSocket, nonce: Uint8Array): Promise<void> {
    const { publicKey } = this.identity
    const bytes = helloSigningBytes(nonce, networkHash(this.network), publicKey)
    const signature = await this.identity.sign(bytes)
    if (this.#state.name !== 'connecting' || this.#state.socket !== socket) return
    const { network } = this
    this.#tell(socket, { type: 'hello', version: protocolVersion, network, publicKey, signature })
  }

  /** False: too large for the wire, so that nobody would take it. */
  #tell(socket: VirtualSocket, message: ClientMessage): boolean {
    try {
      socket.tell(encodeClientMessage(message))
      return true
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      return false
    }
  }

  #down(error: KadrtcError | undefined): void {
    this.#letGo()
    this.#state = { name: 'idle' }
    this.events.onDown(error)
  }

  #letGo(): void {
    if ('timer' in this.#state) this.#state.timer.cancel()
    if ('socket' in this.#state) this.#state.socket.leave()
  }
}

function unreachable(detail: string): KadrtcError {
  return new KadrtcError('SERVER_UNREACHABLE', detail)
}
