/**
 * The links that one transport in memory is opening. A dial asks by a `request` signal; the other side's policy answers
 * `accept`, `refuse` or `busy`; then the dialler opens the link, some round trips later, and the other side takes it if
 * it still expects one. Glare: once both have asked, both are known to agree; the lower id opens, the higher yields.
 */
import { type Id, idKey } from '@kadrtc/kademlia'
import {
  type DialOptions,
  DialWaiters,
  type ErrorCode,
  KadrtcError,
  type Link,
  type SignalPath,
  type Timer,
} from '@kadrtc/node'
import type { LocalClock } from './local-clock.js'
import type { DialMedium } from './virtual-medium.js'
import { encodeSignal, type VirtualSignal, type VirtualSignalKind } from './virtual-signal.js'

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

/** What the side that dials does and decides. */
export interface DiallingSide {
  /** Both agree, and the time it takes to open a link has passed. */
  open(peer: Id, dialId: string): void
  mayOpen(peer: Id, path: SignalPath): boolean
}

export class VirtualDials {
  readonly #dials = new Map<string, Dial>()
  readonly #expected = new Map<string, Expected>()

  constructor(
    private readonly medium: DialMedium,
    private readonly own: Id,
    /** The tab's own, by which its timers go. */
    private readonly clock: LocalClock,
    private readonly side: DiallingSide,
  ) {}

  /** Dials of this side, and links that it has agreed to. */
  get counts(): { readonly dials: number; readonly expected: number } {
    return { dials: this.#dials.size, expected: this.#expected.size }
  }

  /** Joins the dial to that peer, or begins one. */
  dial(peer: Id, path: SignalPath, options: DialOptions): Promise<Link> {
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

  /** Whether the signal was one that this side can make something of. */
  handle(from: Id, { kind, dialId }: VirtualSignal, path: SignalPath): boolean {
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

  /** Whether a link that the peer has opened is wanted here: by what was agreed to, or by a dial of this side. */
  awaits(peer: Id, dialId: string): boolean {
    const key = idKey(peer)
    return this.#expected.get(key)?.dialId === dialId || this.#dials.has(key)
  }

  /** Agrees to a link that `peer` is going to open. */
  expect(peer: Id, dialId: string): void {
    const key = idKey(peer)
    this.#forgetExpected(key)
    const timeout = this.clock.setTimer(this.medium.dialTimeoutMs, () => this.#expected.delete(key))
    this.#expected.set(key, { dialId, timeout })
  }

  /** There is a link to that peer; gives back who waits for it, and nothing more is done about it. */
  settle(peer: Id): DialWaiters | undefined {
    const key = idKey(peer)
    this.#forgetExpected(key)
    const dial = this.#dials.get(key)
    if (dial) this.#release(dial)
    return dial?.waiters
  }

  /** Whoever waits is told that there will be no link. */
  close(): void {
    for (const dial of [...this.#dials.values()]) this.#fail(dial, 'CLOSED')
    this.stop()
  }

  /** Nobody is told anything any more. */
  stop(): void {
    for (const dial of [...this.#dials.values()]) this.#release(dial)
    for (const key of [...this.#expected.keys()]) this.#forgetExpected(key)
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

  /** What to say to a request; nothing when this side's own dial goes first. */
  #answerTo(from: Id, dialId: string, path: SignalPath): VirtualSignalKind | undefined {
    const key = idKey(from)
    const own = this.#dials.get(key)
    if (own && idKey(this.own) < key) {
      this.#openSoon(own)
      return undefined
    }
    if (own) {
      this.#yield(own)
      own.opening?.cancel()
      own.opening = undefined
    } else if (this.#expected.get(key)?.dialId !== dialId) {
      if (this.#expected.size >= this.medium.dialsMax) return 'busy'
      if (!this.side.mayOpen(from, path)) return 'refuse'
    }
    this.expect(from, dialId)
    return 'accept'
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
    const delayMs = this.medium.openingMs(this.own, dial.peer)
    dial.opening = this.clock.setTimer(delayMs, () => this.side.open(dial.peer, dial.dialId))
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
}
