/**
 * What a node and an introduction server say to each other, one message to a binary WebSocket message. The server
 * speaks first, with a challenge; the hello answers it with a proof of key. Types below 0x80 are the client's, the
 * others the server's.
 */
import { type Id, idBytes, publicKeyBytes, signatureBytes } from '@kadrtc/kademlia'
import { domainPrefix } from './domain.js'
import { WireError } from './errors.js'
import { readIdList, writeIdList } from './ids.js'
import {
  greetersMax,
  iceServersJsonBytesMax,
  introductionBytesMax,
  networkNameBytesMax,
  refusedTextBytesMax,
  signalBytesMax,
} from './limits.js'
import { networkHashBytes } from './network.js'
import { Reader } from './reader.js'
import { Writer } from './writer.js'

/** The version that this package speaks. A hello has the same layout in all versions, so that a server can refuse one. */
export const protocolVersion = 1

/** Why a server refuses. The position is the byte on the wire. */
export const refusalCodes = [
  'wrong-network',
  'bad-proof',
  'rate-limited',
  'too-large',
  'bad-message',
  'shutting-down',
  'version',
  'timeout',
  'replaced',
] as const
export type RefusalCode = (typeof refusalCodes)[number]

export type ClientMessage =
  | {
      readonly type: 'hello'
      /** 0 to 255: not checked by the decoder. */
      readonly version: number
      /** Name of the network, 1 to 64 bytes of UTF-8. */
      readonly network: string
      readonly publicKey: Uint8Array
      /** Ed25519 over `helloSigningBytes`. */
      readonly signature: Uint8Array
    }
  /** To be passed on to a client of the same network. */
  | { readonly type: 'signal'; readonly to: Id; readonly signal: Uint8Array }
  /** "I have my links." The server answers `promote` or `goodbye`. */
  | { readonly type: 'joined' }
  /** "Other greeters, please": another welcome follows. */
  | { readonly type: 'more' }

export type ServerMessage =
  /** 32 fresh random bytes, sent at once on connect. */
  | { readonly type: 'challenge'; readonly nonce: Uint8Array }
  | {
      readonly type: 'welcome'
      /** Up to 16 nodes to dial, best first; none: nobody else is here. */
      readonly greeters: readonly Id[]
      /** A JSON list of RTCIceServer, or the empty text for none; at most 4 KiB. Not parsed here. */
      readonly iceServersJson: string
      /** This client is a greeter itself. */
      readonly greeter: boolean
    }
  | { readonly type: 'signal'; readonly from: Id; readonly signal: Uint8Array }
  /** "You are a greeter: stay connected." */
  | { readonly type: 'promote' }
  /** "You are not needed here any more", said before the server closes in peace. */
  | { readonly type: 'goodbye' }
  | { readonly type: 'refused'; readonly code: RefusalCode; readonly text: string }

const clientTypes = { hello: 0x01, signal: 0x02, joined: 0x03, more: 0x04 } as const
const serverTypes = {
  challenge: 0x81,
  welcome: 0x82,
  signal: 0x83,
  promote: 0x84,
  goodbye: 0x85,
  refused: 0x86,
} as const

const challengeNonceBytes = 32

/**
 * What a client signs to prove its key: 'kadrtc hello v1', the server's nonce (32 bytes), the network's hash (16), its
 * public key (32). Throws WireError BAD_VALUE for other sizes.
 */
export function helloSigningBytes(nonce: Uint8Array, network: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const prefix = domainPrefix('hello')
  const size = prefix.length + challengeNonceBytes + networkHashBytes + publicKeyBytes
  const writer = new Writer(size, size)
  writer.bytes(prefix)
  writer.fixed(nonce, challengeNonceBytes)
  writer.fixed(network, networkHashBytes)
  writer.fixed(publicKey, publicKeyBytes)
  return writer.finish()
}

