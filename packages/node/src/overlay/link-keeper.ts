/**
 * Knows who is near, and opens the links that a node should have: to its k nearest (siblings), and a few into each farther bucket, so
 * that a packet always finds a closer node. Works when something changed, and once a minute as the backstop.
 */
import { compareDistances, type Id, idFromBytes, RoutingTable, routingTableDefaults } from '@kadrtc/kademlia'
import type { ErrorCode } from '../errors.js'
import { type Contact, keptContact } from '../lookups/contact.js'
import type { LookupPorts } from '../lookups/lookup-ports.js'
import type { Timer } from '../ports/clock.js'
import type { Link } from '../ports/link-transport.js'
import type { Random } from '../ports/random.js'
import { type Dialler, promptMs } from './dialler.js'
import { FarBuckets } from './far-buckets.js'
import { FasterContacts } from './faster-contacts.js'
import { LinkBudget } from './link-budget.js'
import type { Neighbour } from './link-table.js'
import { LinkTrials } from './link-trials.js'
import { NearestContacts } from './nearest-contacts.js'
import { Refresher } from './refresher.js'
import { overlayPath } from './signal-paths.js'
import { UnlinkedSiblings } from './unlinked-siblings.js'

/** Changes of the neighbourhood come in bursts: they are answered together. A guess. */
const gatherMs = 30
/** Places that trials leave free. A guess. */
const trialsReserve = 3

export class LinkKeeper {
  /** Who has been heard of, linked or not: whom to dial when a place is free. Bounded by its buckets. */
  readonly contacts: RoutingTable<Contact>
  readonly refresher: Refresher
  readonly budget: LinkBudget
  /** Dials in search of a faster link. */
  linksTried = 0
  /** Those of the nearest to whom no link comes about. */
  readonly unlinked: UnlinkedSiblings
  readonly #nearest: NearestContacts
  readonly #far: FarBuckets
  readonly #faster: FasterContacts
  readonly #trials: LinkTrials
  #tending: Timer | undefined
  #watching: Timer | undefined
  /** What `members` said last, and of what it was made: a change of the neighbourhood is looked at by several. */
  #members:
    | { readonly linked: readonly Neighbour[]; readonly nearest: number; readonly all: readonly Contact[] }
    | undefined
  #closed = false

