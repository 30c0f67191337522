/**
 * Requests and their replies, over any way the overlay offers.
 *
 * A reply that came straight over a link is authenticated by the link. One that crossed a relay carries the
 * responder's signature over our network, our id, our request and the reply: a relay can drop it, never forge it.
 * Late, duplicate and rogue replies are counted and change nothing.
 */
import { equalIds, type Id } from '@kadrtc/kademlia'
import {
  type DecodedMessage,
  decodeMessage,
  encodeMessage,
  isNotice,
  isReply,
  type Notice,
  type Reply,
  type ReplyProof,
} from '@kadrtc/wire'
import { type CancelSignal, throwIfCancelled } from '../cancel-signal.js'
import { KadrtcError } from '../errors.js'
import type { LinkTable, Neighbour } from '../overlay/link-table.js'
import type { Origin, Router } from '../overlay/router.js'
import type { Clock } from '../ports/clock.js'
import type { Link } from '../ports/link-transport.js'
import type { Random } from '../ports/random.js'
import { NotSent } from './not-sent.js'
import { type PendingRequest, PendingRequests, type Settled } from './pending-requests.js'
import { type Answer, type Asking, encodeQuestion, type Question, replyTo } from './question.js'
import { isProvenBy, type ProofPorts } from './reply-proof.js'
import { type RequestHandlers, Responder } from './responder.js'
import { RoundTrips } from './round-trips.js'
import { SentSignals } from './sent-signals.js'
import { destinationOf, firstNeighbour, isDirect, type Way } from './way.js'

export interface RpcPorts extends ProofPorts {
  readonly clock: Clock
  readonly random: Random
}

export class Rpc {
  readonly counters = { sent: 0, answered: 0, timedOut: 0, lateReplies: 0, rogueReplies: 0, malformed: 0 }
  /** What the hedging of lookups goes by. */
  readonly roundTrips = { direct: new RoundTrips(), relayed: new RoundTrips() }
  /** Told of notices from the other end of a link. */
  onNotice: (notice: Notice, link: Link) => void = () => undefined
  readonly #pending: PendingRequests
  readonly #responder: Responder
  readonly #signals: SentSignals
  #closed = false

