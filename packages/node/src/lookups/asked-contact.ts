/**
 * One contact that a careful lookup asks. Along the route that named it first; when the answer is late or cannot come,
 * through the nearest who have answered meanwhile; and at last wherever packets find a way now. A relay may have died, and all
 * whom it named would be lost with it.
 */
import { type Id, idKey, isCloser } from '@kadrtc/kademlia'
import { KadrtcError } from '../errors.js'
import type { LinkTable } from '../overlay/link-table.js'
import type { Clock, Timer } from '../ports/clock.js'
import type { Rpc } from '../rpc/rpc.js'
import { firstNeighbour, type Way } from '../rpc/way.js'
import type { Contact } from './contact.js'

/** When the answer is late so many times, packets may find their way themselves: another relay, if there is one, was asked. */
const lateForGreedy = 2
/**
 * Through so many of those near it that have answered one of the closest is asked, and any other through one. Of four lookups under churn that
 * missed the closest node three had taken all their ways before anybody near had answered: over relays that had died or were far,
 * within 150 ms.
 */
const relaysMost = 2
/**
 * So many times the answer may be late before nobody near is waited for any more. Whoever answers later is a way to one of the closest all
 * the same: of three lookups under churn that missed the closest node two had heard nobody near it by then.
 */
const lateForRelay = 4
/**
 * So many relays that say that they cannot reach it are enough, unless it is one of the closest: of 1,382 contacts that two had said this of
 * four answered to a packet that found its way itself, and that packet is the dearest. For one of the closest as many other relays take
 * their places: behind a NAT it may have no link to the very nearest, as had the one that a lookup under churn missed.
 */
const denialsEnough = 2

export interface AskedContactOptions<F> {
  readonly contact: Contact
  /** Who has answered this lookup, each with a way that worked. It grows meanwhile. */
  readonly answered: readonly Contact[]
  /** Whether a node is so near to the contact that the two are likely to be linked. */
  readonly isNear: (id: Id) => boolean
  readonly ask: (way: Way) => Promise<F>
  /** Whether few of those who have answered are closer to what is looked up. */
  readonly isAmongClosest: () => boolean
  /** Told once. */
  readonly onAnswer: (findings: F) => void
  /** Every way has failed. Whoever waits only for a time keeps that time. */
  readonly onFailure: () => void
  /** It is asked by one more way, though it may have been given up. To be waited for, for so many ms. */
  readonly onOneMoreWay: (forMs: number) => void
}

export class AskedContact<F> {
  /** Ways taken that may bring an answer yet. */
  #open = 0
  /** By `idKey`, those near it through whom it was asked. */
  readonly #relays = new Set<string>()
  #hasGoneGreedily = false
  #late = 0
  #denials = 0
  #timer: Timer | undefined
  #ended = false

  constructor(
    readonly ports: { readonly clock: Clock; readonly rpc: Rpc; readonly links: LinkTable },
    readonly options: AskedContactOptions<F>,
  ) {
    this.#take({ kind: 'route', route: options.contact.route })
    if (this.#mayTakeMore) this.#wait()
  }

  /** Nobody waits for it any more. */
  end(): void {
    this.#ended = true
    this.#timer?.cancel()
  }

  /** Somebody else has answered: if that is the first who is near one of the closest, it is asked, however late. */
  onOtherAnswer(): void {
    const isInTime = this.#late < lateForRelay
    if (this.#ended || isInTime || !this.options.isAmongClosest()) return
    if (this.#relays.size >= this.#relaysMost) return
    const relay = this.#otherRelay()
    if (!relay) return
    this.#take(this.#wayOver(relay))
    this.options.onOneMoreWay(lateForGreedy * this.ports.rpc.roundTrips.relayed.hedgeAfterMs)
  }

  /** A peer that is linked has no better way. */
  get #mayTakeMore(): boolean {
    return this.options.contact.route.length > 1 && (this.#mayBeRelayed || !this.#hasGoneGreedily)
  }

  /** Somebody near it may answer yet. */
  get #mayBeRelayed(): boolean {
    return this.#late < lateForRelay && this.#relays.size < this.#relaysMost
  }

  get #relaysMost(): number {
    if (!this.options.isAmongClosest()) return 1
    return relaysMost + Math.min(this.#denials, denialsEnough)
  }

  #take(way: Way): void {
    this.#open += 1
    this.options.ask(way).then(
      (findings) => {
        if (this.#ended) return
        this.end()
        this.options.onAnswer(findings)
      },
      (error) => {
        this.#open -= 1
        if (this.#isDenial(error, way)) this.#denials += 1
        if (!this.#ended && this.#open === 0) this.#goOn()
      },
    )
  }

  /** A relay has said that it cannot reach it; where our own link has closed, nobody has said anything. */
  #isDenial(error: unknown, way: Way): boolean {
    const isUnreachable = error instanceof KadrtcError && error.code === 'UNREACHABLE'
    return isUnreachable && firstNeighbour(way, this.ports.links) !== undefined
  }

  #wait(): void {
    this.#timer = this.ports.clock.setTimer(this.ports.rpc.roundTrips.relayed.hedgeAfterMs, () => {
      this.#late += 1
      this.#goOn()
    })
  }

  /** The answer is late, or cannot come by any way taken. */
  #goOn(): void {
    this.#timer?.cancel()
    const way = this.#mayTakeMore ? this.#otherWay() : undefined
    if (way) this.#take(way)
    if (this.#mayTakeMore && (this.#open > 0 || this.#mayBeRelayed)) this.#wait()
    else if (this.#open === 0) this.options.onFailure()
  }

  /** Undefined: there is none, or none yet. */
  #otherWay(): Way | undefined {
    const relay = this.#mayBeRelayed ? this.#otherRelay() : undefined
    if (relay) return this.#wayOver(relay)
    if (this.#hasGoneGreedily || (this.#late < lateForGreedy && (this.#open > 0 || this.#mayBeRelayed)))
      return undefined
    if (this.#denials >= denialsEnough && !this.options.isAmongClosest()) return undefined
    this.#hasGoneGreedily = true
    return this.#greedyWay()
  }

  /** The nearest to it of those who have answered, likely to be linked to it and not asked yet; the relay that named it was. */
  #otherRelay(): Contact | undefined {
    const { contact, answered, isNear } = this.options
    const before = contact.route.at(-2)
    let nearest: Contact | undefined
    for (const relay of answered) {
      if (nearest && !isCloser(contact.id, relay.id, nearest.id)) continue
      const wasAsked = this.#relays.has(idKey(relay.id)) || (before && idKey(relay.id) === idKey(before))
      if (!wasAsked && isNear(relay.id)) nearest = relay
    }
    return nearest
  }

  #wayOver({ id, route }: Contact): Way {
    this.#relays.add(idKey(id))
    return { kind: 'route', route: [...route, this.options.contact.id] }
  }

  /** By no route, which may be out of date, but from link to link; first to somebody who is not on the route that failed. */
  #greedyWay(): Way | undefined {
    const { id, route } = this.options.contact
    const onRoute = new Set(route.map(idKey))
    const neighbours = this.ports.links.closestNeighbours(id, this.ports.links.size)
    const first = neighbours.find(({ link, silent }) => !silent && !onRoute.has(idKey(link.peer)))
    return first && { kind: 'toward', target: id, link: first.link, exact: true }
  }
}
