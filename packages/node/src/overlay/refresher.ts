/**
 * Asks who is near, and who else there is: when a sibling is new or could not be reached, when one was lost, and now and
 * then as the backstop (bucket refresh: Kademlia paper, section 2.3).
 */
import { compareDistances, type Id } from '@kadrtc/kademlia'
import { contactsMax } from '@kadrtc/wire'
import { type Contact, contactsBehind } from '../lookups/contact.js'
import { findClosest } from '../lookups/find-closest.js'
import { knownNear } from '../lookups/known-near.js'
import type { LookupPorts } from '../lookups/lookup-ports.js'
import { firstWays } from '../lookups/ways.js'
import type { Timer } from '../ports/clock.js'
import type { Link } from '../ports/link-transport.js'
import { type Random, randomFraction } from '../ports/random.js'
import type { Way } from '../rpc/way.js'
import { avoidLeastMs } from './dialler.js'

/** A refresh that finds nothing new makes the next one rarer, down to one in so many. A guess. */
const refreshesSkipped = 8
/** A node that joins opens its links to siblings within about this long, and asks the nearest of them in the end. A guess. */
const gatherSiblingsMs = 500
/**
 * The backstop asks about so many of the siblings, others each time. 300 nodes with a median session of 1.4 minutes knew as many of their
 * siblings so as when all twenty were asked, or ten; bytes were 10 % and 2 % fewer.
 */
const backstopAsks = 7
/** Of those that the first lookup named, so many are asked for those that it did not name. A guess. */
const contactsAsked = 6
/** Into a bucket of which too few are known one packet is sent, and when its answer is late another, up to so many. A guess. */
const waysToMeet = 3
/** By then a peer that could not be dialled may be dialled again. */
const askAfterMissMs = avoidLeastMs + 500

export interface RefresherEvents {
  /** Takes note of contacts that somebody named; tells whether one of them is near and new. */
  hear(contacts: readonly Contact[]): boolean
  /** Everybody near who is known. */
  members(): readonly Contact[]
  /** An id in each bucket for which contacts are wanted, farthest first. */
  idsInThinBuckets(): Id[]
  /** A period is over: time to look after the links. */
  tend(): void
}

export class Refresher {
  /** Links to siblings that are new: who else is near is asked of the nearest of them. Bounded by the links. */
  readonly #newSiblings = new Set<Link>()
  #askingNew: Timer | undefined
  #askingAfterMiss: Timer | undefined
  #askingNearest = false
  #periodic: Timer | undefined
  #refreshing: Promise<boolean> | undefined
  #refreshMs: number
  #closed = false

  constructor(
    readonly ports: LookupPorts & { readonly random: Random },
    readonly events: RefresherEvents,
  ) {
    this.#refreshMs = ports.settings.refreshIntervalMs / 8
    this.#scheduleRefresh()
  }

