/**
 * The open links of a node: its routing table. One per peer; the newest wins, because a peer that comes
 * back has lost the old one. Bounded by the policy that lets links in (`LinkKeeper.mayOpen`).
 */
import { distanceBits, equalIds, type Id, RankOf, RoutingTable } from '@kadrtc/kademlia'
import type { Contact } from '../lookups/contact.js'
import type { Link } from '../ports/link-transport.js'
import type { Settings } from '../settings.js'
import { TokenBucket } from './token-bucket.js'

/** An open link, with what this node keeps about it; its peer as a contact, too. */
export class Neighbour implements Contact {
  readonly id: Id
  /** Packets and signals we relay for this peer; made when the first one comes. */
  relayed: TokenBucket | undefined
  signals: TokenBucket | undefined
  /** Requests of this peer that we are answering. */
  inbound = 0
  /** Requests of ours over this link that await a reply. */
  outbound = 0
  /** Proofs of replies that came over it and are being checked. */
  checking = 0
  heardAtMs: number
  /** When its peer was asked last whether the link may close. */
  askedAtMs: number | undefined
  /** A request over it is late and nothing has come since: its peer may be dead long before the link closes. */
  silent = false

  constructor(
    readonly link: Link,
    readonly openedAtMs: number,
  ) {
    this.id = link.peer
    this.heardAtMs = openedAtMs
  }

  /** Made when asked for: a node has many links, and needs few routes at a time. */
  get route(): readonly Id[] {
    return [this.id]
  }
}

/**
 * The packets of a lookup head for so many bits' worth of corners of the replica set, to be answered by different holders. If the fastest of
 * all replicas is taken at the end, those that come from one region end at one: a get of 600 nodes with links to whom is near took 125 ms so,
 * 112 as it is, and 120 where distance alone decides.
 */
export const cornerBits = 3

export class LinkTable {
  /** By place, so that the nearest to any id are found without sorting all of them. */
  readonly #byPlace: RoutingTable<Neighbour>
  /** In the order in which they opened. Replaced at each change, so that whoever goes through them may open and close links. */
  #neighbours: readonly Neighbour[] = []
  #links: readonly Link[] = []
  /** What `siblings` said last, while it holds. */
  #siblings: readonly Id[] | undefined
  /** Of this node among all peers, made when asked for. */
  #ownRank: RankOf | undefined

  constructor(
    readonly own: Id,
    readonly settings: Settings,
  ) {
    this.#byPlace = new RoutingTable(own, { k: Number.MAX_SAFE_INTEGER, replacementsMax: 0 })
  }

  get size(): number {
    return this.#neighbours.length
  }

  /** Files a link; returns the one to the same peer that it replaces. */
  add(link: Link, nowMs: number): { neighbour: Neighbour; replaced: Neighbour | undefined } {
    const neighbour = new Neighbour(link, nowMs)
    const outcome = this.#byPlace.offer(neighbour)
    const replaced = outcome.type === 'refreshed' ? outcome.previous : undefined
    this.#change([...this.#neighbours.filter((one) => one !== replaced), neighbour])
    return { neighbour, replaced }
  }

  /** Forgets a link; false if it is not the one on file, as with the late close of a replaced link. */
  remove(link: Link): boolean {
    const neighbour = this.neighbour(link.peer)
    if (neighbour?.link !== link) return false
    this.#byPlace.remove(link.peer)
    this.#change(this.#neighbours.filter((one) => one !== neighbour))
    return true
  }

  get(peer: Id): Link | undefined {
    return this.#byPlace.get(peer)?.link
  }

  neighbour(peer: Id): Neighbour | undefined {
    return this.#byPlace.get(peer)
  }

  has(peer: Id): boolean {
    return this.#byPlace.has(peer)
  }

  /** In the order in which they opened, as they are now: what opens or closes later is not in it. */
  links(): readonly Link[] {
    return this.#links
  }

  /** Links whose peers are known to answer, as far as anybody can know. */
  lively(): readonly Link[] {
    const neighbours = this.#neighbours
    for (let i = 0; i < neighbours.length; i++) {
      if (neighbours[i]!.silent) return neighbours.filter(({ silent }) => !silent).map(({ link }) => link)
    }
    return this.#links
  }

  neighbours(): readonly Neighbour[] {
    return this.#neighbours
  }

  peers(): Id[] {
    return this.#links.map(({ peer }) => peer)
  }

  /** Those in a k-bucket (0 to 159). */
  inBucket(index: number): readonly Neighbour[] {
    return this.#byPlace.bucket(index)
  }

  /** The k linked peers nearest to this node, nearest first: asked for far oftener than they change. */
  siblings(): readonly Id[] {
    this.#siblings ??= this.closest(this.own, this.settings.k)
    return this.#siblings
  }

  /**
   * How near to an id, in bits of distance, anybody will do: by a few bits nearer than our farthest sibling is to us, with all of whom we are
   * linked. -1 while there are too few to tell.
   */
  get nearBits(): number {
    const farthest = this.siblings()[this.settings.k - 1]
    return farthest ? Math.max(-1, distanceBits(this.own, farthest) - cornerBits) : -1
  }

  /** The linked peers nearest to `target`, nearest first. Exact. */
  closest(target: Id, count: number, except?: Id): Id[] {
    const nearest = this.closestNeighbours(target, except ? count + 1 : count).map(({ id }) => id)
    if (!except) return nearest
    const at = nearest.findIndex((id) => equalIds(id, except))
    nearest.splice(at < 0 ? count : at, 1)
    return nearest
  }

  /** How many linked peers are closer to `target` than this node is. */
  countCloser(target: Id): number {
    this.#ownRank ??= new RankOf(this.own, this.peers())
    return this.#ownRank.at(target)
  }

  closestNeighbours(target: Id, count: number): Neighbour[] {
    return this.#byPlace.closest(target, count)
  }

  /** Takes a token of a peer's ration of what we relay for it; false if it is used up. */
  mayRelay(neighbour: Neighbour, kind: 'relayed' | 'signals', nowMs: number): boolean {
    const { relayedPerSecond, relayedBurst, signalsPerSecond, signalsBurst } = this.settings
    neighbour[kind] ??=
      kind === 'signals'
        ? new TokenBucket(signalsPerSecond, signalsBurst, nowMs)
        : new TokenBucket(relayedPerSecond, relayedBurst, nowMs)
    return neighbour[kind].take(nowMs)
  }

  #change(neighbours: readonly Neighbour[]): void {
    this.#neighbours = neighbours
    this.#links = neighbours.map(({ link }) => link)
    this.#siblings = undefined
    this.#ownRank = undefined
  }
}
