/**
 * `LinkTransport` in memory: the links of one tab, whom it takes links from, and what becomes of them when it closes, dies or
 * stands still. How links come to be is in `virtual-dials.ts`.
 */
import { equalIds, type Id, idKey } from '@kadrtc/kademlia'
import {
  type DialOptions,
  type Identity,
  KadrtcError,
  type Link,
  type LinkTransport,
  type SignalPath,
} from '@kadrtc/node'
import type { LocalClock } from './local-clock.js'
import { VirtualDials } from './virtual-dials.js'
import type { VirtualLink } from './virtual-link.js'
import type { DialMedium, LinkOwner, Medium } from './virtual-medium.js'
import { decodeSignal } from './virtual-signal.js'

export class VirtualTransport implements LinkTransport, LinkOwner {
  /** Signals that were malformed, forged, or came too late. */
  signalsDropped = 0
  /** Oldest first; a list, since a map of each node's few links takes more memory than the links. */
  #links: readonly VirtualLink[] = []
  readonly #dials: VirtualDials
  #told: (link: Link) => void = () => {}
  #mayOpen: (peer: Id, path: SignalPath) => boolean = () => true
  #slowMs = 0
  #isGone = false

  constructor(
    readonly medium: DialMedium & Medium,
    readonly identity: Identity,
    /** The tab's own, by which its timers go. */
    readonly clock: LocalClock,
  ) {
    this.#dials = new VirtualDials(medium, identity.id, clock, {
      open: (peer, dialId) => medium.open(this, peer, dialId),
      mayOpen: (peer, path) => this.#mayOpen(peer, path),
    })
  }

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
    return this.#dials.counts
  }

  dial(peer: Id, path: SignalPath, options: DialOptions = {}): Promise<Link> {
    const { signal } = options
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#isGone) return Promise.reject(new KadrtcError('CLOSED', 'transport'))
    if (equalIds(peer, this.identity.id)) return Promise.reject(new KadrtcError('UNREACHABLE', 'own id'))
    const standing = this.#linkTo(peer)
    return standing ? Promise.resolve(standing) : this.#dials.dial(peer, path, options)
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
    if (!isForeign || !this.#dials.handle(from, decoded, path)) this.signalsDropped++
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
    this.#dials.close()
    for (const link of this.#links) link.close()
  }

  /** The tab dies: silence, in both directions, and promises that never settle. */
  crash(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.medium.forget(this)
    this.#dials.stop()
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
    this.#linkTo(link.peer)?.close('lost')
    this.#links = [...this.#links, link]
    const waiters = this.#dials.settle(link.peer)
    this.#told(link)
    waiters?.resolve(link)
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
    this.#dials.expect(peer, dialId)
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
    // Two links have crossed on the way, which takes replayed signals: that of the lower id stays, at both ends.
    if (this.#linkTo(link.peer)?.isCrossedBy(link)) return idKey(link.peer) < idKey(this.identity.id)
    return this.#dials.awaits(link.peer, link.connectionId)
  }
}