  /**
   * Asks the linked siblings, or about `count` of them, who else is near; who has few links looks its own id up. One at a time, since
   * a second one would hear the same. Resolves with whether anybody was new.
   *
   * A careful lookup asked those too who are near and not linked, over relays, at six times the bytes: they are being dialled, or cannot be, and
   * who is linked to them names the same. Without it 300 nodes with a median session of 1.4 minutes knew as many of their siblings,
   * for 487 B/s instead of 566.
   */
  refreshSiblings(count = this.ports.settings.k): Promise<boolean> {
    const { links, settings } = this.ports
    if (this.#closed || links.size === 0) return Promise.resolve(false)
    const ask = () => (2 * links.size < settings.k ? this.#lookUpOwn(1) : this.#askSiblings(count))
    this.#refreshing ??= ask().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  /** Looks for contacts in the buckets between us and our siblings of which too few are linked or known. */
  async refreshBuckets(): Promise<void> {
    if (this.ports.links.size === 0) return
    await Promise.all(this.events.idsInThinBuckets().map((target) => this.#meet(target)))
  }

  /**
   * A new sibling knows who else is near: nodes that join at the same moment find each other by this, and so do two
   * islands that have met. Who joins has many at once, and the nearest of them knows the same as the others.
   */
  onNewSibling(link: Link): void {
    const { clock, own } = this.ports
    this.#newSiblings.add(link)
    this.#askingNew ??= clock.setTimer(gatherSiblingsMs, () => {
      this.#askingNew = undefined
      const [nearest] = [...this.#newSiblings].sort((a, b) => compareDistances(own, a.peer, b.peer))
      this.#newSiblings.clear()
      if (nearest) this.#askForNeighbours({ id: nearest.peer, route: [nearest.peer] })
    })
  }

  /** A link leads to where no packet led before, as to another island: whoever is nearest to this node there is asked who else is. */
  onOtherIsland(link: Link): void {
    const { own } = this.ports
    this.#askWhoIsNear({ kind: 'toward', target: own, link }).catch(() => undefined)
  }

  /** Asks a few of `contacts`, from the nearest to the farthest of them, who else is near: over relays, while links are opening. */
  askSome(contacts: readonly Contact[]): void {
    const step = Math.max(1, Math.floor(contacts.length / contactsAsked))
    for (let i = step - 1; i < contacts.length; i += step) this.#askForNeighbours(contacts[i]!)
  }

  /** A sibling is gone: the nearest link knows who moves up into its place. If that has gone too, others are asked. */
  onSiblingLost(): void {
    if (this.#closed || this.#askingNearest) return
    this.#askingNearest = true
    this.#askNearest()
      .catch(() => undefined)
      .finally(() => {
        this.#askingNearest = false
      })
  }

  /** A sibling could not be reached. If it is there, the nearest link will name it, when it may be dialled again. */
  onSiblingMissed(): void {
    if (this.#closed) return
    const { clock, links } = this.ports
    this.#askingAfterMiss ??= clock.setTimer(askAfterMissMs, () => {
      this.#askingAfterMiss = undefined
      const [nearest] = links.siblings()
      if (nearest) this.#askForNeighbours({ id: nearest, route: [nearest] })
    })
  }

  close(): void {
    this.#closed = true
    this.#askingNew?.cancel()
    this.#askingAfterMiss?.cancel()
    this.#periodic?.cancel()
  }

  #askForNeighbours(contact: Contact): void {
    this.#neighboursOf(contact).catch(() => undefined)
  }

  async #askNearest(): Promise<void> {
    const { own, links, settings } = this.ports
    const nearest = links.closestNeighbours(own, settings.k).find(({ silent }) => !silent)
    try {
      if (nearest) {
        await this.#neighboursOf(nearest)
        return
      }
    } catch {
      // It has gone too.
    }
    await this.#lookUpOwn(0)
  }

  #neighboursOf({ route }: Contact): Promise<boolean> {
    return this.#askWhoIsNear({ kind: 'route', route })
  }

  async #askWhoIsNear(way: Way): Promise<boolean> {
    const { rpc, own, links } = this.ports
    const known = knownNear(this.ports, own, this.events.members(), 0)
    const answer = await rpc.request(way, { type: 'find-node', target: own, ...known })
    const { reply, responder, route } = answer
    const news = contactsBehind(reply.contacts, route)
    if (!links.has(responder)) news.push({ id: responder, route })
    return this.events.hear(news)
  }

  /** One packet, and others only while its answer is late: who is nearest to the target does not matter, only who is there. */
  async #meet(target: Id): Promise<void> {
    const { own, links } = this.ports
    for (const way of firstWays(own, target, links, waysToMeet)) {
      if (this.#closed || (await this.#meetsInTime(way, target))) return
    }
  }

  /** False as soon as the answer is late or will not come. A late one is heard all the same. */
  #meetsInTime(way: Way, target: Id): Promise<boolean> {
    const { rpc, clock } = this.ports
    return new Promise((resolve) => {
      const late = clock.setTimer(rpc.roundTrips.relayed.hedgeAfterMs, () => resolve(false))
      const settle = (isMet: boolean) => {
        late.cancel()
        resolve(isMet)
      }
      rpc.request(way, { type: 'find-node', target }).then(
        ({ reply, responder, route }) => {
          this.events.hear([{ id: responder, route }, ...contactsBehind(reply.contacts, route)])
          settle(true)
        },
        () => settle(false),
      )
    })
  }

  /** A few at once: each is told whom the others have named. */
  async #askSiblings(count: number): Promise<boolean> {
    const { links, settings, random } = this.ports
    const all = links.siblings()
    const isAsked = () => all.length <= count || randomFraction(random) * all.length < count
    const siblings = all.filter(isAsked).values()
    let isNews = false
    const askNext = async (): Promise<void> => {
      for (const peer of siblings) {
        if (this.#closed) return
        if (!links.has(peer)) continue
        const asking = this.#neighboursOf({ id: peer, route: [peer] })
        isNews = (await asking.catch(() => false)) || isNews
      }
    }
    await Promise.all(Array.from({ length: settings.alpha }, askNext))
    return isNews
  }

  async #lookUpOwn(paths: number): Promise<boolean> {
    const { own } = this.ports
    return this.events.hear(await findClosest(this.ports, own, { paths, count: contactsMax }))
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
      this.events.tend()
      // Any of them: the k-th nearest may lie in a subtree that none of the nearest has a link into.
      this.refreshSiblings(backstopAsks)
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
