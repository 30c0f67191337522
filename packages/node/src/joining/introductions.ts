/**
 * The introducers at work: asks them for first contacts, carries their signals, comes back to one that failed with
 * growing pauses, and to all of them now and then at random, greeters too, so that islands find each other again. Who has
 * few links, and to few of those that were named, may be on such an island, and comes back soon.
 */
import type { Id } from '@kadrtc/kademlia'
import type { KadrtcError } from '../errors.js'
import type { Clock, Timer } from '../ports/clock.js'
import type { Identity } from '../ports/identity.js'
import type { Introducer, IntroducerSession } from '../ports/introducer.js'
import type { SignalPath } from '../ports/link-transport.js'
import { type Random, randomFraction } from '../ports/random.js'

export type IntroducerState =
  | { readonly type: 'connecting' }
  /** Reached; `peers` is how many contacts it named. */
  | { readonly type: 'welcomed'; readonly peers: number }
  /** It let us go: we need it no longer. */
  | { readonly type: 'released' }
  | { readonly type: 'down'; readonly error: KadrtcError }

export interface IntroductionsEvents {
  /** Peers that may be dialled through `pathTo`. Tells whether first contacts are being dialled now. */
  onPeers(peers: readonly Id[], pathTo: (peer: Id) => SignalPath): boolean
  onSignal(from: Id, signal: Uint8Array, path: SignalPath): void
  /** The state of an introducer changed. */
  onState(name: string, state: IntroducerState): void
}

export interface IntroductionsPorts {
  readonly introducers: readonly Introducer[]
  readonly identity: Identity
  readonly network: string
  readonly clock: Clock
  readonly random: Random
  readonly reintroductionMs: number
  /** The way to a peer over the links that stand, for what an introducer cannot bring. */
  overlayPathTo(peer: Id): SignalPath
  /** Few links stand, and to few of `peers`: is this an island, rather than a small network? */
  mayBeIsland(peers: readonly Id[]): boolean
}

/** An introducer that failed, or named nobody, is asked again after 1 s, then twice as long each time. Guesses. */
const retryLeastMs = 1_000
const retryMostMs = 30_000

/** Who may be on an island asks again after this long, by when joining is over, then after twice as long each time. A guess. */
const islandLeastMs = 5_000

/** After many links were lost at once introducers are asked that much oftener, for that long. Guesses. */
const hurry = 10
const hurriesForMs = 1_800_000

interface AtWork {
  readonly name: string
  readonly session: IntroducerSession
  state: IntroducerState
  /** The peers of its last welcome; bounded by the introducer. */
  named: readonly Id[]
  failures: number
  again: Timer | undefined
}

export class Introductions {
  readonly #atWork: AtWork[] = []
  /** This node wants no more peers to begin with: it is linked, or has accepted to be alone. */
  #settled = false
  #linked = false
  /** Until then this node comes back to its introducers ten times as often. */
  #hurryUntilMs = 0
  #closed = false

  constructor(
    readonly ports: IntroductionsPorts,
    readonly events: IntroductionsEvents,
  ) {}

  get states(): { name: string; state: IntroducerState }[] {
    return this.#atWork.map(({ name, state }) => ({ name, state }))
  }

  /** Few links stand, and to few of those whom one of them named last. */
  get mayBeIsland(): boolean {
    return this.#atWork.some(({ named }) => this.ports.mayBeIsland(named))
  }

