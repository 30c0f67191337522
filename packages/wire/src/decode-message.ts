/** Bytes to messages. Total: a message or a WireError, whatever the bytes. */

import { asId, type Id, idBits, idBytes, type KadRecord } from '@kadrtc/kademlia'
import { WireError } from './errors.js'
import { readIdList } from './ids.js'
import { type KnownContacts, readKnownContacts } from './known-contacts.js'
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
  type DecodedMessage,
  type DigestEntry,
  errorReplyCodes,
  type Message,
  messageTypes,
  type NamedLink,
  nonceHeaderBytes,
  proofBytes,
  proofFlag,
  spreadFlag,
  storeStatuses,
} from './message.js'
import { Reader } from './reader.js'
import { readRecord } from './record.js'

const typeNames = new Map(
  Object.entries(messageTypes).map(([name, byte]) => [byte as number, name as Message['type']]),
)

/** The message that `bytes` are; payloads and records are views of them. The proof is not verified here. Throws WireError. */
export function decodeMessage(bytes: Uint8Array): DecodedMessage {
  if (bytes.length > bodyBytesMax) throw new WireError('TOO_LARGE', `a message of ${bytes.length} bytes`)
  const first = bytes[0]
  if (first === undefined) throw new WireError('TRUNCATED', 'an empty message')
  if ((first & proofFlag) === 0) return { message: read(first, bytes), signedBytes: bytes }
  const type = first & ~proofFlag
  if (type >> 5 !== 1) throw new WireError('BAD_VALUE', 'only replies carry a proof')
  const end = bytes.length - proofBytes
  if (end < nonceHeaderBytes) throw new WireError('TRUNCATED')
  const signedBytes = bytes.subarray(0, end)
  const publicKey = bytes.slice(end, end + 32)
  const signature = bytes.slice(end + 32)
  return { message: read(type, signedBytes), proof: { publicKey, signature }, signedBytes }
}

/** The nonce of a request or reply, for relays that must answer `unreachable`; undefined where there is none. */
export function peekNonce(body: Uint8Array): number | undefined {
  const isNotice = (body[0]! & ~proofFlag) >> 5 === 2
  if (body.length < nonceHeaderBytes || isNotice) return undefined
  let nonce = 0
  for (let i = 1; i < nonceHeaderBytes; i++) nonce = nonce * 256 + body[i]!
  return nonce
}

function read(typeByte: number, bytes: Uint8Array): Message {
  const type = typeNames.get(typeByte)
  if (!type) throw new WireError('UNKNOWN_TYPE', `message type ${typeByte}`)
  const reader = new Reader(bytes)
  reader.u8()
  const message = typeByte >> 5 === 2 ? readNotice(type, reader) : readWithNonce(type, reader.u48(), reader)
  reader.end()
  return message
}

function readKnown(reader: Reader, follows: boolean): { known?: KnownContacts } {
  return follows ? { known: readKnownContacts(reader) } : {}
}

