/**
 * Opens links, a few at a time, and remembers who did not answer, so that nobody is dialled over and over.
 */
import { equalIds, type Id, idKey } from '@kadrtc/kademlia'
import type { CancelSignal } from '../cancel-signal.js'
import { type ErrorCode, KadrtcError } from '../errors.js'
import type { Clock } from '../ports/clock.js'
import type { Link, LinkTransport, SignalPath } from '../ports/link-transport.js'
import type { LinkTable } from './link-table.js'

/** After a failed dial a peer is left alone this long, twice as long each time, up to the most. Guesses. */
export const avoidLeastMs = 5_000
const avoidMostMs = 300_000
/**
 * Two that answer each other and come to no link, as between two strict NATs, will hardly do better soon. Who had a link before will; and
 * who has few links cannot wait. Guesses.
 */
const avoidApartMs = 60_000
const fewLinks = 4
/** Peers remembered as once linked; the oldest are forgotten first. */
const onceLinkedMax = 128
/** Peers remembered as failing; the oldest are forgotten first. */
export const avoidedMax = 512

/**
 * A dial that works takes five round trips and its signals. One that has taken this long may fail after fifteen seconds, and gives its
 * place away: who is behind a symmetric NAT dials half of its siblings in vain, and had eleven links for as long.
 */
export const promptMs = 3_000

interface UnderWay {
  readonly sinceMs: number
  waiters: number
}

interface Avoided {
  untilMs: number
  /** It answered, and no link came about. */
  readonly isApart: boolean
  /** The same, where there had been a link: as when the network between them is cut. */
  readonly isCutOff: boolean
  readonly failures: number
}

export class Dialler {
  /** By peer. Bounded by twice `dialsMax`, and by what apps ask for. */
  readonly #underWay = new Map<string, UnderWay>()
  readonly #avoided = new Map<string, Avoided>()
  /** Links to them have closed. */
  readonly #onceLinked = new Set<string>()
  failures = 0
  /** Told of each dial: that the peer has agreed to a link, and that none came about, unless nobody waits for it any more. */
  onAgreed: (peer: Id) => void = () => undefined
  onFailed: (peer: Id, code: ErrorCode | undefined) => void = () => undefined

  constructor(
    readonly own: Id,
    readonly transport: LinkTransport,
    readonly links: LinkTable,
    readonly clock: Clock,
    readonly dialsMax: number,
  ) {}

  get underWay(): number {
    return this.#underWay.size
  }

  /** Dials under way that may soon be links. */
  get prompt(): number {
    const sinceMs = this.clock.now() - promptMs
    let prompt = 0
    for (const dial of this.#underWay.values()) if (dial.sinceMs > sinceMs) prompt++
    return prompt
  }

  /** Is a place free for one more? */
  get hasRoom(): boolean {
    const { dialsMax } = this
    return this.underWay < dialsMax || (this.underWay < 2 * dialsMax && this.prompt < dialsMax)
  }

  /** Peers that are remembered as failing. */
  get avoided(): number {
    return this.#avoided.size
  }

  /** Is it worth dialling this peer now? Not when linked, being dialled, or lately in vain. */
  wants(peer: Id): boolean {
    // Nearly all who are asked about are linked, and to look that up is cheap.
    if (this.links.has(peer) || equalIds(peer, this.own) || this.avoids(peer)) return false
    return this.#underWay.size === 0 || !this.#underWay.has(idKey(peer))
  }

  /** Was it dialled lately, and in vain? */
  avoids(peer: Id): boolean {
    const avoided = this.#avoided.size > 0 ? this.#avoided.get(idKey(peer)) : undefined
    return avoided !== undefined && avoided.untilMs > this.clock.now()
  }

  /** Is it left alone because it answered and no link came about? */
  isApart(peer: Id): boolean {
    return this.avoids(peer) && this.#avoided.get(idKey(peer))?.isApart === true
  }

  /** Is it being dialled, for longer than a dial that works takes? */
  isSlow(peer: Id): boolean {
    const dial = this.#underWay.size > 0 ? this.#underWay.get(idKey(peer)) : undefined
    return dial !== undefined && dial.sinceMs <= this.clock.now() - promptMs
  }

  /** A link stands, whoever opened it. If its peer had been cut off the cut may have healed, and others who are may be dialled at once. */
  onLinkOpened(peer: Id): void {
    if (this.#avoided.size === 0) return
    const key = idKey(peer)
    const mayHaveHealed = this.#avoided.get(key)?.isCutOff
    this.#avoided.delete(key)
    if (!mayHaveHealed) return
    const nowMs = this.clock.now()
    for (const other of this.#avoided.values())
      if (other.isCutOff) other.untilMs = Math.min(other.untilMs, nowMs)
  }

  onLinkClosed(peer: Id): void {
    const key = idKey(peer)
    this.#onceLinked.delete(key)
    this.#onceLinked.add(key)
    const [oldest] = this.#onceLinked
    if (this.#onceLinked.size > onceLinkedMax && oldest !== undefined) this.#onceLinked.delete(oldest)
  }

  /** Dials in the background if it is worth it and a place is free; tells whether it did. */
  tryDial(peer: Id, path: SignalPath): boolean {
    if (!this.hasRoom || !this.wants(peer)) return false
    this.dial(peer, path).catch(() => undefined)
    return true
  }

  /**
   * The link to a peer, dialled if need be. Rejects as `LinkTransport.dial` does. The transport shares a dial among all
   * who wait for it; whoever aborts his `signal` leaves it to the others, and says nothing against the peer.
   */
  async dial(peer: Id, path: SignalPath, signal?: CancelSignal): Promise<Link> {
    const key = idKey(peer)
    const underWay = this.#underWay.get(key) ?? { sinceMs: this.clock.now(), waiters: 0 }
    underWay.waiters++
    this.#underWay.set(key, underWay)
    try {
      const link = await this.transport.dial(peer, path, { signal, onAgreed: () => this.onAgreed(peer) })
      this.onLinkOpened(peer)
      return link
    } catch (error) {
      if (underWay.waiters === 1 && !signal?.aborted) {
        this.failures += 1
        const code = error instanceof KadrtcError ? error.code : undefined
        const hasAnswered = code === 'UNREACHABLE'
        const wasLinked = this.#onceLinked.has(key)
        const isPatient = this.links.size > fewLinks
        this.#avoid(key, hasAnswered && !wasLinked && isPatient, hasAnswered && wasLinked)
        this.onFailed(peer, code)
      }
      throw error
    } finally {
      underWay.waiters--
      if (underWay.waiters === 0) this.#underWay.delete(key)
    }
  }

  #avoid(key: string, isApart: boolean, isCutOff: boolean): void {
    const leastMs = isApart ? avoidApartMs : avoidLeastMs
    const failures = (this.#avoided.get(key)?.failures ?? 0) + 1
    const forMs = Math.min(avoidMostMs, leastMs * 2 ** (failures - 1))
    this.#remember(key, { untilMs: this.clock.now() + forMs, failures, isApart, isCutOff })
  }

  #remember(key: string, avoided: Avoided): void {
    this.#avoided.delete(key)
    this.#avoided.set(key, avoided)
    if (this.#avoided.size <= avoidedMax) return
    const [oldest] = this.#avoided.keys()
    if (oldest !== undefined) this.#avoided.delete(oldest)
  }
}
