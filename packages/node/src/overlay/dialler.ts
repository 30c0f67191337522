/**
 * Opens links, a few at a time, and remembers who did not answer, so that nobody is dialled over and over.
 */
import { equalIds, type Id, idKey } from '@kadrtc/kademlia'
import type { CancelSignal } from '../cancel-signal.js'
import type { Clock } from '../ports/clock.js'
import type { Link, LinkTransport, SignalPath } from '../ports/link-transport.js'
import type { LinkTable } from './link-table.js'

/** After a failed dial a peer is left alone this long, twice as long each time, up to the most. Guesses. */
export const avoidLeastMs = 5_000
const avoidMostMs = 300_000
/** Peers remembered as failing; the oldest are forgotten first. */
export const avoidedMax = 512

interface Avoided {
  readonly untilMs: number
  readonly failures: number
}

export class Dialler {
  /** How many wait for a link to each peer. Bounded by `dialsMax`, and by what apps ask for. */
  readonly #waiting = new Map<string, number>()
  readonly #avoided = new Map<string, Avoided>()
  failures = 0

  constructor(
    readonly own: Id,
    readonly transport: LinkTransport,
    readonly links: LinkTable,
    readonly clock: Clock,
    readonly dialsMax: number,
  ) {}

  get underWay(): number {
    return this.#waiting.size
  }

  /** Peers that are remembered as failing. */
  get avoided(): number {
    return this.#avoided.size
  }

  /** Is it worth dialling this peer now? Not when linked, being dialled, or lately in vain. */
  wants(peer: Id): boolean {
    // Nearly all who are asked about are linked, and to look that up is cheap.
    if (this.links.has(peer) || equalIds(peer, this.own) || this.avoids(peer)) return false
    return this.#waiting.size === 0 || !this.#waiting.has(idKey(peer))
  }

  /** Was it dialled lately, and in vain? */
  avoids(peer: Id): boolean {
    const avoided = this.#avoided.size > 0 ? this.#avoided.get(idKey(peer)) : undefined
    return avoided !== undefined && avoided.untilMs > this.clock.now()
  }

  /** How often it was dialled in vain since a link to it stood. */
  failuresOf(peer: Id): number {
    return this.#avoided.get(idKey(peer))?.failures ?? 0
  }

  /** It is there and no link comes about, as between two strict NATs: the next attempts will hardly do better. */
  avoidLong(peer: Id): void {
    const key = idKey(peer)
    this.#remember(key, { untilMs: this.clock.now() + avoidMostMs, failures: this.failuresOf(peer) })
  }

  /** Dials in the background if it is worth it and a place is free; tells whether it did. */
  tryDial(peer: Id, path: SignalPath): boolean {
    if (this.#waiting.size >= this.dialsMax || !this.wants(peer)) return false
    this.dial(peer, path).catch(() => undefined)
    return true
  }

  /**
   * The link to a peer, dialled if need be. Rejects as `LinkTransport.dial` does. The transport shares a dial among all
   * who wait for it; whoever aborts his `signal` leaves it to the others, and says nothing against the peer.
   */
  async dial(peer: Id, path: SignalPath, signal?: CancelSignal): Promise<Link> {
    const key = idKey(peer)
    this.#waiting.set(key, (this.#waiting.get(key) ?? 0) + 1)
    try {
      const link = await this.transport.dial(peer, path, signal ? { signal } : {})
      this.#avoided.delete(key)
      return link
    } catch (error) {
      const isLast = this.#waiting.get(key) === 1
      if (isLast && !signal?.aborted) this.#avoid(key)
      throw error
    } finally {
      const left = this.#waiting.get(key)! - 1
      if (left > 0) this.#waiting.set(key, left)
      else this.#waiting.delete(key)
    }
  }

  #avoid(key: string): void {
    this.failures += 1
    const failures = (this.#avoided.get(key)?.failures ?? 0) + 1
    const forMs = Math.min(avoidMostMs, avoidLeastMs * 2 ** (failures - 1))
    this.#remember(key, { untilMs: this.clock.now() + forMs, failures })
  }

  #remember(key: string, avoided: Avoided): void {
    this.#avoided.delete(key)
    this.#avoided.set(key, avoided)
    if (this.#avoided.size <= avoidedMax) return
    const [oldest] = this.#avoided.keys()
    if (oldest !== undefined) this.#avoided.delete(oldest)
  }
}