  constructor(
    readonly ports: LookupPorts & { readonly random: Random },
    readonly dialler: Dialler,
    readonly keepId: (id: Id) => Id = idFromBytes,
  ) {
    const { contactsPerBucket } = ports.settings
    const k = Math.min(ports.settings.k, contactsPerBucket)
    const replacementsMax = Math.min(routingTableDefaults.replacementsMax, contactsPerBucket - k)
    this.contacts = new RoutingTable<Contact>(ports.own, { k, replacementsMax })
    this.budget = new LinkBudget(ports, () => this.#tendSoon())
    this.#nearest = new NearestContacts(ports.own, 2 * ports.settings.k)
    this.unlinked = new UnlinkedSiblings(ports, {
      onFound: (contact) => this.hear([contact]),
      onGone: (id) => {
        this.forget(id)
        this.refresher.onSiblingMissed()
      },
      contactOf: (id) => this.#nearest.get(id),
    })
    dialler.onAgreed = (peer) => this.#onAgreed(peer)
    dialler.onFailed = (peer, code) => this.#onDialFailed(peer, code)
    this.#far = new FarBuckets(ports, this.contacts, dialler)
    this.#faster = new FasterContacts(ports, this.#far, dialler)
    this.refresher = new Refresher(ports, {
      hear: (found) => this.hear(found),
      members: () => this.members(),
      idsInThinBuckets: () => this.#far.thin(),
      tend: () => this.#tend(),
    })
    this.#trials = new LinkTrials(ports, () => {
      this.#tryAnother().catch(() => undefined)
    })
  }

  /**
   * May this peer open a link to us? Within the budget anyone. A full node makes room for who is near: the peer may be
   * a sibling of ours, or, just outside our k nearest, we may be one of its; and, if there is a link to spare, for who comes by way of an
   * introducer, with no route: it may know nobody else. A sibling that is let in is known from now on.
   */
  mayOpen(peer: Id, route: readonly Id[] | undefined): boolean {
    const { links, settings } = this.ports
    if (this.#closed) return false
    const isLet =
      links.size < settings.linksMax ||
      links.has(peer) ||
      (route === undefined && this.budget.spare() !== undefined) ||
      (this.#isAmongNearest(peer, 2 * settings.k) && this.budget.leastNeeded() !== undefined)
    if (isLet && !links.has(peer) && this.#isAmongNearest(peer, settings.k)) this.#expect(peer, route)
    return isLet
  }

  /** Told of somebody near who has been heard of and is not linked, and of one who is there no more. */
  onHeard: (contact: Contact) => void = () => undefined
  onForgotten: (id: Id) => void = () => undefined

  /** Everybody near: all linked peers, and the unlinked among the 2k nearest contacts. */
  members(): readonly Contact[] {
    const { links, settings } = this.ports
    const linked = links.neighbours()
    if (this.#members?.linked === linked && this.#members.nearest === this.#nearest.changes)
      return this.#members.all
    const unlinked = this.#nearest.closest(2 * settings.k).filter(({ id }) => !links.has(id))
    this.#members = { linked, nearest: this.#nearest.changes, all: [...linked, ...unlinked] }
    return this.#members.all
  }

  /** Somebody who is not linked did not answer. */
  forget(id: Id): void {
    if (this.ports.links.has(id)) return
    this.contacts.remove(id)
    this.unlinked.forget(id)
    if (this.#nearest.remove(id)) this.onForgotten(id)
  }

  onLinkOpened(neighbour: Neighbour): void {
    const { links, settings } = this.ports
    const { link } = neighbour
    this.budget.noteChange()
    this.contacts.offer(neighbour)
    this.#nearest.offer(neighbour)
    this.unlinked.forget(link.peer)
    this.dialler.onLinkOpened(link.peer)
    if (links.size > settings.linksMax) (this.budget.spare() ?? this.budget.leastNeeded())?.close()
    if (this.#isAmongNearest(link.peer, this.ports.settings.k)) this.refresher.onNewSibling(link)
    this.#tendSoon()
  }

  /** A sibling that goes leaves a gap: who is next nearest is asked at once. */
  onLinkClosed(link: Link): void {
    this.budget.noteChange()
    this.contacts.remove(link.peer)
    this.#nearest.remove(link.peer)
    this.dialler.onLinkClosed(link.peer)
    this.#tendSoon()
    if (this.#isAmongNearest(link.peer, this.ports.settings.k)) this.refresher.onSiblingLost()
  }

  /**
   * Takes note of contacts that somebody named; tells whether one of them is near and new. Who is wanted is dialled `inMs` later,
   * together with others who are heard of meanwhile.
   */
  hear(contacts: readonly Contact[], inMs = gatherMs): boolean {
    if (this.#closed) return false
    let news = false
    for (const contact of contacts) if (this.#take(contact)) news = true
    this.#tendSoon(inMs)
    return news
  }

  close(): void {
    this.#closed = true
    this.#tending?.cancel()
    this.#watching?.cancel()
    this.unlinked.close()
    this.refresher.close()
    this.#trials.close()
  }

  /** Takes note of somebody who is not linked; tells whether it is near and new. */
  #take(named: Contact): boolean {
    const { links } = this.ports
    if (links.has(named.id)) return false
    const contact = keptContact(named, (id) => this.#kept(id))
    this.contacts.offer(contact)
    if (!this.#nearest.offer(contact)) return false
    // Whoever names it to this node is linked to it.
    if (this.dialler.isApart(contact.id)) this.unlinked.keep(contact.id)
    this.onHeard(contact)
    return true
  }

  /** The same id where it is kept already. */
  #kept(id: Id): Id {
    return this.ports.links.get(id)?.peer ?? this.contacts.get(id)?.id ?? this.keepId(id)
  }

  /** A sibling that asks for a link is there, whether or not one comes about. To dial it is to wait for what it opens. */
  #expect(peer: Id, route: readonly Id[] | undefined): void {
    // Who asks by way of an introducer will be linked to whoever is nearest to it.
    const byNearest = [...this.ports.links.closest(peer, 1), peer]
    this.hear([{ id: peer, route: route ?? byNearest }])
    this.unlinked.keep(peer)
  }

  #onAgreed(peer: Id): void {
    if (!this.#closed && this.#isAmongNearest(peer, this.ports.settings.k)) this.unlinked.keep(peer)
  }

  #tendSoon(inMs = gatherMs): void {
    if (this.#closed) return
    if (inMs < gatherMs) {
      this.#tending?.cancel()
      this.#tending = undefined
    }
    this.#tending ??= this.ports.clock.setTimer(inMs, () => {
      this.#tending = undefined
      this.#tend()
    })
  }

  #tend(): void {
    if (this.#closed) return
    const { dialler } = this
    for (const contact of dialler.hasRoom ? this.#wanted() : []) {
      if (!dialler.hasRoom) break
      this.#watchDials()
      const path = overlayPath(this.ports, contact.id, contact.route)
      dialler.tryDial(contact.id, path)
    }
    this.budget.releaseIdle()
  }

  /** In search of a faster link. One that turns out to be slow lasts a minute: it may take a place of the reserve, but not all of them. */
  async #tryAnother(): Promise<void> {
    if (!this.#hasPlaceForTrial) return
    const contact = await this.#faster.find()
    if (!contact || !this.#hasPlaceForTrial) return
    this.linksTried++
    this.dialler.tryDial(contact.id, overlayPath(this.ports, contact.id, contact.route))
  }

  get #hasPlaceForTrial(): boolean {
    const { links, settings } = this.ports
    const { hasRoom, prompt } = this.dialler
    return !this.#closed && hasRoom && links.size + prompt < settings.linksMax - trialsReserve
  }

  /** Who takes long to dial is replaced by others. */
  #watchDials(): void {
    this.#watching ??= this.ports.clock.setTimer(promptMs, () => {
      this.#watching = undefined
      if (this.dialler.underWay > 0) this.#watchDials()
      this.#tend()
    })
  }

  /**
   * A peer that is gone is forgotten; one that is busy stays known. A sibling may be there all the same: it answered and no link
   * came about, or signals were lost, and then whoever is linked to it will name it again.
   */
  #onDialFailed(peer: Id, code: ErrorCode | undefined): void {
    const isSibling = !this.#closed && this.#isAmongNearest(peer, this.ports.settings.k)
    if (code === 'UNREACHABLE' && isSibling) {
      this.unlinked.keep(peer)
      if (!this.dialler.isApart(peer)) this.refresher.onSiblingMissed()
    } else if (code === 'TIMEOUT' || code === 'UNREACHABLE') {
      this.forget(peer)
      if (isSibling) this.refresher.onSiblingMissed()
    }
    this.#tendSoon()
  }

  /**
   * Who should be linked and is not: missing siblings first, then contacts of buckets with too few links, or with none into one
   * half. Who cannot be reached keeps nobody else from being a sibling, however near it is.
   */
  #wanted(): Contact[] {
    const { settings, links } = this.ports
    const wanted: Contact[] = []
    let reachable = 0
    for (const contact of this.#nearest.closest(2 * settings.k)) {
      if (reachable === settings.k) break
      const isLinked = links.has(contact.id)
      if (!isLinked && (this.dialler.avoids(contact.id) || this.dialler.isSlow(contact.id))) continue
      reachable++
      if (!isLinked && this.dialler.wants(contact.id)) wanted.push(contact)
    }
    if (links.size + this.dialler.prompt >= settings.linksMax - this.#reserve) return wanted
    // Who is near may lie in a far bucket, too.
    wanted.push(...this.#far.wanted().filter(({ id }) => !wanted.some((one) => one.id === id)))
    return wanted
  }

  /** Places that this node leaves to others: to newcomers, and to those who need it more than it needs them. */
  get #reserve(): number {
    return Math.ceil(this.ports.settings.linksMax / 16)
  }

  /** Would this peer be one of our `count` nearest links? */
  #isAmongNearest(peer: Id, count: number): boolean {
    const { own, links, settings } = this.ports
    const last = (count === settings.k ? links.siblings() : links.closest(own, count))[count - 1]
    return !last || compareDistances(own, peer, last) <= 0
  }
}
