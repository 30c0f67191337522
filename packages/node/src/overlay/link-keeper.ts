/**
 * Decides which links a node has: to its k nearest (siblings), and a few into each farther bucket, so that a packet
 * always finds a closer node. Works when something changed, and once a minute as the backstop. A link with no reason
 * left is offered for closing and closes when the peer has none either.
 */
import {
  bucketIndex,
  commonPrefixLength,
  compareDistances,
  type Id,
  idBits,
  idKey,
  RoutingTable,
  randomIdInBucket,
} from '@kadrtc/kademlia'
import { contactsMax } from '@kadrtc/wire'
import { KadrtcError } from '../errors.js'
import { type Contact, contactsBehind } from '../lookups/contact.js'
import { findClosest } from '../lookups/find-closest.js'
import type { LookupPorts } from '../lookups/lookup-ports.js'
import type { Timer } from '../ports/clock.js'
import type { Link } from '../ports/link-transport.js'
import { type Random, randomFraction } from '../ports/random.js'
import type { Dialler } from './dialler.js'
import { type LinkReason, linkReasons } from './link-reasons.js'
import type { Neighbour } from './link-table.js'
import { NearestContacts } from './nearest-contacts.js'
import { overlayPath } from './signal-paths.js'

/** Changes of the neighbourhood come in bursts: they are answered together. A guess. */
const gatherMs = 30
/** Links without a reason are looked for after a change, but not with every one: to weigh all of them takes a while. A guess. */
const releaseAfterMs = 500
/** A refresh that finds nothing new makes the next one rarer, down to one in so many. A guess. */
const refreshesSkipped = 8
/** A node that joins opens its links to siblings within about this long, and asks a few of them in the end. Guesses. */
const gatherSiblingsMs = 500
const siblingsAsked = 3
/** A peer that wants to keep a link is not asked again for this long. A guess. */
const askAgainMs = 600_000
export class LinkKeeper {
  /** Who has been heard of, linked or not: whom to dial when a place is free. Bounded by its buckets. */
  readonly contacts: RoutingTable<Contact>
  readonly #nearest: NearestContacts
  readonly #pinned = new Map<string, number>()
  readonly #askedAtMs = new WeakMap<Link, number>()
  #tending: Timer | undefined
  #releasing: Timer | undefined
  #asking: Timer | undefined
  /** Links to siblings that are new: who else is near is asked of the nearest of them. Bounded by the links. */
  readonly #newSiblings = new Set<Link>()
  #periodic: Timer | undefined
  #refreshing: Promise<boolean> | undefined
  #refreshMs: number
  #closed = false

  constructor(
    readonly ports: LookupPorts & { readonly random: Random },
    readonly dialler: Dialler,
  ) {
    this.contacts = new RoutingTable<Contact>(ports.own, { k: ports.settings.k })
    this.#nearest = new NearestContacts(ports.own, 2 * ports.settings.k)
    this.#refreshMs = ports.settings.refreshIntervalMs / 8
    this.#scheduleRefresh()
  }