  open(): void {
    const { introducers, identity, network } = this.ports
    for (const introducer of introducers) {
      const session = introducer.open(identity, network, {
        onWelcome: (peers) => this.#onWelcome(atWork, peers),
        onSignal: (from, signal) => this.events.onSignal(from, signal, this.#path(atWork, from)),
        onDown: (error) => this.#onDown(atWork, error),
      })
      const atWork: AtWork = {
        name: introducer.name,
        session,
        state: { type: 'connecting' },
        named: [],
        failures: 0,
        again: undefined,
      }
      this.#atWork.push(atWork)
    }
    for (const { session } of this.#atWork) session.connect()
  }

  /** Links stand: tells the introducers, and asks them seldom from now on. */
  joined(): void {
    this.#settle()
    this.#linked = true
    this.#comeBackToAll()
  }

  /** Nobody is there yet: stays with the introducers for who comes, and goes on asking. */
  waiting(): void {
    this.#linked = false
    this.#settle()
  }

  /** Many links were lost at once: perhaps the network has parted, and only introducers reach the other part. */
  hurry(): void {
    if (this.#closed) return
    this.#hurryUntilMs = this.ports.clock.now() + hurriesForMs
    if (this.#linked) this.#comeBackToAll()
  }

  /** Every link is gone: asks everybody again at once. */
  alone(): void {
    if (this.#closed) return
    this.#linked = false
    for (const atWork of this.#atWork)
      this.#connectAfter(atWork, retryLeastMs * randomFraction(this.ports.random))
  }

  close(): void {
    this.#closed = true
    for (const { session, again } of this.#atWork) {
      again?.cancel()
      session.close()
    }
  }

  #onWelcome(atWork: AtWork, peers: readonly Id[]): void {
    if (this.#closed) return
    atWork.named = peers
    this.#become(atWork, { type: 'welcomed', peers: peers.length })
    const dials = peers.length > 0 && this.events.onPeers(peers, (peer) => this.#path(atWork, peer))
    if (this.#linked) this.#comeBack(atWork)
    else if (dials) atWork.failures = 0
    else this.#connectAfter(atWork, this.#pauseMs(atWork))
    // Who has said that lets it go, and the signals to those who are being dialled with it.
    if (this.#settled && !dials) atWork.session.joined()
  }

  #onDown(atWork: AtWork, error: KadrtcError | undefined): void {
    if (this.#closed) return
    if (!error) {
      this.#become(atWork, { type: 'released' })
      // Who greeted while it was alone is still in need of the others.
      if (this.#linked) this.#comeBack(atWork)
      else this.#connectAfter(atWork, this.#pauseMs(atWork))
      return
    }
    this.#become(atWork, { type: 'down', error })
    this.#connectAfter(atWork, this.#pauseMs(atWork))
  }

  #comeBackToAll(): void {
    for (const atWork of this.#atWork) {
      const { type } = atWork.state
      if (type === 'welcomed' || type === 'released') this.#comeBack(atWork)
    }
  }

  /** Seldom, but soon if this may be an island by then. */
  #comeBack(atWork: AtWork): void {
    const rarelyMs = this.#rarelyMs()
    const soonMs = islandLeastMs * 2 ** atWork.failures
    if (soonMs >= rarelyMs) return this.#connectAfter(atWork, rarelyMs)
    this.#after(atWork, soonMs, () => {
      if (this.ports.mayBeIsland(atWork.named)) {
        atWork.failures += 1
        atWork.session.connect()
      } else {
        atWork.failures = 0
        this.#connectAfter(atWork, rarelyMs - soonMs)
      }
    })
  }

  /** Exponentially distributed: nodes that began together do not come back together. */
  #rarelyMs(): number {
    const { random, reintroductionMs, clock } = this.ports
    const meanMs = clock.now() < this.#hurryUntilMs ? reintroductionMs / hurry : reintroductionMs
    return -meanMs * Math.log(1 - randomFraction(random))
  }

  #pauseMs(atWork: AtWork): number {
    const pauseMs = Math.min(retryMostMs, retryLeastMs * 2 ** atWork.failures)
    atWork.failures += 1
    return pauseMs * (0.5 + randomFraction(this.ports.random) / 2)
  }

  #settle(): void {
    this.#settled = true
    for (const { session, state } of this.#atWork) if (state.type === 'welcomed') session.joined()
  }

  #connectAfter(atWork: AtWork, delayMs: number): void {
    this.#after(atWork, delayMs, () => atWork.session.connect())
  }

  #after(atWork: AtWork, delayMs: number, act: () => void): void {
    atWork.again?.cancel()
    atWork.again = this.ports.clock.setTimer(Math.min(delayMs, 2 ** 30), act)
  }

  #become(atWork: AtWork, state: IntroducerState): void {
    atWork.state = state
    this.events.onState(atWork.name, state)
  }

  /** An introducer lets its clients go, even while a handshake is under way. */
  #path({ session }: AtWork, peer: Id): SignalPath {
    return {
      send: (signal, again) => {
        const isSent = session.send(peer, signal)
        if (!isSent || again) this.ports.overlayPathTo(peer).send(signal)
      },
    }
  }
}
