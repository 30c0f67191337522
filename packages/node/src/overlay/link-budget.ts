/**
 * Which links have a reason to live, and which are given up: a link with no reason left is offered for closing and closes when the
 * peer has none either; a full node gives up the least needed one for a sibling, and one that it can spare for a newcomer.
 */
import { type Id, idKey } from '@kadrtc/kademlia'
import type { LookupPorts } from '../lookups/lookup-ports.js'
import type { Link } from '../ports/link-transport.js'
import { type LinkReason, linkReasons } from './link-reasons.js'
import type { Neighbour } from './link-table.js'

/** Between changes links are weighed again after this long: some have grown old. A guess. */
const weighEveryMs = 1_000
/** A peer that wants to keep a link is not asked again for this long. A guess. */
const askAgainMs = 600_000
/** A newcomer has links of its own making after this long, and needs that to its greeter no more. A guess. */
const greetedAfterMs = 5_000

export class LinkBudget {
  /** By peer, how many hold a link to it. Bounded by the channels of apps. */
  readonly #pinned = new Map<string, number>()
  /** When all links were weighed last; undefined when a link or a pin has come or gone since. */
  #weighedAtMs: number | undefined

  constructor(
    readonly ports: LookupPorts,
    /** An app holds no link to this peer any more. */
    readonly onUnpinned: () => void,
  ) {}

  /** A link has come or gone. */
  noteChange(): void {
    this.#weighedAtMs = undefined
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
      this.noteChange()
      this.onUnpinned()
    }
  }

  reasons(): Map<Link, LinkReason[]> {
    const { own, links, settings, clock } = this.ports
    const pinned = new Set(this.#pinned.keys())
    const neighbours = links.closestNeighbours(own, links.size)
    return linkReasons({ own, neighbours, pinned, settings, nowMs: clock.now() })
  }

  /** The peer needs this link no longer. Closes it, or says that we do. */
  onRelease(link: Link): void {
    const reasons = this.reasons().get(link) ?? []
    if (reasons.length > 0) this.ports.rpc.notify(link, { type: 'keep' })
    else link.close()
  }

  /** Offers old links for closing that nobody here needs. */
  releaseIdle(): void {
    const { clock, settings, rpc, links } = this.ports
    const nowMs = clock.now()
    if (this.#weighedAtMs !== undefined && nowMs - this.#weighedAtMs < weighEveryMs) return
    this.#weighedAtMs = nowMs
    const old = links.neighbours().filter(({ openedAtMs, askedAtMs }) => {
      const isAsked = askedAtMs !== undefined && nowMs - askedAtMs < askAgainMs
      return !isAsked && nowMs - openedAtMs >= settings.idleLinkMs
    })
    if (old.length === 0) return
    const reasons = this.reasons()
    for (const neighbour of old) {
      if (reasons.get(neighbour.link)!.length > 0) continue
      neighbour.askedAtMs = nowMs
      rpc.notify(neighbour.link, { type: 'release' })
    }
  }

  /** A link that may make room for a newcomer: one with no reason, or else the oldest to somebody who was greeted and has other links by now. */
  spare(): Link | undefined {
    const { links, clock } = this.ports
    const allReasons = this.reasons()
    const greetedBeforeMs = clock.now() - greetedAfterMs
    let greeted: Neighbour | undefined
    for (const neighbour of links.neighbours()) {
      const reasons = allReasons.get(neighbour.link)!
      if (reasons.length === 0) return neighbour.link
      const isGreeted = reasons.length === 1 && reasons[0] === 'greeter'
      if (!isGreeted || neighbour.openedAtMs > greetedBeforeMs) continue
      if (!greeted || neighbour.openedAtMs < greeted.openedAtMs) greeted = neighbour
    }
    return greeted?.link
  }

  /** The link to give up for a more needed one: no sibling and no app's; with the fewest reasons, the youngest. */
  leastNeeded(): Link | undefined {
    let least: { reasons: number; neighbour: Neighbour } | undefined
    const allReasons = this.reasons()
    for (const neighbour of this.ports.links.neighbours()) {
      const reasons = allReasons.get(neighbour.link)!
      if (reasons.includes('sibling') || reasons.includes('app')) continue
      const fewer = !least || reasons.length < least.reasons
      const younger = least?.reasons === reasons.length && neighbour.openedAtMs >= least.neighbour.openedAtMs
      if (fewer || younger) least = { reasons: reasons.length, neighbour }
    }
    return least?.neighbour.link
  }
}
