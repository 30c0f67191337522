/**
 * Siblings that are there and to whom no link comes about, as between two strict NATs. They are siblings all the same: they
 * hold records, and are named to who asks. Whoever is linked to one knows when it goes; this node has to ask, now and then.
 */
import { equalIds, type Id, idKey } from '@kadrtc/kademlia'
import type { Contact } from '../lookups/contact.js'
import type { Clock, Timer } from '../ports/clock.js'
import { type Random, randomFraction } from '../ports/random.js'
import type { Rpc } from '../rpc/rpc.js'
import type { LinkTable } from './link-table.js'

/** How long one is believed to be there after it has answered. What only says that it comes from it is no sign: that is not proved. A guess. */
const askEveryMs = 60_000
const noPayload = new Uint8Array(0)

export interface UnlinkedSiblingPorts {
  readonly clock: Clock
  readonly random: Random
  readonly rpc: Rpc
  readonly links: LinkTable
}

export interface UnlinkedSiblingEvents {
  /** It has answered, by this way. */
  onFound(contact: Contact): void
  /** It does not answer. */
  onGone(id: Id): void
  /** How it is known now; undefined: it is no sibling any more. */
  contactOf(id: Id): Contact | undefined
}

export class UnlinkedSiblings {
  /** By `idKey`. Bounded by the contacts near this node, for which alone it is asked. */
  readonly #there = new Map<string, Id>()
  #timer: Timer | undefined
  #closed = false

  constructor(
    readonly ports: UnlinkedSiblingPorts,
    readonly events: UnlinkedSiblingEvents,
  ) {}

  get size(): number {
    return this.#there.size
  }

  /** Each that is there, as it is known now. */
  contacts(): Contact[] {
    const { links } = this.ports
    return [...this.#there.values()].flatMap((id) => (links.has(id) ? [] : (this.events.contactOf(id) ?? [])))
  }

  /**
   * The way to one that is there, by nobody who has been `passed`; undefined for everybody else. Where that goes no more, whoever is
   * nearest to it is likely to be linked to it.
   */
  routeTo(id: Id, passed: readonly Id[]): readonly Id[] | undefined {
    if (this.#there.size === 0 || !this.#there.has(idKey(id))) return undefined
    const { links } = this.ports
    const hasPassed = (hop: Id) => passed.some((other) => equalIds(other, hop))
    const route = this.events.contactOf(id)?.route
    if (route && links.has(route[0]!) && !route.some(hasPassed)) return route
    const nearest = links.closest(id, passed.length + 1).find((hop) => !hasPassed(hop))
    return nearest && [nearest, id]
  }

  /** A sibling answered the signals, and yet no link came about. */
  keep(id: Id): void {
    if (this.#closed || this.ports.links.has(id)) return
    this.#there.set(idKey(id), id)
    this.#askLater()
  }

  forget(id: Id): void {
    if (this.#there.size > 0) this.#there.delete(idKey(id))
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#there.clear()
  }

  #askLater(): void {
    const { clock, random } = this.ports
    this.#timer ??= clock.setTimer(askEveryMs * (0.75 + randomFraction(random) / 2), () => {
      this.#timer = undefined
      const contacts = this.contacts()
      for (const [key, id] of this.#there) {
        if (contacts.some((contact) => equalIds(contact.id, id))) void this.#ask(id)
        else this.#there.delete(key)
      }
      if (contacts.length > 0) this.#askLater()
    })
  }

  /** By those who are nearest to it: of one the link to it may have closed, and two are enough to say that it is gone. */
  async #ask(id: Id): Promise<void> {
    for (const { link } of this.ports.links.closestNeighbours(id, 2)) {
      const way = { kind: 'toward', target: id, link, exact: true } as const
      try {
        const { route } = await this.ports.rpc.request(way, { type: 'ping', payload: noPayload })
        if (!this.#closed) this.events.onFound({ id, route })
        return
      } catch {
        if (this.#closed || this.ports.links.has(id)) return
      }
    }
    this.forget(id)
    this.events.onGone(id)
  }
}
