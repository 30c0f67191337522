/**
 * `LinkTransport` in memory. A dial asks by a `request` signal; the other side's policy answers `accept`, `refuse` or
 * `busy`; then the dialler opens the link, some round trips later, and the other side takes it if it still
 * expects one. Glare: once both have asked, both are known to agree; the lower id opens, the higher yields.
 */
import { equalIds, type Id, idKey } from '@kadrtc/kademlia'
import {
  type DialOptions,
  DialWaiters,
  type ErrorCode,
  type Identity,
  KadrtcError,
  type Link,
  type LinkTransport,
  type SignalPath,
  type Timer,
} from '@kadrtc/node'
import type { LocalClock } from './local-clock.js'
import type { LinkOwner, Medium, VirtualLink } from './virtual-link.js'
import { decodeSignal, encodeSignal, type VirtualSignal, type VirtualSignalKind } from './virtual-signal.js'

/** What a transport asks of its network. */
export interface DialMedium {
  readonly dialTimeoutMs: number
  /** Dials under way at once, and peers expected at once. */
  readonly dialsMax: number
  /** Set by the first node that is slow. */
  hasSlowNodes: boolean
  newDialId(): string
  /** How long opening takes once both agree, in ms. */
  openingMs(from: Id, to: Id): number
  /** Opens a link if there is a way; else nothing happens, and the dial times out. */
  open(dialler: VirtualTransport, peer: Id, dialId: string): void
  /** The transport is gone for good. */
  forget(transport: VirtualTransport): void
}

/** Links wanted by this side. At most one dial per peer; bounded by `dialsMax`. */
interface Dial {
  readonly peer: Id
  readonly dialId: string
  readonly path: SignalPath
  readonly waiters: DialWaiters
  readonly timeout: Timer
  /** The request has been sent. */
  isAsked: boolean
  isAgreed: boolean
  /** The peer, whose id is lower, dials as well: it will open the link. */
  isYielding: boolean
  opening: Timer | undefined
  /** Runs until the peer is asked once more. */
  again: Timer | undefined
}

/** As with WebRTC: a signal is lost with the link that carried it. */
const askAgainMs = 1_500

/** Links that this side has agreed to and that the other side will open. Bounded by `dialsMax`. */
interface Expected {
  readonly dialId: string
  readonly timeout: Timer
}

export class VirtualTransport implements LinkTransport, LinkOwner {
  /** Signals that were malformed, forged, or came too late. */
  signalsDropped = 0
  /** Oldest first; a list, since a map of each node's few links takes more memory than the links. */
  #links: readonly VirtualLink[] = []
  readonly #dials = new Map<string, Dial>()
  readonly #expected = new Map<string, Expected>()
  #told: (link: Link) => void = () => {}
  #mayOpen: (peer: Id, path: SignalPath) => boolean = () => true
  #slowMs = 0
  #isGone = false

  constructor(
    readonly medium: DialMedium & Medium,
    readonly identity: Identity,
    /** The tab's own, by which its timers go. */
    readonly clock: LocalClock,
  ) {}

  /** How much longer each message to this node takes, in ms; may change at any time. */
  get slowMs(): number {
    return this.#slowMs
  }

  set slowMs(slowMs: number) {
    this.#slowMs = slowMs
    if (slowMs > 0) this.medium.hasSlowNodes = true
  }

  /** Open links, oldest first. */
  get links(): readonly VirtualLink[] {
    return this.#links
  }

