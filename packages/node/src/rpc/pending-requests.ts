/**
 * The requests of this node that await a reply. Each ends once: it is answered, its caller cancels it, its link closes, or
 * its time is over.
 */
import type { Id } from '@kadrtc/kademlia'
import type { Reply } from '@kadrtc/wire'
import type { CancelSignal } from '../cancel-signal.js'
import { KadrtcError } from '../errors.js'
import type { LinkTable, Neighbour } from '../overlay/link-table.js'
import type { Clock, Timer } from '../ports/clock.js'
import type { Link } from '../ports/link-transport.js'
import type { Random } from '../ports/random.js'
import type { Asking, Question } from './question.js'
import type { RoundTrips } from './round-trips.js'
import { isDirect, type Way } from './way.js'

/** An answer to a request of any type. */
export interface Settled {
  readonly reply: Reply
  readonly responder: Id
  readonly route: readonly Id[]
  readonly rttMs: number
}

/** A request that is about to leave. */
export interface OutgoingRequest {
  readonly way: Way
  /** At the first link of the way, where the request has a place until it ends. */
  readonly neighbour: Neighbour
  /** Not to change while it is under way: the proof of a reply is over it too. */
  readonly question: Question<Asking>
  readonly timeoutMs: number
  readonly signal: CancelSignal | undefined
  readonly resolve: (answer: Settled) => void
  readonly reject: (error: unknown) => void
  /** Many may answer: it is told of each, and the request goes on. */
  readonly each: ((answer: Settled) => void) | undefined
}

export interface PendingRequest extends OutgoingRequest {
  readonly sentAtMs: number
  readonly expiresAtMs: number
  /** Listens for the caller's signal. */
  readonly onAbort: (() => void) | undefined
}

export interface PendingRequestPorts {
  readonly clock: Clock
  readonly random: Random
  readonly links: LinkTable
  readonly roundTrips: { readonly direct: RoundTrips; readonly relayed: RoundTrips }
}

const nonceBytes = 6
/** To ask for random bytes costs more than the bytes do. */
const noncesDrawn = 8

/** Requests of this node under way over all links; each is bounded by its timeout. */
const pendingMax = 8_192

/**
 * One timer looks after all requests, and runs out by itself when there are none: to set and cancel one for each would
 * cost a small request more than its bytes do.
 */
const sweepMs = 100

export class PendingRequests {
  readonly #byNonce = new Map<number, PendingRequest>()
  #sweep: Timer | undefined
  /** Of which `#drawn` bytes are used up. */
  #randomness: Uint8Array = new Uint8Array(0)
  #drawn = 0

  constructor(
    readonly ports: PendingRequestPorts,
    readonly onTimedOut: () => void,
  ) {}

  get size(): number {
    return this.#byNonce.size
  }

  get full(): boolean {
    return this.#byNonce.size >= pendingMax
  }

  get(nonce: number): PendingRequest | undefined {
    return this.#byNonce.get(nonce)
  }

  /** A nonce that no request under way has. */
  drawNonce(): number {
    for (;;) {
      if (this.#drawn + nonceBytes > this.#randomness.length) {
        this.#randomness = this.ports.random.bytes(noncesDrawn * nonceBytes)
        this.#drawn = 0
      }
      let nonce = 0
      for (const end = this.#drawn + nonceBytes; this.#drawn < end; this.#drawn++) {
        nonce = nonce * 256 + this.#randomness[this.#drawn]!
      }
      if (!this.#byNonce.has(nonce)) return nonce
    }
  }

  /** Files a request, which leaves now. */
  add(nonce: number, request: OutgoingRequest): void {
    const { way, neighbour, question, timeoutMs, signal, resolve, reject, each } = request
    const { clock } = this.ports
    const sentAtMs = clock.now()
    const expiresAtMs = sentAtMs + timeoutMs
    const onAbort = signal && (() => this.fail(nonce, signal.reason))
    // Spelt out: to spread a request took a twentieth of what a ping takes.
    // biome-ignore format: what is the request's, then what is ours
    this.#byNonce.set(nonce, {
      way, neighbour, question, timeoutMs, signal, resolve, reject, each,
      sentAtMs, expiresAtMs, onAbort,
    })
    neighbour.outbound += 1
    if (onAbort) signal.addEventListener('abort', onAbort)
    this.#sweep ??= clock.setTimer(Math.min(sweepMs, timeoutMs), this.#expire)
  }

  /** Takes out a request whose answer is there; undefined if it has ended before. */
  end(nonce: number): PendingRequest | undefined {
    const request = this.#byNonce.get(nonce)
    if (!request) return undefined
    const { neighbour, signal, onAbort } = request
    this.#byNonce.delete(nonce)
    neighbour.outbound -= 1
    if (onAbort) signal?.removeEventListener('abort', onAbort)
    return request
  }

  fail(nonce: number, error: unknown): void {
    this.end(nonce)?.reject(error)
  }

  /** Fails what was under way over a link that has closed, so that nobody waits for its timeout. */
  onLinkClosed(link: Link): void {
    for (const [nonce, { neighbour }] of this.#byNonce) {
      if (neighbour.link === link) this.fail(nonce, new KadrtcError('UNREACHABLE', 'the link closed'))
    }
  }

  /**
   * Notes which links have gone silent: a request is late there, and nothing has come over them since it left. They are
   * asked for a sign of life, and whoever has a choice goes by others.
   */
  noteSilence(): void {
    const { clock, links, roundTrips } = this.ports
    const nowMs = clock.now()
    const { direct, relayed } = roundTrips
    for (const { way, neighbour, sentAtMs, expiresAtMs } of this.#byNonce.values()) {
      if (neighbour.silent || neighbour.heardAtMs > sentAtMs) continue
      const lateAfterMs = (isDirect(way) ? direct : relayed).hedgeAfterMs
      if (nowMs < Math.min(sentAtMs + lateAfterMs, expiresAtMs)) continue
      const { link } = neighbour
      if (links.neighbour(link.peer) !== neighbour) continue
      neighbour.silent = true
      link.probe()
    }
  }

  /** Fails all that is under way with CLOSED. */
  close(): void {
    this.#sweep?.cancel()
    for (const nonce of [...this.#byNonce.keys()]) this.fail(nonce, new KadrtcError('CLOSED'))
  }

  /** Fails what is overdue. */
  readonly #expire = (): void => {
    const nowMs = this.ports.clock.now()
    this.noteSilence()
    for (const [nonce, { expiresAtMs, each }] of this.#byNonce) {
      if (expiresAtMs > nowMs) continue
      if (!each) this.onTimedOut()
      this.fail(nonce, new KadrtcError('TIMEOUT', 'a peer did not answer'))
    }
    this.#sweep = this.#byNonce.size > 0 ? this.ports.clock.setTimer(sweepMs, this.#expire) : undefined
  }
}