function readWithNonce(type: Message['type'], nonce: number, reader: Reader): Message {
  switch (type) {
    case 'ping':
    case 'pong':
      return { type, nonce, payload: reader.rest(pingPayloadBytesMax) }
    case 'find-node':
      return { type, nonce, target: readOwnId(reader), ...readKnown(reader, reader.remaining > 0) }
    case 'find-value': {
      const keyId = readOwnId(reader)
      const flags = reader.upTo(63)
      const author = flags & 1 ? { author: readOwnId(reader) } : {}
      const after = flags & 32 ? { after: readOwnId(reader) } : {}
      const known = readKnown(reader, (flags & 8) !== 0)
      const content = flags & 16 ? { content: true } : {}
      const [all, skipCache] = [(flags & 2) !== 0, (flags & 4) !== 0]
      return { type, nonce, keyId, ...author, all, skipCache, ...after, ...known, ...content }
    }
    case 'store': {
      const flags = reader.upTo(7)
      const ifSeq = flags & 1 ? { ifSeq: reader.u48() } : {}
      const spread = flags & spreadFlag ? { spread: true } : {}
      return { type, nonce, record: readRecord(reader), ...ifSeq, cached: (flags & 2) !== 0, ...spread }
    }
    case 'digest':
      return { type, nonce, entries: readEntries(reader) }
    case 'channel-open':
      return { type, nonce, channel: reader.u32(), label: reader.text8(channelLabelBytesMax) }
    case 'find-links':
      return { type, nonce, bucket: reader.upTo(idBits - 1) }
    case 'signal':
      return { type, nonce, signal: reader.rest(signalBytesMax) }
    case 'nodes':
      return { type, nonce, contacts: readIdList(reader, contactsMax) }
    case 'links':
      return { type, nonce, links: readNamedLinks(reader) }
    case 'value': {
      const contacts = readIdList(reader, contactsMax)
      const flags = reader.upTo(3)
      const copyMs = flags & 2 ? { copyMs: reader.u16() } : {}
      return { type, nonce, records: readRecords(reader), contacts, more: (flags & 1) !== 0, ...copyMs }
    }
    case 'stored': {
      const status = storeStatuses[reader.upTo(storeStatuses.length - 1)]!
      return { type, nonce, status, ...(reader.bool() ? { seq: reader.u48() } : {}) }
    }
    case 'wants':
      return { type, nonce, wanted: readBits(reader) }
    case 'channel-opened':
      return { type, nonce }
    case 'error':
      return { type, nonce, code: errorReplyCodes[reader.upTo(errorReplyCodes.length - 1)]! }
    case 'unreachable':
      return { type, nonce, hop: readOwnId(reader) }
    default:
      throw new WireError('UNKNOWN_TYPE', type)
  }
}

function readNotice(type: Message['type'], reader: Reader): Message {
  switch (type) {
    case 'goodbye':
    case 'release':
    case 'keep':
      return { type }
    case 'channel-data': {
      const channel = reader.u32()
      const more = reader.bool()
      return { type, channel, data: reader.rest(channelDataBytesMax), more }
    }
    case 'channel-close':
      return { type, channel: reader.u32() }
    default:
      throw new WireError('UNKNOWN_TYPE', type)
  }
}

/** A copy: it is kept in maps long after its message is gone. */
function readOwnId(reader: Reader): Id {
  return asId(reader.copy(idBytes))
}

function readNamedLinks(reader: Reader): NamedLink[] {
  const count = reader.u8()
  if (count > contactsMax) throw new WireError('TOO_LARGE', `${count} links, ${contactsMax} allowed`)
  const links: NamedLink[] = []
  for (let i = 0; i < count; i++) links.push({ id: readOwnId(reader), rttMs: reader.u16() })
  return links
}

function readRecords(reader: Reader): KadRecord[] {
  const count = reader.u8()
  if (count > recordsPerReplyMax) throw new WireError('TOO_LARGE', `${count} records`)
  const records: KadRecord[] = []
  for (let i = 0; i < count; i++) records.push(readRecord(reader))
  return records
}

function readEntries(reader: Reader): DigestEntry[] {
  const count = reader.u16()
  if (count > digestEntriesMax) throw new WireError('TOO_LARGE', `${count} entries`)
  const block = reader.take(count * 16)
  return Array.from({ length: count }, (_, i) => ({
    slotHash: block.subarray(i * 16, i * 16 + 8),
    version: block.subarray(i * 16 + 8, i * 16 + 16),
  }))
}

function readBits(reader: Reader): boolean[] {
  const count = reader.u16()
  if (count > digestEntriesMax) throw new WireError('TOO_LARGE', `${count} bits`)
  const bytes = reader.take(Math.ceil(count / 8))
  const unused = bytes.length * 8 - count
  if (unused > 0 && (bytes.at(-1)! & ((1 << unused) - 1)) !== 0)
    throw new WireError('BAD_VALUE', 'stray bits')
  const bits: boolean[] = []
  for (let i = 0; i < count; i++) bits.push((bytes[i >> 3]! & (0x80 >> (i & 7))) !== 0)
  return bits
}
