/** Messages to bytes. Limits are checked here too, so that nothing is sent that the other side must refuse. */

import { idBits, idBytes } from '@kadrtc/kademlia'
import { briefMemory } from './brief-memory.js'
import { WireError } from './errors.js'
import { writeIdList } from './ids.js'
import { type KnownContacts, writeKnownContacts } from './known-contacts.js'
import {
  bodyBytesMax,
  channelDataBytesMax,
  channelLabelBytesMax,
  contactsMax,
  digestEntriesMax,
  pingPayloadBytesMax,
  recordsPerReplyMax,
  signalBytesMax,
} from './limits.js'
import {
  errorReplyCodes,
  type FindValue,
  type Message,
  messageTypes,
  nonceHeaderBytes,
  proofBytes,
  proofFlag,
  type ReplyProof,
  spreadFlag,
  storeStatuses,
} from './message.js'
import { encodedRecordBytes, writeRecord } from './record.js'
import { Writer } from './writer.js'

/** With `proof` the message ends with it: replies that cross a relay. Send it or copy it: see `brief-memory.ts`. Throws WireError. */
export function encodeMessage(message: Message, proof?: ReplyProof): Uint8Array {
  const writer = new Writer(sizeOf(message) + (proof ? proofBytes : 0), bodyBytesMax, briefMemory)
  writer.u8(messageTypes[message.type] | (proof ? proofFlag : 0))
  if ('nonce' in message) writer.u48(message.nonce)
  writeFields(writer, message)
  if (proof) writeProof(writer, message, proof)
  return writer.finish()
}

/** Adds a proof to a reply encoded without one: what was signed is what is sent, but for one flag. */
export function withProof(encoded: Uint8Array, proof: ReplyProof): Uint8Array {
  const bytes = briefMemory(encoded.length + proofBytes)
  bytes.set(encoded)
  bytes[0] = encoded[0]! | proofFlag
  bytes.set(proof.publicKey, encoded.length)
  bytes.set(proof.signature, encoded.length + 32)
  return bytes
}

function writeProof(writer: Writer, message: Message, { publicKey, signature }: ReplyProof): void {
  if (messageTypes[message.type] >> 5 !== 1)
    throw new WireError('BAD_VALUE', `a ${message.type} takes no proof`)
  writer.fixed(publicKey, 32)
  writer.fixed(signature, 64)
}