/** Throws WireError for what cannot be said. */
export function encodeClientMessage(message: ClientMessage): Uint8Array {
  const writer = new Writer(
    message.type === 'signal' ? 21 + message.signal.length : 256,
    introductionBytesMax,
  )
  writer.u8(clientTypes[message.type])
  switch (message.type) {
    case 'hello':
      if (message.network.length === 0) throw new WireError('BAD_VALUE', 'the name of the network is empty')
      writer.u8(message.version)
      writer.text8(message.network, networkNameBytesMax)
      writer.fixed(message.publicKey, publicKeyBytes)
      writer.fixed(message.signature, signatureBytes)
      break
    case 'signal':
      writeSignal(writer, message.to, message.signal)
      break
    case 'joined':
    case 'more':
      break
  }
  return writer.finish()
}

/** What a client sent, for the server. Throws WireError. */
export function decodeClientMessage(bytes: Uint8Array): ClientMessage {
  const reader = boundedReader(bytes)
  const message = readClientMessage(reader)
  reader.end()
  return message
}

/** Throws WireError for what cannot be said. */
export function encodeServerMessage(message: ServerMessage): Uint8Array {
  const writer = new Writer(message.type === 'signal' ? 21 + message.signal.length : 64, introductionBytesMax)
  writer.u8(serverTypes[message.type])
  switch (message.type) {
    case 'challenge':
      writer.fixed(message.nonce, challengeNonceBytes)
      break
    case 'welcome':
      writer.u8(message.greeter ? 1 : 0)
      writeIdList(writer, message.greeters, greetersMax)
      writer.text16(message.iceServersJson, iceServersJsonBytesMax)
      break
    case 'signal':
      writeSignal(writer, message.from, message.signal)
      break
    case 'refused':
      writer.u8(refusalCodes.indexOf(message.code))
      writer.text8(message.text, refusedTextBytesMax)
      break
    case 'promote':
    case 'goodbye':
      break
  }
  return writer.finish()
}

/** What a server sent, for the client. Throws WireError. */
export function decodeServerMessage(bytes: Uint8Array): ServerMessage {
  const reader = boundedReader(bytes)
  const message = readServerMessage(reader)
  reader.end()
  return message
}

function readClientMessage(reader: Reader): ClientMessage {
  const type = reader.u8()
  switch (type) {
    case clientTypes.hello: {
      const version = reader.u8()
      const network = reader.text8(networkNameBytesMax)
      if (network.length === 0) throw new WireError('BAD_VALUE', 'the name of the network is empty')
      const publicKey = reader.take(publicKeyBytes)
      return { type: 'hello', version, network, publicKey, signature: reader.take(signatureBytes) }
    }
    case clientTypes.signal:
      return { type: 'signal', to: reader.id(), signal: reader.rest(signalBytesMax) }
    case clientTypes.joined:
      return { type: 'joined' }
    case clientTypes.more:
      return { type: 'more' }
    default:
      throw new WireError('UNKNOWN_TYPE', `type ${type} from a client`)
  }
}

function readServerMessage(reader: Reader): ServerMessage {
  const type = reader.u8()
  switch (type) {
    case serverTypes.challenge:
      return { type: 'challenge', nonce: reader.take(challengeNonceBytes) }
    case serverTypes.welcome: {
      const greeter = reader.bool()
      const greeters = readIdList(reader, greetersMax)
      return { type: 'welcome', greeters, iceServersJson: reader.text16(iceServersJsonBytesMax), greeter }
    }
    case serverTypes.signal:
      return { type: 'signal', from: reader.id(), signal: reader.rest(signalBytesMax) }
    case serverTypes.promote:
      return { type: 'promote' }
    case serverTypes.goodbye:
      return { type: 'goodbye' }
    case serverTypes.refused: {
      const code = refusalCodes[reader.upTo(refusalCodes.length - 1)]!
      return { type: 'refused', code, text: reader.text8(refusedTextBytesMax) }
    }
    default:
      throw new WireError('UNKNOWN_TYPE', `type ${type} from a server`)
  }
}

function boundedReader(bytes: Uint8Array): Reader {
  if (bytes.length > introductionBytesMax)
    throw new WireError('TOO_LARGE', `a message of ${bytes.length} bytes`)
  return new Reader(bytes)
}

function writeSignal(writer: Writer, peer: Id, signal: Uint8Array): void {
  if (signal.length > signalBytesMax) throw new WireError('TOO_LARGE', `a signal of ${signal.length} bytes`)
  writer.fixed(peer, idBytes)
  writer.bytes(signal)
}
