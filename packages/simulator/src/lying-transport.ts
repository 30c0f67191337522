/**
 * The transport of a node that deceives: the node's own code is honest, and its links lie behind its back. What it should pass
 * on is lost or goes astray, and who looks for something is shown to other liars, in replies signed as they should
 * be, since nothing keeps a liar from having a key. In all else it behaves as any node does.
 *
 *     cluster.add({ lying: { drop: 0.5, mislead: 1 } })
 */
import { compareDistances, equalIds, type Id, isCloser } from '@kadrtc/kademlia'
import type { CloseReason, DialOptions, Link, LinkTransport, SignalPath } from '@kadrtc/node'
import {
  contactsMax,
  decodeMessage,
  decodePacket,
  encodeMessage,
  encodePacket,
  type FindNode,
  type FindValue,
  forwardToward,
  networkHash,
  type Packet,
  type Reply,
  replyProofBytes,
  WireError,
} from '@kadrtc/wire'
import type { SeededRandom } from './seeded-random.js'
import type { StubIdentity } from './stub-identity.js'
import type { VirtualTransport } from './virtual-transport.js'

/** Each share is a fraction in [0, 1], 0 unless given. */
export interface Lies {
  /** Of the packets that it should pass on: lost. */
  readonly drop?: number
  /** Of the rest of them: handed to a link chosen at random. */
  readonly misroute?: number
  /** Of FIND_NODE and FIND_VALUE that reach it or pass through it: answered with nothing but other liars. */
  readonly mislead?: number
  /** The liars it knows. In a cluster: all that are up. */
  readonly liars?: () => readonly Id[]
}

/** How often it has lied. */
export interface LyingCounters {
  dropped: number
  misrouted: number
  misled: number
}

export class LyingTransport implements LinkTransport {
  readonly counters: LyingCounters = { dropped: 0, misrouted: 0, misled: 0 }
  readonly #networkHash: Uint8Array
  /** One for each link, so that whoever compares links finds them equal. */
  readonly #wrapped = new WeakMap<Link, LyingLink>()

  constructor(
    private readonly honest: VirtualTransport,
    private readonly identity: StubIdentity,
    network: string,
    private readonly lies: Lies,
    private readonly random: SeededRandom,
  ) {
    this.#networkHash = networkHash(network)
  }

  async dial(peer: Id, path: SignalPath, options?: DialOptions): Promise<Link> {
    return this.#wrap(await this.honest.dial(peer, path, options))
  }

  receiveSignal(from: Id, signal: Uint8Array, path: SignalPath): void {
    this.honest.receiveSignal(from, signal, path)
  }

  onLink(handler: (link: Link) => void): void {
    this.honest.onLink((link) => handler(this.#wrap(link)))
  }

  onRequest(mayOpen: (peer: Id, path: SignalPath) => boolean): void {
    this.honest.onRequest(mayOpen)
  }

  close(): Promise<void> {
    return this.honest.close()
  }

  /** Whether the bytes that came over `from` have been dealt with dishonestly; malformed ones are left to the node. */
  twist(from: Link, bytes: Uint8Array): boolean {
    try {
      const packet = decodePacket(bytes)
      return this.#misleads(from, packet) || this.#leadsAstray(from, packet, bytes)
    } catch (error) {
      if (error instanceof WireError) return false
      throw error
    }
  }

  #wrap(link: Link): LyingLink {
    const known = this.#wrapped.get(link)
    if (known) return known
    const wrapped = new LyingLink(link, this)
    this.#wrapped.set(link, wrapped)
    return wrapped
  }

  #misleads(from: Link, packet: Packet): boolean {
    const { mislead = 0 } = this.lies
    if (mislead === 0) return false
    if (packet.kind === 'toward' && packet.exact) return false
    if (packet.kind === 'along' && packet.ahead.length > 0) return false
    const { message } = decodeMessage(packet.body)
    if (message.type !== 'find-node' && message.type !== 'find-value') return false
    if (this.random.fraction() >= mislead) return false
    this.counters.misled++
    this.#answer(from, wayBack(from, packet), packet.body, this.#falseReply(message))
    return true
  }

