/**
 * Requests and their replies, over any way the overlay offers.
 *
 * A reply that came straight over a link is authenticated by the link. One that crossed a relay carries the
 * responder's signature over our network, our id, our nonce and the reply: a relay can drop it, never forge it.
 * Late, duplicate and rogue replies are counted and change nothing.
 */
import { equalIds, type Id, nodeIdOf } from '@kadrtc/kademlia'
import {
  type DecodedMessage,
  decodeMessage,
  encodeMessage,
  isNotice,
  isReply,
  type Notice,
  type Reply,
  type ReplyProof,
  type Request,
  replyProofBytes,
} from '@kadrtc/wire'
import { type CancelSignal, throwIfCancelled } from '../cancel-signal.js'
import { KadrtcError } from '../errors.js'
import type { LinkTable, Neighbour } from '../overlay/link-table.js'
import type { Origin, Router } from '../overlay/router.js'
import type { Clock, Timer } from '../ports/clock.js'
import type { Awaitable, Identity } from '../ports/identity.js'
import type { Link } from '../ports/link-transport.js'
import type { Random } from '../ports/random.js'
import { RoundTrips } from './round-trips.js'

/** How a request travels. */
export type Way =
  | { readonly kind: 'link'; readonly link: Link }
  | { readonly kind: 'toward'; readonly target: Id; readonly link: Link; readonly exact?: boolean }
  | { readonly kind: 'route'; readonly route: readonly Id[] }

/** The reply each request asks for. */
export interface ReplyTo {
  ping: 'pong'
  'find-node': 'nodes'
  'find-value': 'value'
  store: 'stored'
  digest: 'wants'
  'channel-open': 'channel-opened'
}

type Asking = keyof ReplyTo
/** A request without the nonce, which rpc draws. */
export type Question<T extends Asking> = Omit<Extract<Request, { type: T }>, 'nonce'> & { readonly type: T }

export interface Answer<T extends Asking> {
  readonly reply: Extract<Reply, { type: ReplyTo[T] }>
  readonly responder: Id
  /** Nodes from here to the responder, the responder last. */
  readonly route: readonly Id[]
  readonly rttMs: number
}

export interface RequestHandlers {
  /** Answers a peer's request; undefined: no reply. */
  handle(request: Request, origin: Origin): Awaitable<Reply | undefined>
  /** May this node answer a request that is on its way to somebody closer? */
  answersEarly(request: Request): boolean
}

interface Settled {
  readonly reply: Reply
  readonly responder: Id
  readonly route: readonly Id[]
  readonly rttMs: number
}

interface Pending {
  readonly way: Way
  /** The first link of the way. */
  readonly link: Link
  readonly wanted: Reply['type']
  readonly sentAtMs: number
  readonly expiresAtMs: number
  /** Removes what listens for the caller's signal, and gives back the place at the first link. */
  readonly release: () => void
  readonly resolve: (answer: Settled) => void
  readonly reject: (error: unknown) => void
  /** Many may answer: it is told of each, and the request goes on. */
  readonly each: ((answer: Settled) => void) | undefined
}

export interface RpcPorts {
  readonly identity: Identity
  readonly clock: Clock
  readonly random: Random
  /** Hash of the network's name, bound into every proof. */
  readonly networkHash: Uint8Array
}

/** Requests of this node under way over all links; each is bounded by its timeout. */
const pendingMax = 8_192

/** A relay says at once that it cannot pass a signal on: older ones have arrived, or are lost. */
const signalsRemembered = 64

/**
 * One timer looks after all requests, and runs out by itself when there are none: to set and cancel one for each would
 * cost a small request more than its bytes do.
 */
const sweepMs = 100

const replyFor: Record<Asking, Reply['type']> = {
  ping: 'pong',
  'find-node': 'nodes',
  'find-value': 'value',
  store: 'stored',
  digest: 'wants',
  'channel-open': 'channel-opened',
}

export class Rpc {
  readonly counters = { sent: 0, answered: 0, timedOut: 0, lateReplies: 0, rogueReplies: 0, malformed: 0 }
  /** What the hedging of lookups goes by. */
  readonly roundTrips = { direct: new RoundTrips(), relayed: new RoundTrips() }
  /** Told of notices from the other end of a link. */
  onNotice: (notice: Notice, link: Link) => void = () => undefined
  readonly #pending = new Map<number, Pending>()
  /** What to do when a signal is said to go no further, the latest last; at most `signalsRemembered`. */
  readonly #signals = new Map<number, () => void>()
  #sweep: Timer | undefined
  #closed = false

  constructor(
    readonly ports: RpcPorts,
    readonly router: Router,
    readonly links: LinkTable,
    readonly handlers: RequestHandlers,
    readonly limits: { readonly pendingPerLinkMax: number; readonly requestTimeoutMs: number },
  ) {}

  get pending(): number {
    return this.#pending.size
  }