function writeFields(writer: Writer, message: Message): void {
  switch (message.type) {
    case 'ping':
    case 'pong':
      writer.bytes(bounded(message.payload, pingPayloadBytesMax))
      return
    case 'find-node':
      writer.fixed(message.target, idBytes)
      if (message.known) writeKnownContacts(writer, message.known)
      return
    case 'find-value': {
      const { author, all, after, content, skipCache, known } = message
      writer.fixed(message.keyId, idBytes)
      const optional = (author ? 1 : 0) | (known ? 8 : 0) | (after ? 32 : 0)
      writer.u8(optional | (all ? 2 : 0) | (skipCache ? 4 : 0) | (content ? 16 : 0))
      if (author) writer.fixed(author, idBytes)
      if (after) writer.fixed(after, idBytes)
      if (known) writeKnownContacts(writer, known)
      return
    }
    case 'store':
      writer.u8(
        (message.ifSeq === undefined ? 0 : 1) | (message.cached ? 2 : 0) | (message.spread ? spreadFlag : 0),
      )
      if (message.ifSeq !== undefined) writer.u48(message.ifSeq)
      writeRecord(writer, message.record)
      return
    case 'digest':
      checkCount(message.entries.length, digestEntriesMax)
      writer.u16(message.entries.length)
      for (const { slotHash, version } of message.entries) {
        writer.fixed(slotHash, 8)
        writer.fixed(version, 8)
      }
      return
    case 'channel-open':
      writer.u32(message.channel)
      writer.text8(message.label, channelLabelBytesMax)
      return
    case 'find-links':
      if (!(message.bucket < idBits)) throw new WireError('BAD_VALUE', `bucket ${message.bucket}`)
      writer.u8(message.bucket)
      return
    case 'signal':
      writer.bytes(bounded(message.signal, signalBytesMax))
      return
    case 'nodes':
      writeIdList(writer, message.contacts, contactsMax)
      return
    case 'links':
      checkCount(message.links.length, contactsMax)
      writer.u8(message.links.length)
      for (const { id, rttMs } of message.links) {
        writer.fixed(id, idBytes)
        writer.u16(rttMs)
      }
      return
    case 'value':
      checkCount(message.records.length, recordsPerReplyMax)
      writeIdList(writer, message.contacts, contactsMax)
      writer.u8((message.more ? 1 : 0) | (message.copyMs === undefined ? 0 : 2))
      if (message.copyMs !== undefined) writer.u16(message.copyMs)
      writer.u8(message.records.length)
      for (const record of message.records) writeRecord(writer, record)
      return
    case 'stored':
      writer.u8(storeStatuses.indexOf(message.status))
      writer.u8(message.seq === undefined ? 0 : 1)
      if (message.seq !== undefined) writer.u48(message.seq)
      return
    case 'wants':
      writeBits(writer, message.wanted)
      return
    case 'error':
      writer.u8(errorReplyCodes.indexOf(message.code))
      return
    case 'unreachable':
      writer.fixed(message.hop, idBytes)
      return
    case 'channel-data':
      writer.u32(message.channel)
      writer.u8(message.more ? 1 : 0)
      writer.bytes(bounded(message.data, channelDataBytesMax))
      return
    case 'channel-close':
      writer.u32(message.channel)
      return
    case 'channel-opened':
    case 'goodbye':
    case 'release':
    case 'keep':
      return
  }
}

function sizeOfIds({ author, after }: FindValue): number {
  return (author ? idBytes : 0) + (after ? idBytes : 0)
}

function sizeOfKnown(known: KnownContacts | undefined): number {
  return known ? 1 + known.tags.length : 0
}

/** The exact size of the usual messages, at least the size of the others: one allocation each. */
function sizeOf(message: Message): number {
  switch (message.type) {
    case 'ping':
    case 'pong':
      return nonceHeaderBytes + message.payload.length
    case 'find-node':
      return nonceHeaderBytes + idBytes + sizeOfKnown(message.known)
    case 'find-value':
      return nonceHeaderBytes + idBytes + 1 + sizeOfIds(message) + sizeOfKnown(message.known)
    case 'store':
      return nonceHeaderBytes + 1 + (message.ifSeq === undefined ? 0 : 6) + encodedRecordBytes(message.record)
    case 'nodes':
      return nonceHeaderBytes + 1 + message.contacts.length * idBytes
    case 'value': {
      let size =
        nonceHeaderBytes + 3 + (message.copyMs === undefined ? 0 : 2) + message.contacts.length * idBytes
      for (const record of message.records) size += encodedRecordBytes(record)
      return size
    }
    case 'digest':
      return nonceHeaderBytes + 2 + message.entries.length * 16
    case 'links':
      return nonceHeaderBytes + 1 + message.links.length * (idBytes + 2)
    case 'signal':
      return nonceHeaderBytes + message.signal.length
    case 'channel-data':
      return 6 + message.data.length
    default:
      return 64
  }
}

function writeBits(writer: Writer, bits: readonly boolean[]): void {
  checkCount(bits.length, digestEntriesMax)
  writer.u16(bits.length)
  for (let start = 0; start < bits.length; start += 8) {
    let byte = 0
    for (let i = 0; i < 8; i++) if (bits[start + i]) byte |= 0x80 >> i
    writer.u8(byte)
  }
}

function bounded(bytes: Uint8Array, bytesMax: number): Uint8Array {
  if (bytes.length > bytesMax) throw new WireError('TOO_LARGE', `${bytes.length} bytes, ${bytesMax} allowed`)
  return bytes
}

function checkCount(count: number, countMax: number): void {
  if (count > countMax) throw new WireError('TOO_LARGE', `${count} entries, ${countMax} allowed`)
}
