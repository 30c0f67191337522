/**
 * What is stored, and the rules every holder applies before it keeps a record. Pure: the clock is an argument.
 * A signature is checked elsewhere, because WebCrypto answers asynchronously; do that after `checkRecord`, which is
 * cheaper and refuses most rubbish.
 */
import {
  contentIdOf,
  equalIds,
  type Id,
  idBytes,
  idFromHex,
  idToHex,
  keyIdOfContent,
  nodeIdOf,
} from './id.js'

/** A value that proves itself: its SHA-256 is its content id. Nobody can change it. */
export interface ContentRecord {
  readonly kind: 'content'
  /** SHA-1 of the content id. */
  readonly keyId: Id
  readonly value: Uint8Array
  /** Milliseconds since the Unix epoch. Not proven by anything: each holder bounds it. */
  readonly expiresAtMs: number
}

/** A value under any key, one slot per author. The signature covers all other fields and the network's name. */
export interface SignedRecord {
  readonly kind: 'signed'
  readonly keyId: Id
  /** The author's Ed25519 public key, 32 bytes. */
  readonly author: Uint8Array
  /** Sequence number, 48 bits unsigned: by default the milliseconds at which it was written. The higher one wins. */
  readonly seq: number
  readonly expiresAtMs: number
  /** A tombstone: the author deleted the value. Its `value` is empty. */
  readonly deleted: boolean
  /** How the app reads `value`: 8 bits unsigned, opaque here. */
  readonly format: number
  readonly value: Uint8Array
  /** Ed25519, 64 bytes. */
  readonly signature: Uint8Array
}

/** Every kind of record; tell them apart by `kind`, in a switch that is exhaustive. */
export type KadRecord = ContentRecord | SignedRecord

export const publicKeyBytes = 32
export const signatureBytes = 64
/** The highest sequence number: 48 bits hold milliseconds until the year 10889. */
export const seqMax = 2 ** 48 - 1

export interface RecordLimits {
  readonly valueBytesMax: number
  readonly lifeMsMax: number
  readonly lifeMsDefault: number
  readonly clockAheadMsMax: number
}

export const recordLimits: RecordLimits = {
  /** Fits a message with room for headers; larger things are cut into content records. */
  valueBytesMax: 65_536,
  /** What nobody republishes for a week is given up. A guess. */
  lifeMsMax: 7 * 24 * 3_600_000,
  /** The paper's 24 hours (section 2.5). */
  lifeMsDefault: 24 * 3_600_000,
  /** How far an author's clock may be ahead of a holder's. A `seq` from the far future would lock its slot for ever. A guess. */
  clockAheadMsMax: 10 * 60_000,
}

/** Why a holder refuses a record. */
export type RecordFault =
  /** A field has the wrong length or range, or a tombstone carries a value. */
  | 'malformed'
  /** The value exceeds `valueBytesMax`. */
  | 'too-large'
  | 'expired'
  /** It expires more than `lifeMsMax` from now, even by a clock that is `clockAheadMsMax` ahead. */
  | 'life-too-long'
  /** `seq` is more than `clockAheadMsMax` ahead of now. */
  | 'future-seq'
  /** Content that does not hash to its key id. */
  | 'wrong-key'

/** So many authors' ids are kept: a holder asks for that of a record that it is offered half a dozen times. */
const authorIdsMax = 1_024

/** Each at a place that its public key gives. */
const authorIds = new Map<number, { readonly author: Uint8Array; readonly id: Id }>()

/** The node id of a record's author. */
export function authorIdOf({ author }: SignedRecord): Id {
  const place = ((author[0]! << 8) | author[1]!) % authorIdsMax
  const known = authorIds.get(place)
  if (known && compareBytes(known.author, author) === 0) return known.id
  const id = nodeIdOf(author)
  authorIds.set(place, { author: author.slice(), id })
  return id
}

/**
 * The record's place in a store, unique and printable ASCII: `c` and the key id in hex for content, `s`, the key id and
 * the author's node id in hex for signed values.
 */
export function slotOf(record: KadRecord): string {
  switch (record.kind) {
    case 'content':
      return `c${idToHex(record.keyId)}`
    case 'signed':
      return signedSlot(record.keyId, authorIdOf(record))
  }
}

/** The slot of what the node `author` signs under a key. */
export function signedSlot(keyId: Id, author: Id): string {
  return `s${idToHex(keyId)}${idToHex(author)}`
}

/** The key id of a slot; undefined when `slotOf` cannot have made it. */
export function slotKeyId(slot: string): Id | undefined {
  return /^(?:c[0-9a-f]{40}|s[0-9a-f]{80})$/.test(slot)
    ? idFromHex(slot.slice(1, 1 + 2 * idBytes))
    : undefined
}

/**
 * Which of two records of one slot is newer: positive when `a` is, negative when `b` is, 0 when neither. A total order
 * that every holder agrees on: the higher `seq`; then the later expiry, so that its author can renew it; then the
 * tombstone; then the greater value and signature, bytewise.
 * Of two copies of one content the one that expires later is newer. Throws TypeError when the kinds differ.
 */
export function compareRecords(a: KadRecord, b: KadRecord): number {
  if (a.kind === 'content' && b.kind === 'content') return a.expiresAtMs - b.expiresAtMs
  if (a.kind === 'signed' && b.kind === 'signed') {
    return (
      a.seq - b.seq ||
      a.expiresAtMs - b.expiresAtMs ||
      Number(a.deleted) - Number(b.deleted) ||
      compareBytes(a.value, b.value) ||
      compareBytes(a.signature, b.signature)
    )
  }
  throw new TypeError(`A ${a.kind} and a ${b.kind} record never share a slot`)
}

/**
 * Everything a holder can check without cryptography that takes time: all but the signature. Cheap checks come first,
 * hashing the value comes last.
 */
export function checkRecord(
  record: KadRecord,
  nowMs: number,
  limits: RecordLimits = recordLimits,
): 'ok' | RecordFault {
  if (!isWellFormed(record)) return 'malformed'
  if (record.value.length > limits.valueBytesMax) return 'too-large'
  if (record.expiresAtMs <= nowMs) return 'expired'
  if (record.expiresAtMs - nowMs > limits.lifeMsMax + limits.clockAheadMsMax) return 'life-too-long'
  switch (record.kind) {
    case 'content':
      return equalIds(keyIdOfContent(contentIdOf(record.value)), record.keyId) ? 'ok' : 'wrong-key'
    case 'signed':
      return record.seq - nowMs > limits.clockAheadMsMax ? 'future-seq' : 'ok'
  }
}

/**
 * The sequence number for a write now, above `previous`: it follows the clock, and counts on where the clock stands
 * still or was set back. Throws RangeError past `seqMax`.
 */
export function nextSeq(nowMs: number, previous: number | undefined): number {
  const seq = Math.max(Math.floor(nowMs), (previous ?? -1) + 1)
  if (!isUint(seq, seqMax)) throw new RangeError(`A sequence number is at most ${seqMax}, not ${seq}`)
  return seq
}

function isWellFormed(record: KadRecord): boolean {
  if (record.keyId.length !== idBytes || !isUint(record.expiresAtMs, Number.MAX_SAFE_INTEGER)) return false
  switch (record.kind) {
    case 'content':
      return true
    case 'signed':
      return (
        record.author.length === publicKeyBytes &&
        record.signature.length === signatureBytes &&
        isUint(record.seq, seqMax) &&
        isUint(record.format, 0xff) &&
        !(record.deleted && record.value.length > 0)
      )
  }
}

function isUint(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max
}

/** Lexicographic; a prefix is less than what it begins. */
function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}
