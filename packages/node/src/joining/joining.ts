/**
 * From nobody to neighbours: dials the first contacts that introducers name and asks one of them who is near; when a link stands
 * it dials those, looks up its own id, and knows when it is joined, alone, or cannot be either. Goes on after the start: a node
 * that lost its last link joins again.
 */
import type { Id } from '@kadrtc/kademlia'
import type { OperationOptions } from '../deadline.js'
import { withDeadline } from '../deadline.js'
import { type ErrorCode, KadrtcError } from '../errors.js'
import type { NodeStatus } from '../inspection.js'
import type { Contact } from '../lookups/contact.js'
import { findClosest } from '../lookups/find-closest.js'
import type { Dialler } from '../overlay/dialler.js'
import type { LinkKeeper } from '../overlay/link-keeper.js'
import { overlayPath } from '../overlay/signal-paths.js'
import type { Timer } from '../ports/clock.js'
import type { SignalPath } from '../ports/link-transport.js'
import { ping } from '../rpc/ping.js'
import { EarlyQuestion, type EarlyQuestionPorts } from './early-question.js'
import { Greetings } from './greetings.js'
import type { IntroducerState, Introductions } from './introductions.js'

export interface JoiningPorts extends EarlyQuestionPorts {
  readonly dialler: Dialler
  readonly keeper: LinkKeeper
  readonly introductions: Introductions
  readonly onStatus: (status: NodeStatus) => void
}

/** First contacts dialled at once: one may be slow, gone or unreachable from here. Others are dialled in place of those that are. */
const greetersDialled = 3
/** Who only looks whether there is another island asks for one of those that an introducer names: it draws others next time. */
const islandersAsked = 1

/** So long a node is new. Links to half of those whom an introducer named stand much sooner, or not at all. A guess. */
const newForMs = 30_000

/** Links to the siblings that the first lookup named stand within about this long. A guess. */
const settlingMs = 1_500

interface Start {
  readonly allowAlone: boolean
  resolve(): void
  reject(error: unknown): void
}

export class Joining {
  readonly early: EarlyQuestion
  /** Who is near, as a first contact says: to be dialled when a link stands. Bounded by its answer. */
  #near: readonly Id[] = []
  #start: Start | undefined
  #joined = false
  #joinedAtMs = Number.NEGATIVE_INFINITY
  #alone = false
  readonly #greetings: Greetings
  #lookingUp = false
  #looking: Timer | undefined
  #closed = false

