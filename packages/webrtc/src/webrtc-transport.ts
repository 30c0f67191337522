/**
 * Links over WebRTC data channels. Signals come and go by whatever way the node gives (an introduction server, other
 * tabs, the overlay); here they are checked, brought to the handshake they belong to, and made into at most one
 * link to each peer.
 *
 *     const transport = createWebRtcTransport({ identity, network: 'my-app', certificate })
 *     transport.onLink((link) => …)
 *     const link = await transport.dial(peer, { send: (signal) => … })
 */
import { equalIds, type Id, idKey } from '@kadrtc/kademlia'
import {
  type Clock,
  type DialOptions,
  type Identity,
  KadrtcError,
  type Link,
  type Random,
  type SignalPath,
  type Timer,
} from '@kadrtc/node'
import type { RefuseReason, Signal, SignalLinkRequest } from '@kadrtc/wire'
import { ConstructionBudget, constructionLimits } from './construction-budget.js'
import { Dial } from './dial.js'
import { Handshake, type HandshakePorts } from './handshake.js'
import { type HeartbeatSettings, heartbeatDefaults } from './heartbeat.js'
import { type WebRtcLimits, webRtcLimits } from './limits.js'
import { systemClock, systemRandom } from './platform.js'
import { attemptKey, hex, SignalIntake } from './signal-intake.js'
import { Signals } from './signals.js'
import { type PeerConnection, platformWebRtc, type WebRtc } from './simple-peer.js'
import type { WebRtcTransport, WebRtcTransportOptions, WebRtcTransportStats } from './transport-options.js'
import { WebRtcLink } from './webrtc-link.js'

/** Throws WireError if `network` is no name of a network. */
export function createWebRtcTransport(options: WebRtcTransportOptions): WebRtcTransport {
  return new Transport(options)
}

/** A random number of 64 bits names an attempt. */
const connectionIdBytes = 8

class Transport implements WebRtcTransport {
  readonly #identity: Identity
  readonly #clock: Clock
  readonly #random: Random
  readonly #limits: WebRtcLimits
  readonly #heartbeat: HeartbeatSettings
  readonly #signals: Signals
  readonly #intake: SignalIntake
  readonly #budget: ConstructionBudget
  readonly #webRtc: WebRtc | undefined
  readonly #certificate: RTCCertificate | undefined
  #iceServers: readonly RTCIceServer[]
  /** By peer; bounded by the node, which says who may open one. */
  readonly #links = new Map<string, WebRtcLink>()
  /** Closed, with a goodbye on its way out; each is gone within 250 ms. */
  readonly #leaving = new Set<Promise<unknown>>()
  /** By peer; bounded by `dialsMax`. */
  readonly #dials = new Map<string, Dial>()
  /** Handshakes in which we offer, by peer; bounded by `answersMax`. */
  readonly #answering = new Map<string, { readonly handshake: Handshake; readonly timer: Timer }>()
  /** All handshakes, by peer and connection id; bounded by the two above. */
  readonly #handshakes = new Map<string, Handshake>()
  #closed = false
  #onLink: (link: Link) => void = () => {}
  #mayOpen: (peer: Id, path: SignalPath) => boolean = () => true

