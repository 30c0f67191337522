/**
 * One attempt at a link, on one side of it: request -> offer -> answer, and candidates both ways.
 *
 * The dialler only asks. Whoever is asked constructs first, and its offer is its consent; then the dialler constructs
 * and answers. So a connection is never constructed for a peer that is not there or does not want it. There is no
 * timer on this way, since a hidden tab runs its timers once a second; but signals are lost with the links that carried
 * them, and so each side says again what came to nothing.
 */
import type { Id } from '@kadrtc/kademlia'
import { type Clock, KadrtcError, type SignalPath } from '@kadrtc/node'
import { candidatesMax, type Signal, type SignalAnswer, type SignalOffer, signalDigest } from '@kadrtc/wire'
import type { ConstructionBudget } from './construction-budget.js'
import { SaidSignals } from './said-signals.js'
import { equalBytes, type SignalBody, type Signals } from './signals.js'
import {
  openPeerConnection,
  type PeerConnection,
  type PeerConnectionEvents,
  type SessionDescription,
  type WebRtc,
} from './simple-peer.js'
import type { WebRtcLink } from './webrtc-link.js'

export interface HandshakePorts {
  readonly clock: Clock
  readonly signals: Signals
  readonly budget: ConstructionBudget
  readonly webRtc: WebRtc
  readonly bufferedAmountLowBytes: number
  configuration(): RTCConfiguration
  /** The channel is open. Gives the link that is told of all that comes. */
  onOpened(handshake: Handshake, publicKey: Uint8Array, connection: PeerConnection): WebRtcLink
  /** Called once, unless `abandon` was. */
  onFailed(handshake: Handshake, error: KadrtcError): void
}

type State =
  /** Dialler: the request is out. */
  | { readonly name: 'requested' }
  /** Waiting for the construction budget. */
  | { readonly name: 'constructing' }
  | { readonly name: 'negotiating'; readonly connection: PeerConnection }
  | { readonly name: 'open'; readonly link: WebRtcLink }
  | { readonly name: 'over' }

/** Remote candidates taken in one handshake; what comes beyond is dropped. */
const remoteCandidatesMax = 2 * candidatesMax

export class Handshake {
  #state: State
  #publicKey: Uint8Array | undefined
  /** Digest of the offer: made by one side, answered by the other. */
  #offerDigest: Uint8Array | undefined
  #answered = false
  #local: SessionDescription | undefined
  #localSent = false
  #localCandidates: string[] = []
  #remoteCandidates: string[] = []
  /** Taken already: what is said twice counts once. */
  readonly #heardCandidates = new Set<string>()
  #gathered = false
  #flushing = false
  readonly #said: SaidSignals
  readonly #cancel = new AbortController()

  constructor(
    readonly role: 'dialler' | 'offerer',
    readonly peer: Id,
    readonly connectionId: Uint8Array,
    private path: SignalPath,
    private readonly ports: HandshakePorts,
  ) {
    this.#state = { name: role === 'dialler' ? 'requested' : 'constructing' }
    this.#said = new SaidSignals(ports.clock, (bytes, again) => this.#send(bytes, again))
  }

  /** The peer has not reacted to our request yet. */
  get unanswered(): boolean {
    return this.#state.name === 'requested'
  }

  /** Dialler: asks for a link. */
  async request(): Promise<void> {
    const bytes = await this.#seal({ kind: 'request' })
    if (bytes && this.unanswered) this.#said.say(bytes)
  }

  /** Dialler: asks at once by another path, unless the peer has reacted. The same request: hearing it twice does nothing. */
  requestBy(path: SignalPath): void {
    if (!this.unanswered) return
    this.path = path
    this.#said.sayAll()
  }

  /** Offerer: consents to the request of the holder of `publicKey`. */
  offer(publicKey: Uint8Array): void {
    this.#publicKey = publicKey
    this.#construct(() => undefined)
  }