  /**
   * May this peer open a link to us? Within the budget anyone. A full node makes room for who is near: the peer may be
   * a sibling of ours, or, just outside our k nearest, we may be one of its.
   */
  mayOpen(peer: Id): boolean {
    const { links, settings } = this.ports
    if (this.#closed) return false
    if (links.size < settings.linksMax || links.has(peer)) return true
    return this.#isAmongNearest(peer, 2 * settings.k) && this.#leastNeeded() !== undefined
  }

  /** Told of somebody near who has been heard of and is not linked, and of one who is there no more. */
  onHeard: (contact: Contact) => void = () => undefined
  onForgotten: (id: Id) => void = () => undefined

  /** Everybody near: all linked peers, and the unlinked among the 2k nearest contacts. */
  members(): Contact[] {
    const { links, settings } = this.ports
    const linked = links.peers().map((id) => ({ id, route: [id] }))
    const unlinked = this.#nearest.closest(2 * settings.k).filter(({ id }) => !links.has(id))
    return [...linked, ...unlinked]
  }

  /** Somebody who is not linked did not answer. */
  forget(id: Id): void {
    if (this.ports.links.has(id)) return
    this.contacts.remove(id)
    if (this.#nearest.remove(id)) this.onForgotten(id)
  }

  onLinkOpened(link: Link): void {
    const { links, settings } = this.ports
    this.contacts.offer({ id: link.peer, route: [link.peer] })
    this.#nearest.offer({ id: link.peer, route: [link.peer] })
    if (links.size > settings.linksMax) this.#leastNeeded()?.close()
    if (this.#isAmongNearest(link.peer, this.ports.settings.k)) this.#askNewSiblingsSoon(link)
    this.#tendSoon()
  }

  /** A sibling that goes leaves a gap: whoever is next nearest is asked for at once. */
  onLinkClosed(link: Link): void {
    this.contacts.remove(link.peer)
    this.#nearest.remove(link.peer)
    this.#tendSoon()
    if (this.#isAmongNearest(link.peer, this.ports.settings.k)) this.refreshSiblings().catch(() => undefined)
  }

  /** Takes note of contacts that somebody named; tells whether one of them is near and new. */
  hear(contacts: readonly Contact[]): boolean {
    if (this.#closed) return false
    let news = false
    for (const contact of contacts) {
      if (this.ports.links.has(contact.id)) continue
      this.contacts.offer(contact)
      if (!this.#nearest.offer(contact)) continue
      this.onHeard(contact)
      news = true
    }
    this.#tendSoon()
    return news
  }

  /** Keeps a link to a peer for as long as an app holds a channel; returns what ends it. */
  pin(peer: Id): () => void {
    const key = idKey(peer)
    this.#pinned.set(key, (this.#pinned.get(key) ?? 0) + 1)
    let ended = false
    return () => {
      if (ended) return
      ended = true
      const left = (this.#pinned.get(key) ?? 1) - 1
      if (left > 0) this.#pinned.set(key, left)
      else this.#pinned.delete(key)
      this.#tendSoon()
    }
  }

  /** The peer needs this link no longer. Closes it, or says that we do. */
  onRelease(link: Link): void {
    const reasons = this.reasons().get(idKey(link.peer)) ?? []
    if (reasons.length > 0) this.ports.rpc.notify(link, { type: 'keep' })
    else link.close()
  }

  reasons(): Map<string, LinkReason[]> {
    const { own, links, settings, clock } = this.ports
    const pinned = new Set(this.#pinned.keys())
    return linkReasons({ own, neighbours: [...links.neighbours()], pinned, settings, nowMs: clock.now() })
  }

  /**
   * Asks the nearest for our own neighbourhood: one at a time, since a second one would hear the same. `paths`: 0 asks the
   * fast way, more carefully over so many disjoint paths. Resolves with whether anybody was new.
   */
  refreshSiblings(paths = 0): Promise<boolean> {
    if (this.#closed || this.ports.links.size === 0) return Promise.resolve(false)
    this.#refreshing ??= this.#lookUp(this.ports.own, paths).finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  /** Looks for contacts in the buckets between us and our siblings of which too few are linked or known. */
  async refreshBuckets(): Promise<void> {
    const { own, random, settings, links } = this.ports
    if (links.size === 0) return
    const linked = this.#linkedPerBucket()
    for (const bucket of this.#farBuckets()) {
      if (this.#closed) return
      const known = this.contacts.bucket(bucket).filter(({ id }) => this.dialler.wants(id)).length
      if ((linked.get(bucket) ?? 0) + known >= settings.linksPerBucket) continue
      await this.#lookUp(
        randomIdInBucket(own, bucket, (length) => random.bytes(length)),
        0,
      )
    }
  }

  close(): void {
    this.#closed = true
    this.#tending?.cancel()
    this.#releasing?.cancel()
    this.#asking?.cancel()
    this.#periodic?.cancel()
  }

  /**
   * A new sibling knows who else is near: nodes that join at the same moment find each other by this, and so do two
   * islands that have met. Who joins has many at once; the nearest of them know the same.
   */
  #askNewSiblingsSoon(link: Link): void {
    const { clock, own, links } = this.ports
    this.#newSiblings.add(link)
    this.#asking ??= clock.setTimer(gatherSiblingsMs, () => {
      this.#asking = undefined
      const nearest = [...this.#newSiblings].sort((a, b) => compareDistances(own, a.peer, b.peer))
      this.#newSiblings.clear()
      for (const sibling of nearest.slice(0, siblingsAsked)) {
        if (links.get(sibling.peer) === sibling) this.#askForNeighbours(sibling)
      }
    })
  }

  #askForNeighbours(link: Link): void {
    const { rpc, own } = this.ports
    rpc
      .request({ kind: 'link', link }, { type: 'find-node', target: own })
      .then(({ reply, route }) => this.hear(contactsBehind(reply.contacts, route)))
      .catch(() => undefined)
  }

  async #lookUp(target: Id, paths: number): Promise<boolean> {
    const found = await findClosest(this.ports, target, { paths, count: contactsMax })
    return this.hear(found)
  }

  #tendSoon(): void {
    if (this.#closed) return
    this.#tending ??= this.ports.clock.setTimer(gatherMs, () => {
      this.#tending = undefined
      this.#tend()
    })
  }

  #tend(): void {
    if (this.#closed) return
    const { dialler } = this
    for (const contact of dialler.underWay < dialler.dialsMax ? this.#wanted() : []) {
      if (dialler.underWay >= dialler.dialsMax) break
      const path = overlayPath(this.ports, contact.id, contact.route)
      dialler.dial(contact.id, path).then(
        () => this.#tendSoon(),
        (error) => this.#onDialFailed(contact.id, error),
      )
    }
    this.#releasing ??= this.ports.clock.setTimer(releaseAfterMs, () => {
      this.#releasing = undefined
      this.#releaseIdle()
    })
  }

  /** A peer that is gone is forgotten; one that is busy stays known. */
  #onDialFailed(peer: Id, error: unknown): void {
    const gone = error instanceof KadrtcError && (error.code === 'TIMEOUT' || error.code === 'UNREACHABLE')
    if (gone) this.forget(peer)
    this.#tendSoon()
  }

  /** Who should be linked and is not: missing siblings first, then contacts of thin buckets. */
  #wanted(): Contact[] {
    const { settings, links } = this.ports
    const wanted = this.#nearest.closest(settings.k).filter(({ id }) => this.dialler.wants(id))
    if (links.size + this.dialler.underWay >= settings.linksMax - this.#reserve) return wanted
    const linked = this.#linkedPerBucket()
    for (const bucket of this.#farBuckets()) {
      const missing = settings.linksPerBucket - (linked.get(bucket) ?? 0)
      if (missing <= 0) continue
      const known = this.contacts
        .bucket(bucket)
        .filter(({ id }) => this.dialler.wants(id) && !wanted.some((w) => w.id === id))
      wanted.push(...known.slice(-missing))
    }
    return wanted
  }

  #releaseIdle(): void {
    const { clock, settings, rpc, links } = this.ports
    const nowMs = clock.now()
    const old = [...links.neighbours()].filter(({ link, openedAtMs }) => {
      const askedAtMs = this.#askedAtMs.get(link) ?? Number.NEGATIVE_INFINITY
      return nowMs - openedAtMs >= settings.idleLinkMs && nowMs - askedAtMs >= askAgainMs
    })
    if (old.length === 0) return
    const reasons = this.reasons()
    for (const { link } of old) {
      if (reasons.get(idKey(link.peer))!.length > 0) continue
      this.#askedAtMs.set(link, nowMs)
      rpc.notify(link, { type: 'release' })
    }
  }

