/** The values whose bytes PROTOCOL.md shows, by the names it gives them. */
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { asId, contentIdOf, keyIdOf, keyIdOfContent, nodeIdOf } from '@kadrtc/kademlia'
import {
  byeFrame,
  type ClientMessage,
  decodeClientMessage,
  decodeEarlyQuestion,
  decodeMessage,
  decodePacket,
  decodeRecord,
  decodeServerMessage,
  decodeSignal,
  encodeClientMessage,
  encodeEarlyQuestion,
  encodeMessage,
  encodePacket,
  encodeRecord,
  encodeServerMessage,
  encodeSignal,
  helloSigningBytes,
  knownContacts,
  type Message,
  networkHash,
  type Packet,
  pingFrame,
  pongFrame,
  recordSigningBytes,
  recordVersion,
  replyProofBytes,
  type ServerMessage,
  type Signal,
  severalFrame,
  signalDigest,
  signalSigningBytes,
  slotHash,
  wholeFrame,
  withProof,
} from '@kadrtc/wire'

export interface Vector {
  readonly bytes: Uint8Array
  /** Absent where nothing is decoded: hashes, and what is signed. */
  readonly decodeAndEncode?: (bytes: Uint8Array) => Uint8Array
}

const fill = (length: number, byte: number) => new Uint8Array(length).fill(byte)
const utf8 = (text: string) => new TextEncoder().encode(text)

// RFC 8032, section 7.1, test 1.
const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex')
const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
export const publicKey = new Uint8Array(
  createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32),
)
const signed = (bytes: Uint8Array) => new Uint8Array(sign(null, bytes, privateKey))
/** Whether the key of RFC 8032, test 1, signed `bytes`. */
export const isSigned = (bytes: Uint8Array, signature: Uint8Array) =>
  verify(null, bytes, createPublicKey(privateKey), signature)

const network = networkHash('my-app')
const [idA, idB, idC] = [0xaa, 0xbb, 0xcc].map((byte) => asId(fill(20, byte)))
const own = nodeIdOf(publicKey)
const nonce = 0x010203040506
const expiresAtMs = 1_800_000_000_000

const content = {
  kind: 'content',
  keyId: keyIdOfContent(contentIdOf(utf8('hello'))),
  value: utf8('hello'),
  expiresAtMs,
} as const

const unsigned = {
  keyId: keyIdOf('greeting'),
  author: publicKey,
  seq: 1_700_000_000_000,
  expiresAtMs,
  deleted: false,
  format: 1,
  value: utf8('hello'),
}
const greeting = {
  kind: 'signed',
  ...unsigned,
  signature: signed(recordSigningBytes(network, unsigned)),
} as const
const buried = { ...unsigned, deleted: true, format: 0, value: fill(0, 0), seq: unsigned.seq + 1 }
const tombstone = {
  kind: 'signed',
  ...buried,
  signature: signed(recordSigningBytes(network, buried)),
} as const

const pong: Message = { type: 'pong', nonce, payload: utf8('hi') }
const ping: Message = { type: 'ping', nonce, payload: utf8('hi') }
export const replyBytes = replyProofBytes(network, idA!, encodeMessage(ping), encodeMessage(pong))
const spread: Message = { type: 'store', nonce, record: content, cached: false, spread: true }
const stored: Message = { type: 'stored', nonce, status: 'stored' }
const spreadReplyBytes = replyProofBytes(network, idA!, encodeMessage(spread), encodeMessage(stored))
const provenPong = withProof(encodeMessage(pong), { publicKey, signature: signed(replyBytes) })

const header = {
  networkHash: network,
  connectionId: fill(8, 0xc1),
  publicKey,
  to: idA!,
  issuedAtMs: unsigned.seq,
}
const offer: Signal = { kind: 'offer', ...header, sdp: 'v=0\r\n', candidates: ['candidate:1'] }
const signalBytes = (signal: Signal) => encodeSignal(signal, signed(signalSigningBytes(signal)))

const challenge = fill(32, 0xc4)
export const helloBytes = helloSigningBytes(challenge, network, publicKey)

const packet = (value: Packet): Vector => ({
  bytes: encodePacket(value),
  decodeAndEncode: (bytes) => encodePacket(decodePacket(bytes)),
})
const message = (value: Message): Vector => ({
  bytes: encodeMessage(value),
  decodeAndEncode: (bytes) => {
    const decoded = decodeMessage(bytes)
    return encodeMessage(decoded.message, decoded.proof)
  },
})
const record = (value: Parameters<typeof encodeRecord>[0]): Vector => ({
  bytes: encodeRecord(value),
  decodeAndEncode: (bytes) => encodeRecord(decodeRecord(bytes)),
})
const signal = (value: Signal): Vector => ({
  bytes: signalBytes(value),
  decodeAndEncode: (bytes) => {
    const decoded = decodeSignal(bytes)
    if (!isSigned(decoded.signedBytes, decoded.signature)) throw new Error('not signed')
    return encodeSignal(decoded.signal, decoded.signature)
  },
})
const client = (value: ClientMessage): Vector => ({
  bytes: encodeClientMessage(value),
  decodeAndEncode: (bytes) => encodeClientMessage(decodeClientMessage(bytes)),
})
const server = (value: ServerMessage): Vector => ({
  bytes: encodeServerMessage(value),
  decodeAndEncode: (bytes) => encodeServerMessage(decodeServerMessage(bytes)),
})