  constructor(options: WebRtcTransportOptions) {
    this.#identity = options.identity
    this.#clock = options.clock ?? systemClock()
    this.#random = options.random ?? systemRandom()
    this.#limits = { ...webRtcLimits, ...options.limits }
    this.#heartbeat = { ...heartbeatDefaults, ...this.#limits.heartbeat }
    this.#signals = new Signals(options.identity, options.network, this.#clock)
    this.#webRtc = options.wrtc ?? platformWebRtc()
    this.#certificate = options.certificate
    this.#iceServers = options.iceServers ?? []
    this.#intake = new SignalIntake({
      signals: this.#signals,
      clock: this.#clock,
      limits: this.#limits,
      isUnderWay: (attempt) => this.#handshakes.has(attempt),
      onSignal: (from, signal, bytes, path) => this.#take(from, signal, bytes, path),
    })
    this.#budget = new ConstructionBudget(
      { clock: this.#clock, encourageCollection: options.encourageCollection },
      { ...constructionLimits, ...this.#limits.construction },
    )
  }

  setIceServers(iceServers: readonly RTCIceServer[]): void {
    this.#iceServers = iceServers
  }

  onLink(handler: (link: Link) => void): void {
    this.#onLink = handler
  }

  onRequest(mayOpen: (peer: Id, path: SignalPath) => boolean): void {
    this.#mayOpen = mayOpen
  }

  stats(): WebRtcTransportStats {
    return {
      links: this.#links.size,
      dialling: this.#dials.size,
      answering: this.#answering.size,
      handshakes: this.#handshakes.size,
      connections: this.#budget.stats(),
      dropped: { ...this.#intake.dropped },
    }
  }

  async dial(peer: Id, path: SignalPath, options: DialOptions = {}): Promise<Link> {
    if (this.#closed) throw new KadrtcError('CLOSED')
    if (options.signal?.aborted) throw options.signal.reason
    if (!this.#webRtc) throw new KadrtcError('NO_WEBRTC')
    if (equalIds(peer, this.#identity.id)) throw new KadrtcError('UNREACHABLE', 'this is the node itself')
    const key = idKey(peer)
    const standing = this.#links.get(key)
    if (standing) return standing
    const underWay = this.#dials.get(key)
    underWay?.own?.requestBy(path)
    const dial = underWay ?? this.#startDial(peer, key, path, this.#webRtc)
    return dial.waiters.join(options)
  }

  receiveSignal(from: Id, bytes: Uint8Array, path: SignalPath): void {
    if (!this.#closed) this.#intake.receive(from, bytes, path)
  }

  goodbye(): void {
    for (const link of [...this.#links.values()]) link.goodbye()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#intake.close()
    this.#budget.close()
    for (const dial of [...this.#dials.values()]) this.#failDial(dial, new KadrtcError('CLOSED'))
    for (const handshake of [...this.#handshakes.values()]) this.#abandon(handshake, false)
    for (const link of [...this.#links.values()]) link.close()
    await Promise.all(this.#leaving)
  }

  #startDial(peer: Id, key: string, path: SignalPath, webRtc: WebRtc): Dial {
    if (this.#dials.size >= this.#limits.dialsMax) throw new KadrtcError('BUSY', 'too many dials')
    const timer = this.#clock.setTimer(this.#limits.dialTimeoutMs, () => {
      const hasAnswered = dial.own?.unanswered === false || this.#answering.has(key)
      const error = hasAnswered ? noConnection() : new KadrtcError('TIMEOUT', 'the peer did not answer')
      this.#failDial(dial, error)
    })
    const dial = new Dial(peer, path, timer, () => this.#failDial(dial, undefined))
    this.#dials.set(key, dial)
    // Has the peer asked first? Then its attempt is ours too.
    if (this.#answering.has(key)) dial.waiters.agreed()
    else this.#ask(dial, webRtc)
    return dial
  }

  #ask(dial: Dial, webRtc: WebRtc): void {
    const { peer, path } = dial
    const connectionId = this.#random.bytes(connectionIdBytes)
    dial.own = new Handshake('dialler', peer, connectionId, path, this.#handshakePorts(webRtc))
    dial.hasAsked = true
    this.#handshakes.set(attemptKey(peer, connectionId), dial.own)
    void dial.own.request()
  }

  /** No error: all have given up on the peer. If it wants a link of its own accord, it may have one all the same. */
  #failDial(dial: Dial, error: KadrtcError | undefined): void {
    this.#dials.delete(idKey(dial.peer))
    if (dial.own) this.#abandon(dial.own, !this.#closed)
    dial.reject(error)
    if (dial.setAside && !this.#closed) this.#consider(dial.peer, dial.setAside.request, dial.setAside.path)
  }

  #take(from: Id, signal: Signal, bytes: Uint8Array, path: SignalPath): void {
    if (signal.kind === 'request') return this.#takeRequest(from, signal, path)
    this.#handshakes.get(attemptKey(from, signal.connectionId))?.receive(signal, bytes, path)
    const dial = this.#dials.get(idKey(from))
    if (dial?.own?.unanswered === false) dial.waiters.agreed()
  }

  /** Both asked (glare): the lower id makes the offer, and the request of the higher one is the one that counts. */
  #takeRequest(peer: Id, request: SignalLinkRequest, path: SignalPath): void {
    const dial = this.#dials.get(idKey(peer))
    if (!dial?.own) return this.#consider(peer, request, path)
    if (isLower(this.#identity.id, peer)) return this.#answer(peer, request, path)
    if (!dial.own.unanswered) return
    // Ours may have been lost on the way: the peer's has just shown one that works.
    dial.setAside = { request, path }
    dial.own.requestBy(path)
  }

  #consider(peer: Id, request: SignalLinkRequest, path: SignalPath): void {
    if (this.#mayOpen(peer, path)) this.#answer(peer, request, path)
    else this.#refuse(peer, request.connectionId, path, 'unwanted')
  }

  /**
   * Consents. A peer that we think we have a link to has lost it, or is a page that was loaded anew; one whose
   * earlier request we are still answering has begun afresh.
   */
  #answer(peer: Id, request: SignalLinkRequest, path: SignalPath): void {
    const key = idKey(peer)
    const earlier = this.#answering.get(key)
    if (!this.#webRtc || (!earlier && this.#answering.size >= this.#limits.answersMax)) {
      return this.#refuse(peer, request.connectionId, path, 'busy')
    }
    if (earlier) this.#abandon(earlier.handshake, false)
    const ports = this.#handshakePorts(this.#webRtc)
    const handshake = new Handshake('offerer', peer, request.connectionId, path, {
      ...ports,
      onFailed: (failed, error) => {
        if (error.code === 'BUSY') this.#refuse(peer, request.connectionId, path, 'busy')
        ports.onFailed(failed, error)
      },
    })
    const timer = this.#clock.setTimer(this.#limits.dialTimeoutMs, () => {
      this.#abandon(handshake, false)
      this.#onAttemptFailed(peer, noConnection())
    })
    this.#answering.set(key, { handshake, timer })
    this.#handshakes.set(attemptKey(peer, request.connectionId), handshake)
    this.#dials.get(key)?.waiters.agreed()
    handshake.offer(request.publicKey)
  }

  #refuse(peer: Id, connectionId: Uint8Array, path: SignalPath, reason: RefuseReason): void {
    this.#signals.seal(peer, connectionId, { kind: 'refuse', reason }).then(
      (bytes) => path.send(bytes),
      () => undefined,
    )
  }

  #handshakePorts(webRtc: WebRtc): HandshakePorts {
    return {
      webRtc,
      clock: this.#clock,
      signals: this.#signals,
      budget: this.#budget,
      bufferedAmountLowBytes: this.#limits.lowWaterBytes,
      configuration: () => ({
        iceServers: [...this.#iceServers],
        ...(this.#certificate && { certificates: [this.#certificate] }),
      }),
      onOpened: (handshake, publicKey, connection) => this.#open(handshake, publicKey, connection),
      onFailed: (handshake, error) => {
        this.#forget(handshake)
        this.#onAttemptFailed(handshake.peer, error)
      },
    }
  }

  /** A dial ends with the last attempt that could fulfil it: the peer's, if it has asked, and our own. */
  #onAttemptFailed(peer: Id, error: KadrtcError): void {
    const key = idKey(peer)
    const dial = this.#dials.get(key)
    if (!dial || !this.#webRtc || dial.own || this.#answering.has(key)) return
    const { setAside } = dial
    dial.setAside = undefined
    if (setAside) this.#consider(peer, setAside.request, setAside.path)
    if (this.#answering.has(key)) return
    if (dial.hasAsked) this.#failDial(dial, error)
    else this.#ask(dial, this.#webRtc)
  }

  #abandon(handshake: Handshake, tellPeer: boolean): void {
    this.#forget(handshake)
    handshake.abandon(tellPeer)
  }

  #forget(handshake: Handshake): void {
    const key = idKey(handshake.peer)
    this.#handshakes.delete(attemptKey(handshake.peer, handshake.connectionId))
    const answering = this.#answering.get(key)
    if (answering?.handshake === handshake) {
      answering.timer.cancel()
      this.#answering.delete(key)
    }
    const dial = this.#dials.get(key)
    if (dial?.own === handshake) dial.own = undefined
  }

  #open(handshake: Handshake, publicKey: Uint8Array, connection: PeerConnection): WebRtcLink {
    const { peer } = handshake
    const key = idKey(peer)
    this.#forget(handshake)
    const dial = this.#dials.get(key)
    this.#dials.delete(key)
    for (const other of [dial?.own, this.#answering.get(key)?.handshake])
      if (other) this.#abandon(other, false)
    const link = new WebRtcLink({
      peer,
      publicKey,
      connectionId: hex(handshake.connectionId),
      connection,
      clock: this.#clock,
      heartbeat: this.#heartbeat,
      highWaterBytes: this.#limits.highWaterBytes,
      onClosed: (closed) => this.#onClosed(key, closed),
    })
    const replaced = this.#links.get(key)
    this.#links.set(key, link)
    this.#onLink(link)
    dial?.resolve(link)
    replaced?.close('lost')
    link.start()
    return link
  }

  /** The late end of a link that was replaced does not touch the one that stands. */
  #onClosed(key: string, link: WebRtcLink): void {
    if (this.#links.get(key) === link) this.#links.delete(key)
    const gone: Promise<unknown> = link.released().then(() => this.#leaving.delete(gone))
    this.#leaving.add(gone)
  }
}

function isLower(a: Id, b: Id): boolean {
  const at = a.findIndex((byte, i) => byte !== b[i])
  return at >= 0 && a[at]! < b[at]!
}

/** Both were there and spoke. */
function noConnection(): KadrtcError {
  return new KadrtcError('UNREACHABLE', 'no connection came about')
}