  /** Places that this node leaves to others: to newcomers, and to those who need it more than it needs them. */
  get #reserve(): number {
    return Math.ceil(this.ports.settings.linksMax / 8)
  }

  /** The link to give up for a more needed one: no sibling and no app's; with the fewest reasons, the youngest. */
  #leastNeeded(): Link | undefined {
    let least: { reasons: number; neighbour: Neighbour } | undefined
    const allReasons = this.reasons()
    for (const neighbour of this.ports.links.neighbours()) {
      const reasons = allReasons.get(idKey(neighbour.link.peer))!
      if (reasons.includes('sibling') || reasons.includes('app')) continue
      const fewer = !least || reasons.length < least.reasons
      const younger = least?.reasons === reasons.length && neighbour.openedAtMs >= least.neighbour.openedAtMs
      if (fewer || younger) least = { reasons: reasons.length, neighbour }
    }
    return least?.neighbour.link
  }

  /** Would this peer be one of our `count` nearest links? */
  #isAmongNearest(peer: Id, count: number): boolean {
    const { own, links } = this.ports
    const last = links.closest(own, count).at(count - 1)
    return !last || compareDistances(own, peer, last) <= 0
  }

  #linkedPerBucket(): Map<number, number> {
    const counts = new Map<number, number>()
    for (const peer of this.ports.links.peers()) {
      const bucket = bucketIndex(this.ports.own, peer)
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
    }
    return counts
  }

  /** Buckets beyond the siblings, farthest first; those nearer hold siblings alone and need no links of their own. */
  #farBuckets(): number[] {
    const { own, links, settings } = this.ports
    const siblings = links.siblings()
    const farthest = siblings.at(-1)
    const shared = siblings.length < settings.k || !farthest ? 0 : commonPrefixLength(own, farthest)
    return Array.from({ length: shared }, (_, prefix) => idBits - 1 - prefix)
  }

  /**
   * The first comes early: who joined at the same moment is not known yet, and records wait for their holders. From then on
   * changes are answered when they happen; so as long as a refresh finds nobody new, the next one waits twice as long.
   */
  #scheduleRefresh(): void {
    if (this.#closed) return
    const { clock, random, settings } = this.ports
    const delayMs = this.#refreshMs * (0.75 + randomFraction(random) / 2)
    this.#periodic = clock.setTimer(delayMs, () => {
      this.#tend()
      // Careful: the k-th nearest may lie in a subtree that none of the nearest has a link into.
      this.refreshSiblings(1)
        .catch(() => false)
        .then((news) => {
          const next = news ? settings.refreshIntervalMs : 2 * this.#refreshMs
          this.#refreshMs = Math.max(
            settings.refreshIntervalMs,
            Math.min(next, refreshesSkipped * settings.refreshIntervalMs),
          )
          this.#scheduleRefresh()
          return this.refreshBuckets()
        })
        .catch(() => undefined)
    })
  }
}