  constructor(readonly ports: JoiningPorts) {
    this.early = new EarlyQuestion(ports, (near) => this.#onNear(near))
    const { clock, links } = ports
    const wants = (peer: Id) => ports.dialler.wants(peer)
    this.#greetings = new Greetings({ clock, links, wants }, () => this.#onGreetingEnded())
  }

  /** Settles when the node is joined or alone; see `KadNode.start`. */
  async start(options: OperationOptions & { allowAlone?: boolean; timeoutMs: number }): Promise<void> {
    const { clock, settings } = this.ports
    const allowAlone = options.allowAlone ?? false
    try {
      await withDeadline(clock, options, settings.joinTimeoutMs, () => {
        return new Promise<void>((resolve, reject) => {
          this.#start = { allowAlone, resolve, reject }
        })
      })
    } catch (error) {
      const outOfTime = error instanceof KadrtcError && error.code === 'TIMEOUT'
      if (outOfTime && allowAlone) this.#settleAlone()
      else throw outOfTime ? (this.#introductionFailure() ?? error) : error
    } finally {
      this.#start = undefined
    }
  }

  /**
   * An introducer named peers: dials a few. Who is well linked and only looks whether there is another island asks for one of them
   * over the overlay, and dials it if that does not reach it. Tells whether any are being dialled.
   */
  onPeers(peers: readonly Id[], pathTo: (peer: Id) => SignalPath): boolean {
    const { dialler, links, settings } = this.ports
    const isSettled = this.#joined && links.size >= settings.k
    const wanted = peers.filter((peer) => dialler.wants(peer))
    const dial = (peer: Id) => dialler.dial(peer, pathTo(peer))
    const dialIslander = (peer: Id) =>
      dial(peer).then((link) => this.ports.keeper.refresher.onOtherIsland(link))
    const meetIslander = (peer: Id) => ping(this.ports, peer).catch(() => dialIslander(peer))
    const [nearest] = wanted
    if (nearest && !this.#joined && links.size === 0) this.early.ask(nearest, pathTo(nearest))
    if (isSettled) this.#greetings.meet(wanted, islandersAsked, meetIslander)
    else this.#greetings.meet(wanted, greetersDialled, dial)
    return this.#greetings.underWay.size > 0
  }

  /** It is certain that nobody else is there, or it was allowed to go on as if. */
  get isAlone(): boolean {
    return this.#alone
  }

  /** Joined lately, with links to few of those whom an introducer named: those who are linked may have come as lately, and know nobody. */
  get isNew(): boolean {
    const { clock, introductions } = this.ports
    return clock.now() - this.#joinedAtMs < newForMs && introductions.mayBeIsland
  }

  onLinkOpened(): void {
    this.#alone = false
    this.#greetings.onLinkOpened()
    if (this.#joined) return
    this.#dialNear()
    this.#lookUpOwn()
  }

  onLinkClosed(): void {
    if (this.#closed || this.ports.links.size > 0) return
    this.#joined = false
    this.ports.onStatus('alone')
    this.ports.introductions.alone()
  }

  /** Something changed at an introducer: may this node be certain to be alone, or is it hopeless? */
  consider(): void {
    const { introductions, links } = this.ports
    if (this.#closed || links.size > 0 || this.#greetings.underWay.size > 0) return
    const states = introductions.states.map(({ state }) => state)
    if (states.some(({ type }) => type === 'connecting')) return
    const named = states.some((state) => state.type === 'welcomed' && state.peers > 0)
    const failures = states.filter((state) => state.type === 'down')
    if (named) return
    // Of who else is there an introducer that has let this node go says nothing: this node is about to ask it again.
    const isTold = failures.length === 0 && states.some(({ type }) => type === 'welcomed')
    if (isTold || (failures.length > 0 && this.#start?.allowAlone)) this.#settleAlone()
    else if (failures.some(({ error }) => error.code !== 'SERVER_UNREACHABLE')) {
      this.#start?.reject(this.#introductionFailure())
    }
  }

  close(): void {
    this.#closed = true
    this.early.close()
    this.#greetings.close()
    this.#looking?.cancel()
    this.#start?.reject(new KadrtcError('CLOSED', 'the node'))
  }

  #onNear(near: readonly Id[]): void {
    if (this.#joined || this.#closed) return
    this.#near = near
    if (this.ports.links.size > 0) this.#dialNear()
  }

  /** Toward their ids: the ways to them are not known before the first answer over a link. */
  #dialNear(): void {
    for (const peer of this.#near) this.ports.dialler.tryDial(peer, overlayPath(this.ports, peer, undefined))
  }

  /** The first link stands: who is near? One round trip, then this node is part of the network. */
  #lookUpOwn(): void {
    if (this.#lookingUp) return
    this.#lookingUp = true
    // Nothing to gather: the first answer names nearly all.
    const onHeard = (closest: readonly Contact[]) => this.ports.keeper.hear(closest, 0)
    findClosest(this.ports, this.ports.own, { onHeard, named: this.#near })
      .then((found) => this.#onNeighbourhood(found))
      .catch(() => undefined)
      .finally(() => {
        this.#lookingUp = false
      })
  }

  #onNeighbourhood(found: Parameters<LinkKeeper['hear']>[0]): void {
    if (this.#closed || this.ports.links.size === 0) return
    this.#joined = true
    this.#joinedAtMs = this.ports.clock.now()
    this.#near = []
    const { keeper } = this.ports
    keeper.hear(found)
    this.ports.onStatus('joined')
    this.#start?.resolve()
    this.#askGreetersOverOverlay()
    keeper.refresher.askSome(found)
    this.#lookAround()
    if (this.#greetings.underWay.size === 0) this.ports.introductions.joined()
  }

  /** An introducer may have named somebody it has let go of since: the overlay finds it all the same. */
  #askGreetersOverOverlay(): void {
    const { dialler } = this.ports
    for (const peer of this.#greetings.underWay) {
      dialler.dial(peer, overlayPath(this.ports, peer, undefined)).catch(() => undefined)
    }
  }

  /** When most siblings are linked: then each is asked straight, and not over relays. */
  #lookAround(): void {
    const { clock, keeper } = this.ports
    this.#looking?.cancel()
    this.#looking = clock.setTimer(settlingMs, () => {
      keeper.refresher
        .refreshSiblings()
        .then(() => keeper.refresher.refreshBuckets())
        .catch(() => undefined)
    })
  }

  /** All first contacts have been tried: done with the introducers, or in need of other contacts. */
  #onGreetingEnded(): void {
    if (this.#closed) return
    if (this.ports.links.size === 0) this.ports.introductions.alone()
    else if (this.#joined) this.ports.introductions.joined()
  }

  #settleAlone(): void {
    this.#alone = true
    this.ports.onStatus('alone')
    this.ports.introductions.waiting()
    this.#start?.resolve()
  }

  #introductionFailure(): KadrtcError | undefined {
    const failures = this.ports.introductions.states.filter(({ state }) => state.type === 'down')
    const telling = failures.find(({ state }) => codeOf(state) !== 'SERVER_UNREACHABLE') ?? failures[0]
    if (telling?.state.type !== 'down') return undefined
    return new KadrtcError(telling.state.error.code, telling.name, { cause: telling.state.error })
  }
}

function codeOf(state: IntroducerState): ErrorCode | undefined {
  return state.type === 'down' ? state.error.code : undefined
}