  /** A signal of this connection from the peer, verified; the latest path it used is the one we use. */
  receive(signal: Exclude<Signal, { kind: 'request' }>, bytes: Uint8Array, path: SignalPath): void {
    this.path = path
    switch (signal.kind) {
      case 'offer':
        return this.#onOffer(signal, bytes)
      case 'answer':
        return this.#onAnswer(signal)
      case 'candidates':
        return this.#onCandidates(signal.candidates)
      case 'refuse':
        return this.#fail(new KadrtcError(signal.reason === 'busy' ? 'BUSY' : 'REFUSED', 'said the peer'))
      default:
        return signal satisfies never
    }
  }

  /** Ends it without a word to `onFailed`; `tellPeer` lets the peer free what it holds for us. */
  abandon(tellPeer: boolean): void {
    if (this.#state.name === 'open' || this.#state.name === 'over') return
    if (tellPeer) this.#refuse()
    this.#end()
  }

  #onOffer(offer: SignalOffer, bytes: Uint8Array): void {
    if (this.role !== 'dialler' || this.#state.name !== 'requested') return // late or twice
    if (!isDataOnly(offer.sdp)) return this.#fail(new KadrtcError('UNREACHABLE', 'not an offer of data'))
    this.#state = { name: 'constructing' }
    this.#said.forget()
    this.#publicKey = offer.publicKey
    this.#offerDigest = signalDigest(bytes)
    this.#onCandidates(offer.candidates)
    this.#construct((connection) => connection.applyDescription({ type: 'offer', sdp: offer.sdp }))
  }

  #onAnswer(answer: SignalAnswer): void {
    const state = this.#state
    if (this.role !== 'offerer' || state.name !== 'negotiating' || this.#answered) return // late or twice
    // An answer to another offer: replayed, or the peer answered what never was ours.
    if (!this.#offerDigest || !equalBytes(answer.offerHash, this.#offerDigest)) return
    if (!isDataOnly(answer.sdp)) return this.#fail(new KadrtcError('UNREACHABLE', 'not an answer of data'))
    this.#answered = true
    this.#said.forget(1)
    state.connection.applyDescription({ type: 'answer', sdp: answer.sdp })
    this.#onCandidates(answer.candidates)
  }

  #onCandidates(candidates: readonly string[]): void {
    for (const candidate of candidates) {
      if (this.#heardCandidates.has(candidate)) continue
      if (this.#heardCandidates.size >= remoteCandidatesMax) return
      this.#heardCandidates.add(candidate)
      if (this.#state.name === 'negotiating') this.#state.connection.addCandidate(candidate)
      else this.#remoteCandidates.push(candidate)
    }
  }

  #construct(begin: (connection: PeerConnection) => void): void {
    const { budget, webRtc } = this.ports
    budget
      .construct(
        (constructed) => {
          const connection = constructConnection(webRtc, this.ports.configuration())
          constructed(connection)
          this.#negotiate(connection)
        },
        { signal: this.#cancel.signal },
      )
      .then(
        () => {
          if (this.#state.name !== 'negotiating') return
          const { connection } = this.#state
          begin(connection)
          for (const candidate of this.#remoteCandidates.splice(0)) connection.addCandidate(candidate)
        },
        (error) => this.#fail(asKadrtcError(error)),
      )
  }

  #negotiate(connection: RTCPeerConnection): void {
    const { webRtc, bufferedAmountLowBytes } = this.ports
    const initiator = this.role === 'offerer'
    const options = { connection, initiator, webRtc, bufferedAmountLowBytes }
    try {
      this.#state = { name: 'negotiating', connection: openPeerConnection(options, this.#events()) }
    } catch (cause) {
      connection.close()
      throw new KadrtcError('UNREACHABLE', 'no channel could be made', { cause })
    }
  }

  #events(): PeerConnectionEvents {
    const link = (): WebRtcLink | undefined => (this.#state.name === 'open' ? this.#state.link : undefined)
    return {
      onDescription: (description) => {
        this.#local = description
        void this.#flush()
      },
      onCandidate: (candidate) => {
        if (this.#localCandidates.length < candidatesMax) this.#localCandidates.push(candidate)
        void this.#flush()
      },
      onGathered: () => {
        this.#gathered = true
      },
      onOpen: () => {
        if (this.#state.name !== 'negotiating' || !this.#publicKey) return
        const { connection } = this.#state
        this.#said.close()
        this.#heardCandidates.clear()
        this.#state = { name: 'open', link: this.ports.onOpened(this, this.#publicKey, connection) }
      },
      onMessage: (data) => link()?.receive(data),
      onBufferedAmountLow: () => link()?.resume(),
      onDoubt: () => link()?.probe(),
      onClose: (failed) => {
        const standing = link()
        if (standing) standing.disconnected(failed)
        else this.#fail(new KadrtcError('UNREACHABLE', 'no connection came about'))
      },
    }
  }

  /** Sends what there is to say, one signal at a time: what is found while one is being signed goes in the next. */
  async #flush(): Promise<void> {
    if (this.#flushing) return
    this.#flushing = true
    for (let body = this.#nextBody(); body; body = this.#nextBody()) {
      const bytes = await this.#seal(body)
      if (!bytes) break
      if (body.kind === 'offer') this.#offerDigest = signalDigest(bytes)
      this.#said.say(bytes)
    }
    this.#flushing = false
  }

  #nextBody(): SignalBody | undefined {
    const ended = this.#state.name === 'over' || this.#state.name === 'open'
    if (!this.#local || ended) return undefined
    const candidates = this.#localCandidates.splice(0)
    const { type, sdp } = this.#local
    if (!this.#localSent) {
      this.#localSent = true
      if (type === 'offer') return { kind: 'offer', sdp, candidates }
      return this.#offerDigest && { kind: 'answer', sdp, candidates, offerHash: this.#offerDigest }
    }
    if (candidates.length === 0) return undefined
    return { kind: 'candidates', candidates, final: this.#gathered }
  }

  /** Undefined when the handshake has ended meanwhile, or cannot go on. */
  async #seal(body: SignalBody): Promise<Uint8Array | undefined> {
    try {
      const bytes = await this.ports.signals.seal(this.peer, this.connectionId, body)
      return this.#state.name === 'over' ? undefined : bytes
    } catch (cause) {
      this.#fail(new KadrtcError('UNREACHABLE', 'a signal could not be made', { cause }))
      return undefined
    }
  }

  #send(bytes: Uint8Array, again: boolean): void {
    try {
      this.path.send(bytes, again)
    } catch (cause) {
      this.#fail(new KadrtcError('UNREACHABLE', 'the way for signals is gone', { cause }))
    }
  }

  #refuse(): void {
    const { path } = this
    this.ports.signals.seal(this.peer, this.connectionId, { kind: 'refuse', reason: 'unwanted' }).then(
      (bytes) => path.send(bytes),
      () => undefined,
    )
  }

  #fail(error: KadrtcError): void {
    if (this.#state.name === 'over' || this.#state.name === 'open') return
    this.#end()
    this.ports.onFailed(this, error)
  }

  #end(): void {
    const state = this.#state
    this.#state = { name: 'over' }
    this.#said.close()
    this.#cancel.abort(new KadrtcError('CLOSED'))
    if (state.name === 'negotiating') state.connection.destroy()
  }
}

/** BUSY when the browser has too many of them: the budget tries again. */
function constructConnection(webRtc: WebRtc, configuration: RTCConfiguration): RTCPeerConnection {
  try {
    return new webRtc.RTCPeerConnection(configuration)
  } catch (cause) {
    const configured = cause instanceof TypeError || /Syntax|Access|Support|Type/.test((cause as Error).name)
    throw configured
      ? new KadrtcError('INVALID_ARGUMENT', 'iceServers', { cause })
      : new KadrtcError('BUSY', 'the browser constructs no more connections', { cause })
  }
}

/** One section, and it is for data: what else an SDP may ask for would cost us something. */
function isDataOnly(sdp: string): boolean {
  const sections = sdp.match(/^m=.*/gm)
  return sections?.length === 1 && sections[0]!.startsWith('m=application ')
}

function asKadrtcError(error: unknown): KadrtcError {
  return error instanceof KadrtcError ? error : new KadrtcError('UNREACHABLE', undefined, { cause: error })
}