export const vectors: Readonly<Record<string, Vector>> = {
  'frame/whole': { bytes: wholeFrame(utf8('abc')) },
  'frame/several': { bytes: severalFrame([wholeFrame(utf8('abc')), wholeFrame(utf8('de'))]) },
  'frame/ping': { bytes: pingFrame(0x01020304) },
  'frame/pong': { bytes: pongFrame(0x01020304) },
  'frame/bye': { bytes: byeFrame(0) },

  'packet/direct': packet({ kind: 'direct', body: fill(1, 0x43) }),
  'packet/toward': packet({
    kind: 'toward',
    target: idC!,
    exact: false,
    hopsLeft: 14,
    path: [idA!],
    body: fill(1, 0x43),
  }),
  'packet/toward-exact': packet({
    kind: 'toward',
    target: idC!,
    exact: true,
    hopsLeft: 15,
    path: [],
    body: fill(1, 0x43),
  }),
  'packet/along': packet({ kind: 'along', passed: [idA!], ahead: [idC!], body: fill(1, 0x43) }),

  'message/ping': message({ type: 'ping', nonce, payload: utf8('hi') }),
  'message/find-node': message({ type: 'find-node', nonce, target: idA! }),
  'message/find-node-known': message({
    type: 'find-node',
    nonce,
    target: idA!,
    known: knownContacts([idB!, idC!], 0),
  }),
  'message/find-value': message({
    type: 'find-value',
    nonce,
    keyId: idA!,
    author: idB!,
    all: true,
    skipCache: false,
  }),
  'message/find-value-content': message({
    type: 'find-value',
    nonce,
    keyId: idA!,
    all: false,
    skipCache: false,
    content: true,
  }),
  'message/find-value-after': message({
    type: 'find-value',
    nonce,
    keyId: idA!,
    all: true,
    after: idB!,
    skipCache: false,
  }),
  'message/store': message({ type: 'store', nonce, record: content, ifSeq: 7, cached: false }),
  'message/store-spread': message({ type: 'store', nonce, record: content, cached: false, spread: true }),
  'message/digest': message({
    type: 'digest',
    nonce,
    entries: [{ slotHash: slotHash('c00'), version: recordVersion(content) }],
  }),
  'message/channel-open': message({ type: 'channel-open', nonce, channel: 1, label: 'chat' }),
  'message/find-links': message({ type: 'find-links', nonce, bucket: 159 }),
  'message/signal': message({ type: 'signal', nonce, signal: utf8('…') }),
  'message/pong': message(pong),
  'message/pong-proven': { ...message(pong), bytes: provenPong },
  'message/nodes': message({ type: 'nodes', nonce, contacts: [idA!, idB!] }),
  'message/value': message({ type: 'value', nonce, records: [content], contacts: [idA!], more: false }),
  'message/value-copied': message({
    type: 'value',
    nonce,
    records: [content],
    contacts: [],
    more: false,
    copyMs: 30_000,
  }),
  'message/stored': message({ type: 'stored', nonce, status: 'stale', seq: unsigned.seq }),
  'message/wants': message({
    type: 'wants',
    nonce,
    wanted: [true, false, true, false, false, false, false, false, true],
  }),
  'message/channel-opened': message({ type: 'channel-opened', nonce }),
  'message/links': message({
    type: 'links',
    nonce,
    links: [
      { id: idA!, rttMs: 7 },
      { id: idB!, rttMs: 300 },
    ],
  }),
  'message/error': message({ type: 'error', nonce, code: 'busy' }),
  'message/unreachable': message({ type: 'unreachable', nonce, hop: idB! }),
  'message/goodbye': message({ type: 'goodbye' }),
  'message/release': message({ type: 'release' }),
  'message/keep': message({ type: 'keep' }),
  'message/channel-data': message({ type: 'channel-data', channel: 1, data: utf8('hello'), more: false }),
  'message/channel-close': message({ type: 'channel-close', channel: 1 }),

  'record/content': record(content),
  'record/signed': record(greeting),
  'record/tombstone': record(tombstone),

  'signal/request': signal({ kind: 'request', ...header }),
  'signal/offer': signal(offer),
  'signal/answer': signal({
    kind: 'answer',
    ...header,
    offerHash: signalDigest(signalBytes(offer)),
    sdp: 'v=0\r\n',
    candidates: [],
  }),
  'signal/candidates': signal({
    kind: 'candidates',
    ...header,
    candidates: ['candidate:1', 'candidate:2'],
    final: true,
  }),
  'signal/refuse': signal({ kind: 'refuse', ...header, reason: 'unwanted' }),

  'early-question': {
    bytes: encodeEarlyQuestion(nonce),
    decodeAndEncode: (bytes) => encodeEarlyQuestion(decodeEarlyQuestion(bytes)),
  },

  'server/challenge': server({ type: 'challenge', nonce: challenge }),
  'server/welcome': server({ type: 'welcome', greeters: [idA!], iceServersJson: '[]', greeter: false }),
  'server/signal': server({ type: 'signal', from: idA!, signal: utf8('…') }),
  'server/promote': server({ type: 'promote' }),
  'server/goodbye': server({ type: 'goodbye' }),
  'server/refused': server({ type: 'refused', code: 'wrong-network', text: 'no' }),
  'client/hello': client({
    type: 'hello',
    version: 1,
    network: 'my-app',
    publicKey,
    signature: signed(helloBytes),
  }),
  'client/signal': client({ type: 'signal', to: idA!, signal: utf8('…') }),
  'client/joined': client({ type: 'joined' }),
  'client/more': client({ type: 'more' }),

  'hash/network': { bytes: network },
  'hash/node-id': { bytes: own },
  'hash/slot': { bytes: slotHash('c00') },
  'version/content': { bytes: recordVersion(content) },
  'version/signed': { bytes: recordVersion(greeting) },
  'signed/reply': { bytes: replyBytes },
  'signed/reply-to-spread': { bytes: spreadReplyBytes },
  'signed/record': { bytes: recordSigningBytes(network, unsigned) },
  'signed/hello': { bytes: helloBytes },
}
