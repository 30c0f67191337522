import { authorIdOf, type Id, idKey, type KadRecord, slotOf } from '@kadrtc/kademlia'
import { decodeRecord, recordVersion, slotHash } from '@kadrtc/wire'

/** What the shelf knows of a record without reading the store. */
export interface ShelfEntry {
  readonly slot: string
  readonly keyId: Id
  /** `idKey` of the author's node id; undefined for content. */
  readonly author: string | undefined
  /** 0 for content. */
  readonly seq: number
  expiresAtMs: number
  /** Encoded size: what counts against the limits. */
  readonly bytes: number
  /** The slot in a digest, eight bytes. */
  readonly slotHash: Uint8Array
  /** Eight bytes that change with the record: what digests carry. */
  readonly version: Uint8Array
  /** A copy kept on the way for a while: in memory only, and no replica. */
  readonly cached: boolean
  /** The record itself, while it is in memory. */
  record: KadRecord | undefined
  /** Its write has not completed: it must stay in memory. */
  writing: boolean
  /** In the index. */
  place: number
}

/** With `cachedUntilMs` it is a copy kept on the way until then, if it does not expire before. */
export function shelfEntry(record: KadRecord, bytes: number, cachedUntilMs?: number): ShelfEntry {
  const slot = slotOf(record)
  return {
    slot,
    slotHash: slotHash(slot),
    keyId: record.keyId,
    author: record.kind === 'signed' ? idKey(authorIdOf(record)) : undefined,
    seq: record.kind === 'signed' ? record.seq : 0,
    expiresAtMs: Math.min(record.expiresAtMs, cachedUntilMs ?? record.expiresAtMs),
    bytes,
    version: recordVersion(record),
    cached: cachedUntilMs !== undefined,
    record: undefined,
    writing: false,
    place: -1,
  }
}

/** A decoded record is a view of its whole message, or of many that came together, which must not live on with it. */
export function inOwnMemory(record: KadRecord, encoded: Uint8Array): KadRecord {
  return record.value.buffer.byteLength <= 2 * encoded.length ? record : decodeRecord(encoded)
}
