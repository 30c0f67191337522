/**
 * Records as bytes: in STORE and FIND_VALUE messages and in record stores. The encoding is canonical (one record,
 * one encoding), and a signed record's signature comes last, so that what is signed is what stands before it.
 */
import {
  asId,
  type Id,
  type KadRecord,
  publicKeyBytes,
  type SignedRecord,
  signatureBytes,
} from '@kadrtc/kademlia'
import { sha256 } from '@noble/hashes/sha2.js'
import { briefMemory } from './brief-memory.js'
import { domainPrefix } from './domain.js'
import { WireError } from './errors.js'
import { recordsPerReplyBytesMax, recordsPerReplyMax, recordValueBytesMax } from './limits.js'
import { networkHashBytes } from './network.js'
import { Reader } from './reader.js'
import { encodeText } from './text.js'
import { concatBytes, Writer } from './writer.js'

const contentKind = 1
const signedKind = 2

const contentHeaderBytes = 1 + 20 + 6 + 4
const signedHeaderBytes = 1 + 20 + publicKeyBytes + 6 + 6 + 1 + 1 + 4

/** The largest encoded record. */
export const recordBytesMax = signedHeaderBytes + recordValueBytesMax + signatureBytes

/** What the author of a record signs: all of it but the signature. */
export type UnsignedRecord = Omit<SignedRecord, 'signature' | 'kind'>

/** Throws WireError TOO_LARGE for a value beyond 64 KiB, BAD_VALUE for a field out of its range. */
export function encodeRecord(record: KadRecord): Uint8Array {
  const writer = new Writer(encodedRecordBytes(record), recordBytesMax)
  writeRecord(writer, record)
  return writer.finish()
}

/** The record that `bytes` are, its fields views of them. Throws WireError; checks no rule of records and no signature. */
export function decodeRecord(bytes: Uint8Array): KadRecord {
  const reader = new Reader(bytes)
  const record = readRecord(reader)
  reader.end()
  return record
}

/** Size of `encodeRecord(record)`, in bytes. */
export function encodedRecordBytes(record: KadRecord): number {
  switch (record.kind) {
    case 'content':
      return contentHeaderBytes + record.value.length
    case 'signed':
      return signedHeaderBytes + record.value.length + signatureBytes
  }
}

/** How many of `records`, from the first on, fit into one reply. At least one, if there are any. */
export function recordsThatFit(records: readonly KadRecord[]): number {
  let bytes = 0
  let count = 0
  for (const record of records) {
    bytes += encodedRecordBytes(record)
    if (bytes > recordsPerReplyBytesMax || count === recordsPerReplyMax) break
    count++
  }
  return count
}

export function writeRecord(writer: Writer, record: KadRecord): void {
  switch (record.kind) {
    case 'content':
      writer.u8(contentKind)
      writer.fixed(record.keyId, 20)
      writer.u48(record.expiresAtMs)
      writeValue(writer, record.value)
      return
    case 'signed':
      writeSignedFields(writer, record)
      writer.fixed(record.signature, signatureBytes)
  }
}

export function readRecord(reader: Reader): KadRecord {
  const kind = reader.u8()
  switch (kind) {
    case contentKind: {
      const keyId = readKeyId(reader)
      const expiresAtMs = reader.u48()
      return { kind: 'content', keyId, value: readValue(reader), expiresAtMs }
    }
    case signedKind: {
      const keyId = readKeyId(reader)
      const author = reader.take(publicKeyBytes)
      const seq = reader.u48()
      const expiresAtMs = reader.u48()
      const deleted = reader.bool()
      const format = reader.u8()
      const value = readValue(reader)
      const signature = reader.take(signatureBytes)
      return { kind: 'signed', keyId, author, seq, expiresAtMs, deleted, format, value, signature }
    }
    default:
      throw new WireError('UNKNOWN_TYPE', `record kind ${kind}`)
  }
}

/**
 * What a record's author signs with Ed25519: 'kadrtc record v1', the network's hash (16 bytes), and the record as
 * encoded up to its signature.
 */
export function recordSigningBytes(network: Uint8Array, fields: UnsignedRecord): Uint8Array {
  const prefix = domainPrefix('record')
  const size = prefix.length + networkHashBytes + signedHeaderBytes + fields.value.length
  const writer = new Writer(size, size, briefMemory)
  writer.bytes(prefix)
  writer.fixed(network, networkHashBytes)
  writeSignedFields(writer, fields)
  return writer.finish()
}

/** First 8 bytes of SHA-256('kadrtc slot v1' || slot): a record's place in a digest. `slot` is the store's ASCII name for it. */
export function slotHash(slot: string): Uint8Array {
  return sha256(concatBytes(domainPrefix('slot'), encodeText(slot))).slice(0, 8)
}

/**
 * How new a record is, in 8 bytes of a digest. Signed: its `seq` in 6 bytes, then 2 of SHA-256(signature), which
 * tell a renewal or a fork at the same `seq`. Content: its expiry in 6 bytes, then zeros. The first 6 bytes compare.
 */
export function recordVersion(record: KadRecord): Uint8Array {
  const writer = new Writer(8, 8)
  switch (record.kind) {
    case 'content':
      writer.u48(record.expiresAtMs)
      writer.u16(0)
      break
    case 'signed':
      writer.u48(record.seq)
      writer.bytes(sha256(record.signature).subarray(0, 2))
      break
  }
  return writer.finish()
}

function writeSignedFields(writer: Writer, fields: UnsignedRecord): void {
  writer.u8(signedKind)
  writer.fixed(fields.keyId, 20)
  writer.fixed(fields.author, publicKeyBytes)
  writer.u48(fields.seq)
  writer.u48(fields.expiresAtMs)
  writer.u8(fields.deleted ? 1 : 0)
  writer.u8(fields.format)
  writeValue(writer, fields.value)
}

function writeValue(writer: Writer, value: Uint8Array): void {
  if (value.length > recordValueBytesMax) {
    throw new WireError('TOO_LARGE', `a value of ${value.length} bytes, ${recordValueBytesMax} allowed`)
  }
  writer.u32(value.length)
  writer.bytes(value)
}

function readValue(reader: Reader): Uint8Array {
  const length = reader.u32()
  if (length > recordValueBytesMax) {
    throw new WireError('TOO_LARGE', `a value of ${length} bytes, ${recordValueBytesMax} allowed`)
  }
  return reader.take(length)
}

/** A copy: a key id is kept in maps long after its message, or its value, is gone. */
function readKeyId(reader: Reader): Id {
  return asId(reader.copy(20))
}
