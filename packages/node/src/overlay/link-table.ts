/**
 * The open links of a node: its routing table. One per peer; the newest wins, because a peer that comes
 * back has lost the old one. Bounded by the policy that lets links in (`LinkKeeper.mayOpen`).
 */
import { equalIds, type Id, idKey, RoutingTable } from '@kadrtc/kademlia'
import type { Link } from '../ports/link-transport.js'
import type { Settings } from '../settings.js'
import { TokenBucket } from './token-bucket.js'

/** An open link, with what this node keeps about it. */
export interface Neighbour {
  readonly link: Link
  readonly openedAtMs: number
  /** Packets and signals we relay for this peer. */
  readonly relayed: TokenBucket
  readonly signals: TokenBucket
  /** Requests of this peer that we are answering. */
  inbound: number
  /** Requests of ours over this link that await a reply. */
  outbound: number
  heardAtMs: number
  /** A request over it is late and nothing has come since: its peer may be dead long before the link closes. */
  silent: boolean
}

export class LinkTable {
  readonly #byPeer = new Map<string, Neighbour>()
  /** The same peers by their place, so that the nearest to any id are found without sorting all of them. */
  readonly #byPlace: RoutingTable<{ readonly id: Id }>
  /** What `siblings` said last, while it holds. */
  #siblings: readonly Id[] | undefined

  constructor(
    readonly own: Id,
    readonly settings: Settings,
  ) {
    this.#byPlace = new RoutingTable(own, { k: Number.MAX_SAFE_INTEGER, replacementsMax: 0 })
  }

  get size(): number {
    return this.#byPeer.size
  }

  /** Files a link; returns the one to the same peer that it replaces. */
  add(link: Link, nowMs: number): { neighbour: Neighbour; replaced: Neighbour | undefined } {
    const { relayedPerSecond, relayedBurst, signalsPerSecond, signalsBurst } = this.settings
    const neighbour: Neighbour = {
      link,
      openedAtMs: nowMs,
      relayed: new TokenBucket(relayedPerSecond, relayedBurst, nowMs),
      signals: new TokenBucket(signalsPerSecond, signalsBurst, nowMs),
      inbound: 0,
      outbound: 0,
      heardAtMs: nowMs,
      silent: false,
    }
    const key = idKey(link.peer)
    const replaced = this.#byPeer.get(key)
    this.#byPeer.set(key, neighbour)
    this.#siblings = undefined
    this.#byPlace.offer({ id: link.peer })
    return { neighbour, replaced }
  }

  /** Forgets a link; false if it is not the one on file, as with the late close of a replaced link. */
  remove(link: Link): boolean {
    const key = idKey(link.peer)
    if (this.#byPeer.get(key)?.link !== link) return false
    this.#byPeer.delete(key)
    this.#siblings = undefined
    this.#byPlace.remove(link.peer)
    return true
  }

  get(peer: Id): Link | undefined {
    return this.#byPeer.get(idKey(peer))?.link
  }

  neighbour(peer: Id): Neighbour | undefined {
    return this.#byPeer.get(idKey(peer))
  }

  has(peer: Id): boolean {
    return this.#byPeer.has(idKey(peer))
  }

  *links(): IterableIterator<Link> {
    for (const { link } of this.#byPeer.values()) yield link
  }

  /** Links whose peers are known to answer, as far as anybody can know. */
  *lively(): IterableIterator<Link> {
    for (const { link, silent } of this.#byPeer.values()) if (!silent) yield link
  }

  neighbours(): IterableIterator<Neighbour> {
    return this.#byPeer.values()
  }

  peers(): Id[] {
    return Array.from(this.#byPeer.values(), ({ link }) => link.peer)
  }

  /** The k linked peers nearest to this node, nearest first: asked for far oftener than they change. */
  siblings(): readonly Id[] {
    this.#siblings ??= this.closest(this.own, this.settings.k)
    return this.#siblings
  }

  /** The linked peers nearest to `target`, nearest first. Exact. */
  closest(target: Id, count: number, except?: Id): Id[] {
    const filter = except && (({ id }: { readonly id: Id }) => !equalIds(id, except))
    return this.#byPlace.closest(target, count, filter).map(({ id }) => id)
  }
}
