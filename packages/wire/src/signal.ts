/**
 * WebRTC signals between two nodes that open a link, through an introducer or through the overlay. Always signed
 * over all they say, the network and the receiver included, so that neither server nor relay can put a DTLS
 * fingerprint of its own into an offer or an answer.
 */
import { type Id, idBytes, publicKeyBytes, signatureBytes } from '@kadrtc/kademlia'
import { sha256 } from '@noble/hashes/sha2.js'
import { domainPrefix } from './domain.js'
import { WireError } from './errors.js'
import { candidateBytesMax, candidatesMax, signalBytesMax } from './limits.js'
import { networkHashBytes } from './network.js'
import { Reader } from './reader.js'
import { concatBytes, Writer } from './writer.js'

/** Why a node refuses a link. The position is the byte on the wire. */
export const refuseReasons = ['busy', 'unwanted', 'wrong-network'] as const
export type RefuseReason = (typeof refuseReasons)[number]

/** What every signal says. */
export interface SignalHeader {
  /** `networkHash(name)`, 16 bytes. */
  readonly networkHash: Uint8Array
  /** 8 random bytes that name this attempt at a link; all its signals carry them. */
  readonly connectionId: Uint8Array
  /** The sender's Ed25519 public key, 32 bytes: its node id is SHA-1 of it. */
  readonly publicKey: Uint8Array
  /** The receiver's node id. */
  readonly to: Id
  /** The sender's clock, milliseconds since the Unix epoch: an old signal is worth nothing. */
  readonly issuedAtMs: number
}

/** "May I have a link to you?" Nothing is constructed on either side yet. */
export interface SignalLinkRequest extends SignalHeader {
  readonly kind: 'request'
}

export interface SignalOffer extends SignalHeader {
  readonly kind: 'offer'
  readonly sdp: string
  readonly candidates: readonly string[]
}

export interface SignalAnswer extends SignalHeader {
  readonly kind: 'answer'
  readonly sdp: string
  readonly candidates: readonly string[]
  /** `signalDigest` of the offer's bytes, 16 bytes: the answer is to this offer and no other. */
  readonly offerHash: Uint8Array
}

/** ICE candidates found since (RFC 8838). `final`: there will be no more. */
export interface SignalCandidates extends SignalHeader {
  readonly kind: 'candidates'
  readonly candidates: readonly string[]
  readonly final: boolean
}

export interface SignalRefuse extends SignalHeader {
  readonly kind: 'refuse'
  readonly reason: RefuseReason
}

export type Signal = SignalLinkRequest | SignalOffer | SignalAnswer | SignalCandidates | SignalRefuse

export interface DecodedSignal {
  readonly signal: Signal
  /** Ed25519, 64 bytes; not verified here. */
  readonly signature: Uint8Array
  /** What the signature is over: `signalSigningBytes(signal)`. */
  readonly signedBytes: Uint8Array
}

const kinds = { request: 1, offer: 2, answer: 3, candidates: 4, refuse: 5 } as const

const offerHashBytes = 16
const connectionIdBytes = 8
const headerBytes = 1 + networkHashBytes + connectionIdBytes + publicKeyBytes + idBytes + 6
const unsignedBytesMax = signalBytesMax - signatureBytes

/** Throws WireError TOO_LARGE beyond 12 KiB, 32 candidates or 512 bytes of one; BAD_VALUE for a field of the wrong size. */
export function encodeSignal(signal: Signal, signature: Uint8Array): Uint8Array {
  if (signature.length !== signatureBytes) throw new WireError('BAD_VALUE', 'a signature has 64 bytes')
  return concatBytes(encodeUnsigned(signal), signature)
}

/** What the sender signs with Ed25519: 'kadrtc signal v1', then the signal's bytes up to its signature. */
export function signalSigningBytes(signal: Signal): Uint8Array {
  return concatBytes(domainPrefix('signal'), encodeUnsigned(signal))
}

/** Throws WireError. Verifies nothing: not the signature, the network, the receiver or the age. */
export function decodeSignal(bytes: Uint8Array): DecodedSignal {
  if (bytes.length > signalBytesMax) throw new WireError('TOO_LARGE', `a signal of ${bytes.length} bytes`)
  const reader = new Reader(bytes)
  const signal = readSignal(reader)
  const signedBytes = concatBytes(domainPrefix('signal'), reader.soFar())
  const signature = reader.take(signatureBytes)
  reader.end()
  return { signal, signature, signedBytes }
}

/** The first 16 bytes of SHA-256 of an encoded signal, its signature included. */
export function signalDigest(bytes: Uint8Array): Uint8Array {
  return sha256(bytes).slice(0, offerHashBytes)
}

function encodeUnsigned(signal: Signal): Uint8Array {
  const writer = new Writer(headerBytes + 1_024, unsignedBytesMax)
  writer.u8(kinds[signal.kind])
  writer.fixed(signal.networkHash, networkHashBytes)
  writer.fixed(signal.connectionId, connectionIdBytes)
  writer.fixed(signal.publicKey, publicKeyBytes)
  writer.fixed(signal.to, idBytes)
  writer.u48(signal.issuedAtMs)
  switch (signal.kind) {
    case 'request':
      break
    case 'offer':
      writer.text16(signal.sdp, signalBytesMax)
      writeCandidates(writer, signal.candidates)
      break
    case 'answer':
      writer.fixed(signal.offerHash, offerHashBytes)
      writer.text16(signal.sdp, signalBytesMax)
      writeCandidates(writer, signal.candidates)
      break
    case 'candidates':
      writer.u8(signal.final ? 1 : 0)
      writeCandidates(writer, signal.candidates)
      break
    case 'refuse':
      writer.u8(refuseReasons.indexOf(signal.reason))
      break
  }
  return writer.finish()
}

function readSignal(reader: Reader): Signal {
  const kind = reader.u8()
  const header: SignalHeader = {
    networkHash: reader.take(networkHashBytes),
    connectionId: reader.take(connectionIdBytes),
    publicKey: reader.take(publicKeyBytes),
    to: reader.id(),
    issuedAtMs: reader.u48(),
  }
  switch (kind) {
    case kinds.request:
      return { kind: 'request', ...header }
    case kinds.offer:
      return {
        kind: 'offer',
        ...header,
        sdp: reader.text16(signalBytesMax),
        candidates: readCandidates(reader),
      }
    case kinds.answer: {
      const offerHash = reader.take(offerHashBytes)
      const sdp = reader.text16(signalBytesMax)
      return { kind: 'answer', ...header, offerHash, sdp, candidates: readCandidates(reader) }
    }
    case kinds.candidates: {
      const final = reader.bool()
      return { kind: 'candidates', ...header, final, candidates: readCandidates(reader) }
    }
    case kinds.refuse:
      return { kind: 'refuse', ...header, reason: refuseReasons[reader.upTo(refuseReasons.length - 1)]! }
    default:
      throw new WireError('UNKNOWN_TYPE', `signal kind ${kind}`)
  }
}

function writeCandidates(writer: Writer, candidates: readonly string[]): void {
  if (candidates.length > candidatesMax) throw new WireError('TOO_LARGE', `${candidates.length} candidates`)
  writer.u8(candidates.length)
  for (const candidate of candidates) writer.text16(candidate, candidateBytesMax)
}

function readCandidates(reader: Reader): string[] {
  const count = reader.u8()
  if (count > candidatesMax) throw new WireError('TOO_LARGE', `${count} candidates`)
  const candidates: string[] = []
  for (let i = 0; i < count; i++) candidates.push(reader.text16(candidateBytesMax))
  return candidates
}