  /**
   * Rejects with TIMEOUT, UNREACHABLE, BUSY (too many under way), REFUSED (the peer answered with an error),
   * CLOSED, INVALID_ARGUMENT (the wire has no room for the question), or the reason of `signal`.
   */
  request<T extends Asking>(
    way: Way,
    question: Question<T>,
    options: { timeoutMs?: number; signal?: CancelSignal | undefined } = {},
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
    options: { timeoutMs?: number; signal?: CancelSignal | undefined },
    each?: (answer: Settled) => void,
  ): Promise<Settled> {
    return new Promise<Settled>((resolve, reject) => {
      const neighbour = this.#admit(way, options.signal)
      const nonce = this.#drawNonce()
      const body = encodeQuestion({ ...question, nonce } as unknown as Request)
      const { signal, timeoutMs = this.limits.requestTimeoutMs } = options
      const abort = signal && (() => this.#fail(nonce, signal.reason))
      const release = () => {
        neighbour.outbound -= 1
        if (abort) signal.removeEventListener('abort', abort)
      }
      const sentAtMs = this.ports.clock.now()
      const expiresAtMs = sentAtMs + timeoutMs
      const wanted = replyFor[question.type]
      neighbour.outbound += 1
      const { link } = neighbour
      const settling = { release, resolve, reject, each }
      this.#pending.set(nonce, { way, link, wanted, sentAtMs, expiresAtMs, ...settling })
      if (abort) signal.addEventListener('abort', abort)
      this.#sweep ??= this.ports.clock.setTimer(Math.min(sweepMs, timeoutMs), this.#expire)
      if (!this.#send(way, body)) this.#fail(nonce, new KadrtcError('BUSY', 'the link is congested'))
    })
  }

  /** Sends a notice to the other end of a link; false if the link is full. */
  notify(link: Link, notice: Notice): boolean {
    return this.router.sendDirect(link, encodeMessage(notice))
  }

  /** Sends a WebRTC signal along a route or toward a peer. Best effort; told when a relay says that it goes no further. */
  signal(way: Way, signal: Uint8Array, onUnreachable?: () => void): void {
    const nonce = this.#drawNonce()
    if (onUnreachable) {
      this.#signals.set(nonce, onUnreachable)
      const [oldest] = this.#signals.keys()
      if (this.#signals.size > signalsRemembered && oldest !== undefined) this.#signals.delete(oldest)
    }
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
    else if (!isNotice(message)) this.#onRequest(message, origin)
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

  /** Fails what was under way over a link that has closed, so that nobody waits for its timeout. */
  onLinkClosed(link: Link): void {
    for (const [nonce, pending] of this.#pending) {
      if (pending.link === link) this.#fail(nonce, new KadrtcError('UNREACHABLE', 'the link closed'))
    }
  }

  close(): void {
    this.#closed = true
    this.#sweep?.cancel()
    for (const nonce of [...this.#pending.keys()]) this.#fail(nonce, new KadrtcError('CLOSED'))
  }

  /** What takes a while, signing included, counts against the bound of the link. */
  #onRequest(request: Request, origin: Origin): void {
    const neighbour = this.links.neighbour(origin.link.peer)
    if (!neighbour) return
    const refusal = (code: 'busy' | 'refused') => ({ type: 'error', nonce: request.nonce, code }) as const
    if (neighbour.inbound >= this.limits.pendingPerLinkMax) {
      // Over a relay even "busy" would have to be signed: silence costs the asker no more than a hedge.
      if (request.type !== 'signal' && origin.route.length === 1) this.#answer(refusal('busy'), origin)
      return
    }
    const reply = this.handlers.handle(request, origin)
    const answer = (settled: Reply | undefined) => settled && this.#answer(settled, origin)
    const answered = reply instanceof Promise ? reply.then(answer) : answer(reply)
    if (!(answered instanceof Promise)) return
    neighbour.inbound += 1
    answered
      .catch(() => this.#answer(refusal('refused'), origin))
      .catch(() => undefined)
      .finally(() => {
        neighbour.inbound -= 1
      })
  }

  /** A promise only where signing is one. */
  #answer(reply: Reply, origin: Origin): Awaitable<void> {
    if (origin.route.length === 1) {
      this.router.sendDirect(origin.link, encodeMessage(reply))
      return
    }
    const { identity, networkHash } = this.ports
    const signed = encodeMessage(reply)
    const send = (signature: Uint8Array) => {
      const proof = { publicKey: identity.publicKey, signature }
      this.router.sendAlong(origin.route, encodeMessage(reply, proof))
    }
    const signature = identity.sign(replyProofBytes(networkHash, origin.id, signed))
    return signature instanceof Promise ? signature.then(send) : send(signature)
  }

  #onReply(reply: Reply, decoded: DecodedMessage, origin: Origin): void {
    const pending = this.#pending.get(reply.nonce)
    if (!pending) {
      const onUnreachable = reply.type === 'unreachable' && this.#signals.get(reply.nonce)
      this.#signals.delete(reply.nonce)
      if (onUnreachable) onUnreachable()
      else this.counters.lateReplies += 1
      return
    }
    if (reply.type === 'unreachable') {
      this.#fail(reply.nonce, new KadrtcError('UNREACHABLE', 'a hop on the way is gone'))
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

  #verify(reply: Reply, pending: Pending, proof: ReplyProof, signedBytes: Uint8Array, origin: Origin): void {
    const { identity, networkHash } = this.ports
    const responder = nodeIdOf(proof.publicKey)
    const bytes = replyProofBytes(networkHash, identity.id, signedBytes)
    const settle = (valid: boolean) => {
      if (!valid || !equalIds(responder, origin.id)) this.counters.rogueReplies += 1
      else if (this.#pending.get(reply.nonce) === pending)
        this.#accept(reply, pending, responder, origin.route)
      else this.counters.lateReplies += 1
    }
    const valid = identity.verify(proof.publicKey, bytes, proof.signature)
    if (valid instanceof Promise) valid.then(settle, () => settle(false))
    else settle(valid)
  }

  #accept(reply: Reply, pending: Pending, responder: Id, route: readonly Id[]): void {
    const expected = destinationOf(pending.way)
    if (expected && !equalIds(expected, responder)) {
      this.counters.rogueReplies += 1
      return
    }
    const rttMs = this.ports.clock.now() - pending.sentAtMs
    if (pending.each) {
      if (reply.type === pending.wanted) pending.each({ reply, responder, route, rttMs })
      return
    }
    this.#settle(reply.nonce, pending)
    if (reply.type === 'error') {
      pending.reject(new KadrtcError(reply.code === 'busy' ? 'BUSY' : 'REFUSED', reply.code))
      return
    }
    if (reply.type !== pending.wanted) {
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

  #firstNeighbour(way: Way) {
    if (way.kind !== 'route') {
      const neighbour = this.links.neighbour(way.link.peer)
      return neighbour?.link === way.link ? neighbour : undefined
    }
    for (let hop = way.route.length - 1; hop >= 0; hop--) {
      const neighbour = this.links.neighbour(way.route[hop]!)
      if (neighbour) return neighbour
    }
    return undefined
  }

  /** The first link of a way, if it may carry one more request. */
  #admit(way: Way, signal: CancelSignal | undefined): Neighbour {
    throwIfCancelled(signal)
    if (this.#closed) throw new KadrtcError('CLOSED')
    const neighbour = this.#firstNeighbour(way)
    if (!neighbour) throw new KadrtcError('UNREACHABLE', 'no link leads there')
    const busy = neighbour.outbound >= this.limits.pendingPerLinkMax || this.#pending.size >= pendingMax
    if (busy) throw new KadrtcError('BUSY', 'too many requests are under way')
    return neighbour
  }

  /**
   * Notes which links have gone silent: a request is late there, and nothing has come over them since it left. They are
   * asked for a sign of life, and whoever has a choice goes by others.
   */
  noteSilence(): void {
    const nowMs = this.ports.clock.now()
    const { direct, relayed } = this.roundTrips
    for (const { way, link, sentAtMs, expiresAtMs } of this.#pending.values()) {
      const lateAfterMs = (isDirect(way) ? direct : relayed).hedgeAfterMs
      const neighbour = this.links.neighbour(link.peer)
      if (neighbour?.link !== link || neighbour.silent) continue
      if (nowMs < Math.min(sentAtMs + lateAfterMs, expiresAtMs) || neighbour.heardAtMs > sentAtMs) continue
      neighbour.silent = true
      link.probe()
    }
  }

  /** Does a way begin at a link that is not silent? */
  isLively(way: Way): boolean {
    return this.#firstNeighbour(way)?.silent === false
  }

  /** Fails what is overdue. */
  readonly #expire = (): void => {
    const nowMs = this.ports.clock.now()
    this.noteSilence()
    for (const [nonce, { expiresAtMs, each }] of this.#pending) {
      if (expiresAtMs > nowMs) continue
      if (!each) this.counters.timedOut += 1
      this.#fail(nonce, new KadrtcError('TIMEOUT', 'a peer did not answer'))
    }
    this.#sweep = this.#pending.size > 0 ? this.ports.clock.setTimer(sweepMs, this.#expire) : undefined
  }

  #settle(nonce: number, pending: Pending): void {
    this.#pending.delete(nonce)
    pending.release()
  }

  #fail(nonce: number, error: unknown): void {
    const pending = this.#pending.get(nonce)
    if (!pending) return
    this.#settle(nonce, pending)
    pending.reject(error)
  }

  #drawNonce(): number {
    for (;;) {
      const bytes = this.ports.random.bytes(6)
      let nonce = 0
      for (const byte of bytes) nonce = nonce * 256 + byte
      if (!this.#pending.has(nonce)) return nonce
    }
  }
}

function encodeQuestion(request: Request): Uint8Array {
  try {
    return encodeMessage(request)
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : undefined
    throw new KadrtcError('INVALID_ARGUMENT', detail, { cause })
  }
}

function isDirect(way: Way): boolean {
  return way.kind === 'link' || (way.kind === 'route' && way.route.length === 1)
}

/** The only node that may answer; undefined: whoever is closest to the target. */
function destinationOf(way: Way): Id | undefined {
  switch (way.kind) {
    case 'link':
      return way.link.peer
    case 'toward':
      return way.exact ? way.target : undefined
    case 'route':
      return way.route.at(-1)
  }
}