  /** Links that are being opened: those this side dials, and those it has agreed to. */
  get opening(): { readonly dials: number; readonly expected: number } {
    return { dials: this.#dials.size, expected: this.#expected.size }
  }

  dial(peer: Id, path: SignalPath, options: DialOptions = {}): Promise<Link> {
    const { signal } = options
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#isGone) return Promise.reject(new KadrtcError('CLOSED', 'transport'))
    if (equalIds(peer, this.identity.id)) return Promise.reject(new KadrtcError('UNREACHABLE', 'own id'))
    const standing = this.#linkTo(peer)
    if (standing) return Promise.resolve(standing)
    const known = this.#dials.get(idKey(peer))
    if (!known && this.#dials.size >= this.medium.dialsMax) {
      return Promise.reject(new KadrtcError('BUSY', `${this.medium.dialsMax} dials are under way`))
    }
    const dial = known ?? this.#begin(peer, path)
    const waiting = dial.waiters.join(options)
    // A link of that peer's dial is on its way: it is waited for, so that there are not two.
    if (!known && this.#expected.has(idKey(peer))) this.#yield(dial)
    else if (!known) this.#ask(dial)
    else if (known.isAsked && !known.isAgreed)
      path.send(encodeSignal({ kind: 'request', dialId: known.dialId }))
    return waiting
  }

  receiveSignal(from: Id, signal: Uint8Array, path: SignalPath): void {
    if (this.#isGone) return
    if (this.clock.isFrozen) {
      const copy = signal.slice()
      this.clock.whenAwake(() => this.receiveSignal(from, copy, path))
      return
    }
    const decoded = decodeSignal(signal)
    const isForeign = decoded !== undefined && !equalIds(from, this.identity.id)
    if (!isForeign || !this.#handle(from, decoded, path)) this.signalsDropped++
  }

  onLink(handler: (link: Link) => void): void {
    this.#told = handler
  }

  onRequest(mayOpen: (peer: Id, path: SignalPath) => boolean): void {
    this.#mayOpen = mayOpen
  }

  async close(): Promise<void> {
    if (this.#isGone) return
    this.#isGone = true
    this.medium.forget(this)
    for (const dial of [...this.#dials.values()]) this.#fail(dial, 'CLOSED')
    this.#releaseTimers()
    for (const link of this.#links) link.close()
  }

  /** The tab dies: silence, in both directions, and promises that never settle. */
  crash(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.medium.forget(this)
    this.#releaseTimers()
    this.clock.stop()
    for (const link of this.#links) link.die()
    this.#links = []
    this.#told = () => {}
    this.#mayOpen = () => false
  }

  /** The tab stands still: silence, in both directions, until `thaw`. */
  freeze(): void {
    this.clock.freeze()
    for (const link of this.#links) link.reviewPeer()
  }

  thaw(): void {
    this.clock.thaw()
    for (const link of this.#links) link.reviewPeer()
  }

  /** The network has opened the link that this side dialled. */
  adopt(link: VirtualLink): void {
    const key = idKey(link.peer)
    this.#linkTo(link.peer)?.close('lost')
    this.#links = [...this.#links, link]
    this.#forgetExpected(key)
    const dial = this.#dials.get(key)
    if (dial) this.#release(dial)
    this.#told(link)
    dial?.waiters.resolve(link)
  }

  /** A link that the peer opened has been heard of here: takes it, or closes it if nobody expects it. */
  meet(link: VirtualLink): void {
    if (this.#isGone) link.die()
    else this.clock.whenAwake(() => this.#greet(link))
  }

  isLinkedTo(peer: Id): boolean {
    return this.#linkTo(peer) !== undefined
  }

  /** Agrees to a link that `peer` is going to open, unasked: for networks that are laid and have not grown. */
  agree(peer: Id, dialId: string): void {
    this.#expect(idKey(peer), dialId)
  }

  /** `link` has closed. A link that has taken its place stays. */
  forgetLink(link: VirtualLink): void {
    this.#links = this.#links.filter((other) => other !== link)
  }

  #linkTo(peer: Id): VirtualLink | undefined {
    return this.#links.find((link) => equalIds(link.peer, peer))
  }

  #greet(link: VirtualLink): void {
    if (this.#isGone) link.die()
    else if (!this.#takes(link)) link.close()
    else {
      link.open()
      // The dialler may have found this side silent meanwhile.
      link.reviewPeer()
      this.adopt(link)
    }
  }

  #takes(link: VirtualLink): boolean {
    const key = idKey(link.peer)
    // Two links have crossed on the way, which takes replayed signals: that of the lower id stays, at both ends.
    if (this.#linkTo(link.peer)?.isCrossedBy(link)) return key < idKey(this.identity.id)
    return this.#expected.get(key)?.dialId === link.connectionId || this.#dials.has(key)
  }

  #begin(peer: Id, path: SignalPath): Dial {
    const dial: Dial = {
      peer,
      path,
      dialId: this.medium.newDialId(),
      waiters: new DialWaiters(() => this.#abandon(dial)),
      timeout: this.clock.setTimer(this.medium.dialTimeoutMs, () =>
        this.#fail(dial, dial.isAgreed || dial.isYielding ? 'UNREACHABLE' : 'TIMEOUT'),
      ),
      isAsked: false,
      isAgreed: false,
      isYielding: false,
      opening: undefined,
      again: undefined,
    }
    this.#dials.set(idKey(peer), dial)
    return dial
  }

  /** Whether the signal was one that this side can make something of. */
  #handle(from: Id, { kind, dialId }: VirtualSignal, path: SignalPath): boolean {
    const key = idKey(from)
    const dial = this.#dials.get(key)
    const isForDial = dial?.dialId === dialId
    switch (kind) {
      case 'request': {
        const answer = this.#answerTo(from, dialId, path)
        if (answer) path.send(encodeSignal({ kind: answer, dialId }))
        return true
      }
      case 'accept':
        if (isForDial) this.#openSoon(dial)
        return isForDial
      case 'refuse':
        if (isForDial) this.#fail(dial, 'REFUSED')
        return isForDial
      case 'busy':
        if (isForDial) this.#fail(dial, 'BUSY')
        return isForDial
      case 'cancel': {
        const isExpected = this.#expected.get(key)?.dialId === dialId
        if (!isExpected) return false
        this.#forgetExpected(key)
        if (dial) this.#stopYielding(dial)
        return true
      }
    }
  }

  /** What to say to a request; nothing when this side's own dial goes first. */
  #answerTo(from: Id, dialId: string, path: SignalPath): VirtualSignalKind | undefined {
    const key = idKey(from)
    const own = this.#dials.get(key)
    if (own && idKey(this.identity.id) < key) {
      this.#openSoon(own)
      return undefined
    }
    if (own) {
      this.#yield(own)
      own.opening?.cancel()
      own.opening = undefined
    } else if (this.#expected.get(key)?.dialId !== dialId) {
      if (this.#expected.size >= this.medium.dialsMax) return 'busy'
      if (!this.#mayOpen(from, path)) return 'refuse'
    }
    this.#expect(key, dialId)
    return 'accept'
  }

  #expect(key: string, dialId: string): void {
    this.#forgetExpected(key)
    const timeout = this.clock.setTimer(this.medium.dialTimeoutMs, () => this.#expected.delete(key))
    this.#expected.set(key, { dialId, timeout })
  }

  #forgetExpected(key: string): void {
    this.#expected.get(key)?.timeout.cancel()
    this.#expected.delete(key)
  }

  #yield(dial: Dial): void {
    dial.waiters.agreed()
    dial.isYielding = true
  }

  #openSoon(dial: Dial): void {
    dial.waiters.agreed()
    dial.isAgreed = true
    if (dial.opening || dial.isYielding) return
    const { id } = this.identity
    const delayMs = this.medium.openingMs(id, dial.peer)
    dial.opening = this.clock.setTimer(delayMs, () => this.medium.open(this, dial.peer, dial.dialId))
  }

  /** The peer has given up its own dial. */
  #stopYielding(dial: Dial): void {
    dial.isYielding = false
    if (dial.isAgreed) this.#openSoon(dial)
    else if (!dial.isAsked) this.#ask(dial)
  }

  #ask(dial: Dial): void {
    dial.isAsked = true
    const request = encodeSignal({ kind: 'request', dialId: dial.dialId })
    dial.path.send(request)
    dial.again = this.clock.setTimer(askAgainMs, () => {
      if (!dial.isAgreed) dial.path.send(request, true)
    })
  }

  #fail(dial: Dial, code: ErrorCode): void {
    this.#release(dial)
    dial.waiters.reject(new KadrtcError(code, 'dial'))
  }

  /** Nobody waits for this dial any more. */
  #abandon(dial: Dial): void {
    if (this.#dials.get(idKey(dial.peer)) !== dial) return
    this.#release(dial)
    dial.path.send(encodeSignal({ kind: 'cancel', dialId: dial.dialId }))
  }

  #release(dial: Dial): void {
    dial.timeout.cancel()
    dial.again?.cancel()
    dial.opening?.cancel()
    this.#dials.delete(idKey(dial.peer))
  }

  #releaseTimers(): void {
    for (const dial of [...this.#dials.values()]) this.#release(dial)
    for (const key of [...this.#expected.keys()]) this.#forgetExpected(key)
  }
}
