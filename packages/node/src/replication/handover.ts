/** Offers records to one peer by digests, and hands over those that it wants. */
import type { Contact } from '../lookups/contact.js'
import type { LinkTable } from '../overlay/link-table.js'
import type { RecordShelf } from '../records/record-shelf.js'
import type { Rpc } from '../rpc/rpc.js'
import type { Way } from '../rpc/way.js'

export interface HandoverPorts {
  readonly links: LinkTable
  readonly shelf: RecordShelf
  readonly rpc: Rpc
}

/** Entries of one digest; the wire's limit. */
const digestEntries = 512
/** Records handed to one peer at once: its link and its store are shared with live traffic. A guess. */
const handedAtOnce = 8

export class Handover {
  readonly counters = { offered: 0, handedOver: 0 }
  #closed = false

  constructor(readonly ports: HandoverPorts) {}

  /** Offers digests, then stores what the peer wants. */
  offer(peer: Contact, slots: Iterable<string>): Promise<void> {
    return this.compare(peer, slots, ({ wanted }) => this.#hand(peer, wanted))
  }

  /** Sends digests, and tells which of the records the peer wants and which it holds as new. */
  async compare(
    peer: Contact,
    slots: Iterable<string>,
    onCompared: (result: { wanted: string[]; held: string[] }) => Promise<void> | void,
  ): Promise<void> {
    const { shelf, rpc } = this.ports
    const held = [...slots].filter((slot) => shelf.entry(slot)?.cached === false)
    for (let start = 0; start < held.length; start += digestEntries) {
      if (this.#closed) return
      const part = held.slice(start, start + digestEntries).filter((slot) => shelf.entry(slot))
      const entries = part.map((slot) => shelf.entry(slot)!)
      this.counters.offered += entries.length
      const { reply } = await rpc.request(this.#way(peer), { type: 'digest', entries })
      await onCompared({
        wanted: part.filter((_, index) => reply.wanted[index]),
        held: part.filter((_, index) => !reply.wanted[index]),
      })
    }
  }

  close(): void {
    this.#closed = true
  }

  /** Rejects if one record could not be handed over; the others have been by then. */
  async #hand(peer: Contact, slots: readonly string[]): Promise<void> {
    const waiting = [...slots]
    let failure: unknown
    const worker = async () => {
      for (let slot = waiting.shift(); slot !== undefined; slot = waiting.shift()) {
        const record = await this.ports.shelf.read(slot)
        if (this.#closed || !record) continue
        try {
          await this.ports.rpc.request(this.#way(peer), { type: 'store', record, cached: false })
          this.counters.handedOver += 1
        } catch (error) {
          failure ??= error
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(handedAtOnce, slots.length) }, worker))
    if (failure) throw failure
  }

  #way({ id, route }: Contact): Way {
    const link = this.ports.links.get(id)
    return link ? { kind: 'link', link } : { kind: 'route', route }
  }
}
