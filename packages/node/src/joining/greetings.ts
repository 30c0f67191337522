/**
 * The first contacts of a node that has no link: of those whom introducers name a few are dialled at once, and another whenever
 * one refuses, fails or takes long. Of 397 newcomers among 2,000 nodes (mean session 5 min) 44 had waited four seconds and more, most
 * of them over eleven: one or two of their three first contacts were full and said so at once, and no link came about to the others.
 */
import type { Id } from '@kadrtc/kademlia'
import { promptMs } from '../overlay/dialler.js'
import type { LinkTable } from '../overlay/link-table.js'
import type { Clock, Timer } from '../ports/clock.js'

/** Named and not dialled yet: as many as some introducers name. */
const furtherMax = 32

interface Named {
  readonly peer: Id
  readonly dial: (peer: Id) => Promise<unknown>
}

export class Greetings {
  /** Being dialled. Bounded by those at once, and by one more for each that takes long. */
  readonly #underWay = new Set<Id>()
  #further: Named[] = []
  #late: Timer | undefined
  #closed = false

  constructor(
    readonly ports: { readonly clock: Clock; readonly links: LinkTable; wants(peer: Id): boolean },
    /** Nobody is being dialled any more. */
    readonly onEnded: () => void,
  ) {}

  get underWay(): ReadonlySet<Id> {
    return this.#underWay
  }

  /** Dials the first `atOnce` of them; the others only while there is no link. */
  meet(peers: readonly Id[], atOnce: number, dial: (peer: Id) => Promise<unknown>): void {
    for (const peer of peers.slice(0, atOnce)) this.#greet({ peer, dial })
    if (this.ports.links.size > 0) return
    const further = peers.slice(atOnce).map((peer) => ({ peer, dial }))
    this.#further = [...further, ...this.#further].slice(0, furtherMax)
    this.#watch()
  }

  /** The first link stands: nobody else is dialled. */
  onLinkOpened(): void {
    this.#late?.cancel()
    this.#late = undefined
    this.#further = []
  }

  close(): void {
    this.#closed = true
    this.onLinkOpened()
  }

  #greet({ peer, dial }: Named): void {
    this.#underWay.add(peer)
    dial(peer)
      .catch(() => this.#greetNext())
      .finally(() => {
        this.#underWay.delete(peer)
        if (!this.#closed && this.#underWay.size === 0) this.onEnded()
      })
  }

  #greetNext(): void {
    if (this.ports.links.size > 0) return
    for (let next = this.#further.shift(); next; next = this.#further.shift()) {
      if (this.ports.wants(next.peer)) return this.#greet(next)
    }
  }

  #watch(): void {
    this.#late?.cancel()
    this.#late = undefined
    if (this.#closed || this.#further.length === 0) return
    this.#late = this.ports.clock.setTimer(promptMs, () => {
      this.#greetNext()
      this.#watch()
    })
  }
}