  #falseReply(request: FindNode | FindValue): Reply {
    const { nonce } = request
    const target = request.type === 'find-node' ? request.target : request.keyId
    const others = (this.lies.liars?.() ?? []).filter((id) => !equalIds(id, this.identity.id))
    const contacts = others.sort((a, b) => compareDistances(target, a, b)).slice(0, contactsMax)
    if (request.type === 'find-node') return { type: 'nodes', nonce, contacts }
    return { type: 'value', nonce, records: [], contacts, more: false }
  }

  /** As an honest node answers: plainly over a link, signed over a relay. */
  #answer(to: Link, route: readonly Id[], request: Uint8Array, reply: Reply): void {
    const { identity } = this
    const plain = encodeMessage(reply)
    if (route.length === 1) {
      to.send(encodePacket({ kind: 'direct', body: plain }))
      return
    }
    const signature = identity.sign(replyProofBytes(this.#networkHash, route.at(-1)!, request, plain))
    const body = encodeMessage(reply, { publicKey: identity.publicKey, signature })
    to.send(encodePacket({ kind: 'along', passed: [], ahead: route.slice(1), body }))
  }

  /** Drops or misroutes what it should pass on. */
  #leadsAstray(from: Link, packet: Packet, bytes: Uint8Array): boolean {
    const { drop = 0, misroute = 0 } = this.lies
    if (!this.#shouldPassOn(packet)) return false
    if (drop > 0 && this.random.fraction() < drop) {
      this.counters.dropped++
      return true
    }
    if (misroute === 0 || this.random.fraction() >= misroute) return false
    const onward = nextHopOf(from, packet, bytes)
    const others = this.honest.links.filter(({ peer }) => !equalIds(peer, from.peer))
    if (!onward || others.length === 0) return false
    this.counters.misrouted++
    this.random.pick(others).send(onward)
    return true
  }

  #shouldPassOn(packet: Packet): boolean {
    switch (packet.kind) {
      case 'direct':
        return false
      case 'toward': {
        const { target, exact } = packet
        const own = this.identity.id
        if (equalIds(target, own)) return false
        return exact || this.honest.links.some(({ peer }) => isCloser(target, peer, own))
      }
      case 'along':
        return packet.ahead.length > 0
    }
  }
}

/** A link that shows each message to the liar before the node gets it. */
class LyingLink implements Link {
  constructor(
    private readonly honest: Link,
    private readonly liar: LyingTransport,
  ) {}

  get peer(): Id {
    return this.honest.peer
  }

  get publicKey(): Uint8Array {
    return this.honest.publicKey
  }

  get connectionId(): string {
    return this.honest.connectionId
  }

  get rttMs(): number | undefined {
    return this.honest.rttMs
  }

  get bufferedBytes(): number {
    return this.honest.bufferedBytes
  }

  send(message: Uint8Array): boolean {
    return this.honest.send(message)
  }

  onMessage(handler: (message: Uint8Array, link: Link) => void): void {
    this.honest.onMessage((message) => {
      if (!this.liar.twist(this.honest, message)) handler(message, this)
    })
  }

  onClose(handler: (reason: CloseReason, link: Link) => void): void {
    this.honest.onClose((reason) => handler(reason, this))
  }

  onDrain(handler: () => void): void {
    this.honest.onDrain(handler)
  }

  close(reason?: CloseReason): void {
    this.honest.close(reason)
  }

  probe(): void {
    this.honest.probe()
  }
}

/** Nodes from here to the origin of a packet, the origin last. */
function wayBack(from: Link, packet: Packet): Id[] {
  switch (packet.kind) {
    case 'direct':
      return [from.peer]
    case 'toward':
      return [from.peer, ...packet.path.toReversed()]
    case 'along':
      return [from.peer, ...packet.passed.toReversed()]
  }
}

/** The packet as it would go on; undefined: it has come to its end. */
function nextHopOf(from: Link, packet: Packet, bytes: Uint8Array): Uint8Array | undefined {
  switch (packet.kind) {
    case 'direct':
      return undefined
    case 'toward':
      return packet.hopsLeft === 0 ? undefined : forwardToward(bytes, from.peer)
    case 'along':
      return packet.ahead.length === 0
        ? undefined
        : encodePacket({ ...packet, passed: [...packet.passed, from.peer], ahead: packet.ahead.slice(1) })
  }
}
