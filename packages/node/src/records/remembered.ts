/**
 * The newest records this node has read or written, so that no get of it ever returns an older one: a replica
 * that missed an update cannot take a reader back. Bounded: the least recently used go first.
 */
import { compareRecords, type Id, idKey, type KadRecord, slotOf } from '@kadrtc/kademlia'
import { decodeRecord, encodeRecord } from '@kadrtc/wire'

/** A tab reads some hundreds of keys, not thousands. A guess. */
export const rememberedMax = 1_024
const bytesMax = 4 * 2 ** 20

export class RememberedRecords {
  readonly #bySlot = new Map<string, KadRecord>()
  readonly #slotsByKey = new Map<string, Set<string>>()
  #bytes = 0

  get size(): number {
    return this.#bySlot.size
  }

  note(record: KadRecord): void {
    if (record.kind === 'content') return
    const slot = slotOf(record)
    const known = this.#bySlot.get(slot)
    // A copy: a decoded record is a view of its whole message, which must not live on with it.
    const isNews = !known || compareRecords(record, known) > 0
    const newest = isNews ? decodeRecord(encodeRecord(record)) : known
    if (known) this.#forget(slot, known)
    this.#bySlot.set(slot, newest)
    this.#bytes += newest.value.length
    const key = idKey(newest.keyId)
    this.#slotsByKey.set(key, (this.#slotsByKey.get(key) ?? new Set()).add(slot))
    for (const [oldest, old] of this.#bySlot) {
      if (this.#bySlot.size <= rememberedMax && this.#bytes <= bytesMax) break
      if (oldest !== slot) this.#forget(oldest, old)
    }
  }

  /**
   * What is remembered under a key. What has expired is among it: an older version of it may live longer, with a replica that missed
   * the newer one, and is not to come back.
   */
  under(keyId: Id): KadRecord[] {
    const slots = this.#slotsByKey.get(idKey(keyId))
    return slots ? [...slots].map((slot) => this.#bySlot.get(slot)!) : []
  }

  #forget(slot: string, record: KadRecord): void {
    this.#bySlot.delete(slot)
    this.#bytes -= record.value.length
    const key = idKey(record.keyId)
    const slots = this.#slotsByKey.get(key)
    slots?.delete(slot)
    if (slots?.size === 0) this.#slotsByKey.delete(key)
  }
}