  constructor(
    readonly ports: RpcPorts,
    readonly router: Router,
    readonly links: LinkTable,
    readonly handlers: RequestHandlers,
    readonly limits: { readonly pendingPerLinkMax: number; readonly requestTimeoutMs: number },
  ) {
    const { identity, networkHash, clock, random } = ports
    const { roundTrips } = this
    this.#signals = new SentSignals(ports.clock)
    this.#pending = new PendingRequests({ clock, random, links, roundTrips }, () => {
      this.counters.timedOut += 1
    })
    this.#responder = new Responder(
      { identity, networkHash, router, links, handlers },
      limits.pendingPerLinkMax,
    )
  }

  /** Nobody can be asked any more. */
  get isClosed(): boolean {
    return this.#closed
  }

  get pending(): number {
    return this.#pending.size
  }

  /** Signals of which a relay may still say that they go no further. */
  get signalsUnderWay(): number {
    return this.#signals.size
  }

  /** Requests of peers that were copies of one handled lately, and were not handled. */
  get repeated(): number {
    return this.#responder.repeated
  }

  /**
   * Rejects with TIMEOUT, UNREACHABLE, BUSY (too many under way; `NotSent` if it is here), REFUSED (the peer answered with an error),
   * CLOSED, INVALID_ARGUMENT (the wire has no room for the question), or the reason of `signal`.
   */
  request<T extends Asking>(
    way: Way,
    question: Question<T>,
    options: { timeoutMs?: number | undefined; signal?: CancelSignal | undefined } = {},
  ): Promise<Answer<T>> {
    return this.#ask(way, question, options) as Promise<unknown> as Promise<Answer<T>>
  }

  /**
   * A request that many answer: `onAnswer` is told of each, until `timeoutMs` are over. It never fails: nobody may answer
   * at all.
   */
  gather<T extends Asking>(
    way: Way,
    question: Question<T>,
    onAnswer: (answer: Answer<T>) => void,
    options: { timeoutMs?: number } = {},
  ): void {
    const each = onAnswer as (answer: Settled) => void
    this.#ask(way, question, options, each).catch(() => undefined)
  }

  #ask<T extends Asking>(
    way: Way,
    question: Question<T>,
    options: { timeoutMs?: number | undefined; signal?: CancelSignal | undefined },
    each?: (answer: Settled) => void,
  ): Promise<Settled> {
    return new Promise<Settled>((resolve, reject) => {
      const { signal, timeoutMs = this.limits.requestTimeoutMs } = options
      const neighbour = this.#admit(way, signal)
      const nonce = this.#pending.drawNonce()
      const body = encodeQuestion(question, nonce)
      this.#pending.add(nonce, { way, neighbour, question, timeoutMs, signal, resolve, reject, each })
      if (!this.#send(way, body)) this.#pending.fail(nonce, new NotSent('the link is congested'))
    })
  }

  /** Sends a notice to the other end of a link; false if the link is full. */
  notify(link: Link, notice: Notice): boolean {
    return this.router.sendDirect(link, encodeMessage(notice))
  }

  /** Sends a WebRTC signal along a route or toward a peer. Best effort; told when a relay says that it goes no further. */
  signal(way: Way, signal: Uint8Array, onUnreachable?: () => void): void {
    const nonce = this.#pending.drawNonce()
    if (onUnreachable && !this.#closed && way.kind !== 'link') this.#signals.add(nonce, onUnreachable)
    this.#send(way, encodeMessage({ type: 'signal', nonce, signal }))
  }

  /** A body that the router delivered. */
  deliver(body: Uint8Array, origin: Origin): void {
    let decoded: DecodedMessage
    try {
      decoded = decodeMessage(body)
    } catch {
      this.counters.malformed += 1
      if (origin.route.length === 1) origin.link.close('violation')
      return
    }
    const { message } = decoded
    if (isReply(message)) this.#onReply(message, decoded, origin)
    else if (!isNotice(message)) this.#responder.onRequest(message, body, origin)
    else if (origin.route.length === 1) this.onNotice(message, origin.link)
    else this.counters.malformed += 1
  }

  /** Asked by the router of bodies that are on their way to somebody closer. Malformed ones go on to be refused there. */
  answersEarly(body: Uint8Array): boolean {
    try {
      const { message } = decodeMessage(body)
      return !isReply(message) && !isNotice(message) && this.handlers.answersEarly(message)
    } catch {
      return false
    }
  }

  /** Notes which links have gone silent by now, where requests are late. */
  noteSilence(): void {
    this.#pending.noteSilence()
  }

  /** Does a way begin at a link that is not silent? */
  isLively(way: Way): boolean {
    return firstNeighbour(way, this.links)?.silent === false
  }

  /** Fails what was under way over a link that has closed. */
  onLinkClosed(link: Link): void {
    this.#pending.onLinkClosed(link)
  }

  close(): void {
    this.#closed = true
    this.#pending.close()
    this.#signals.close()
  }

  #onReply(reply: Reply, decoded: DecodedMessage, origin: Origin): void {
    const pending = this.#pending.get(reply.nonce)
    if (!pending) {
      const isOfSignal = reply.type === 'unreachable' && this.#signals.onUnreachable(reply.nonce)
      if (!isOfSignal) this.counters.lateReplies += 1
      return
    }
    if (reply.type === 'unreachable') {
      // Of those that were to answer others may have been reached.
      if (!pending.each)
        this.#pending.fail(reply.nonce, new KadrtcError('UNREACHABLE', 'a hop on the way is gone'))
      return
    }
    const expected = destinationOf(pending.way)
    if (expected && !equalIds(expected, origin.id)) {
      this.counters.rogueReplies += 1
      return
    }
    if (origin.route.length === 1 && !decoded.proof) {
      this.#accept(reply, pending, origin.id, origin.route)
      return
    }
    if (!decoded.proof) {
      this.counters.rogueReplies += 1
      return
    }
    this.#verify(reply, pending, decoded.proof, decoded.signedBytes, origin)
  }

  /** Whoever sends forged ones by the thousand keeps no more of them being checked than requests may be under way over its link. */
  #verify(
    reply: Reply,
    pending: PendingRequest,
    proof: ReplyProof,
    signedBytes: Uint8Array,
    origin: Origin,
  ): void {
    const neighbour = this.links.neighbour(origin.link.peer)
    if (!neighbour || neighbour.checking >= this.limits.pendingPerLinkMax) {
      this.counters.rogueReplies += 1
      return
    }
    const settle = (valid: boolean) => {
      if (!valid) this.counters.rogueReplies += 1
      else if (this.#pending.get(reply.nonce) === pending)
        this.#accept(reply, pending, origin.id, origin.route)
      else this.counters.lateReplies += 1
    }
    // Encoded once more, and not kept for the one reply in some that has to be checked.
    const request = encodeQuestion(pending.question, reply.nonce)
    const valid = isProvenBy(this.ports, origin.id, proof, request, signedBytes)
    if (!(valid instanceof Promise)) return settle(valid)
    neighbour.checking += 1
    const end = (verdict: boolean) => {
      neighbour.checking -= 1
      settle(verdict)
    }
    valid.then(end, () => end(false))
  }

  #accept(reply: Reply, pending: PendingRequest, responder: Id, route: readonly Id[]): void {
    const rttMs = this.ports.clock.now() - pending.sentAtMs
    if (pending.each) {
      if (reply.type === replyTo[pending.question.type]) pending.each({ reply, responder, route, rttMs })
      return
    }
    this.#pending.end(reply.nonce)
    if (reply.type === 'error') {
      pending.reject(new KadrtcError(reply.code === 'busy' ? 'BUSY' : 'REFUSED', reply.code))
      return
    }
    if (reply.type !== replyTo[pending.question.type]) {
      this.counters.rogueReplies += 1
      pending.reject(new KadrtcError('REFUSED', `a ${reply.type} is no answer to this request`))
      return
    }
    this.roundTrips[isDirect(pending.way) ? 'direct' : 'relayed'].sample(rttMs)
    this.counters.answered += 1
    pending.resolve({ reply, responder, route, rttMs })
  }

  #send(way: Way, body: Uint8Array): boolean {
    this.counters.sent += 1
    switch (way.kind) {
      case 'link':
        return this.router.sendDirect(way.link, body)
      case 'toward':
        return this.router.sendToward(way.link, way.target, body, way.exact)
      case 'route':
        return this.router.sendAlong(way.route, body)
    }
  }

  /** The first link of a way, if it may carry one more request. */
  #admit(way: Way, signal: CancelSignal | undefined): Neighbour {
    throwIfCancelled(signal)
    if (this.#closed) throw new KadrtcError('CLOSED')
    const neighbour = firstNeighbour(way, this.links)
    if (!neighbour) throw new KadrtcError('UNREACHABLE', 'no link leads there')
    const busy = neighbour.outbound >= this.limits.pendingPerLinkMax || this.#pending.full
    if (busy) throw new NotSent('too many requests are under way')
    return neighbour
  }
}
