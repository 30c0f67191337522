/**
 * What nodes say to each other: the body of a packet. A request carries a nonce that its reply repeats; a notice
 * has neither and is for the other end of the link alone. Encoding is in `encode-message.ts`, decoding in
 * `decode-message.ts`; PROTOCOL.md shows every byte.
 */

import type { Id, KadRecord } from '@kadrtc/kademlia'
import type { KnownContacts } from './known-contacts.js'

/** Why a holder did, or did not, take a record. The position is the byte on the wire. */
export const storeStatuses = [
  'stored',
  'same',
  'stale',
  'conflict',
  'too-large',
  'full',
  'invalid',
  'expired',
  'future-seq',
  'not-near',
] as const
export type StoreStatus = (typeof storeStatuses)[number]

/** Why a request got no other answer. The position is the byte on the wire. */
export const errorReplyCodes = ['bad-request', 'busy', 'unsupported', 'refused', 'hops-used-up'] as const
export type ErrorReplyCode = (typeof errorReplyCodes)[number]

/** One record a holder has: where (`slotHash`) and how new (`recordVersion`), 8 bytes each. */
export interface DigestEntry {
  readonly slotHash: Uint8Array
  readonly version: Uint8Array
}

/** 48 bits that the requester picks at random; the reply repeats them. */
interface WithNonce {
  readonly nonce: number
}

/** "Are you there?" `payload` comes back in the pong. */
export interface Ping extends WithNonce {
  readonly type: 'ping'
  readonly payload: Uint8Array
}

/** FIND_NODE (Kademlia paper, section 2.3): the contacts closest to `target`. */
export interface FindNode extends WithNonce {
  readonly type: 'find-node'
  readonly target: Id
  /** Not to be named again. */
  readonly known?: KnownContacts
}

/** FIND_VALUE: the newest signed record under `keyId`, or the closest contacts. */
export interface FindValue extends WithNonce {
  readonly type: 'find-value'
  readonly keyId: Id
  /** The node id (SHA-1 of the public key) of the only author asked for. */
  readonly author?: Id
  /** All authors' records in the order of their ids, not just the newest. */
  readonly all: boolean
  /** Only authors whose ids come after this one: where the last reply said `more`, that of its last record. */
  readonly after?: Id
  /** The content record, and no signed ones: anybody may sign one under the key id of content. */
  readonly content?: boolean
  /** Only replicas may answer, no cached copies. */
  readonly skipCache?: boolean
  /** Not to be named again. */
  readonly known?: KnownContacts
}

/** STORE: keep this record. */
export interface Store extends WithNonce {
  readonly type: 'store'
  readonly record: KadRecord
  /** Compare and swap: take it only if the sequence number held now is this one (0: none is held). */
  readonly ifSeq?: number
  /** A copy on the way to be kept shortly, not a replica. */
  readonly cached: boolean
  /** Whoever takes it passes it on to the others of the k closest: each of them answers the requester. */
  readonly spread?: boolean
}

/** "This is what I hold that should be with you too": answered by `wants`. */
export interface Digest extends WithNonce {
  readonly type: 'digest'
  readonly entries: readonly DigestEntry[]
}

/** Opens an app's channel over the link it comes on. */
export interface ChannelOpen extends WithNonce {
  readonly type: 'channel-open'
  readonly channel: number
  readonly label: string
}

/** "Whom are you linked to in this k-bucket of mine, and how fast are they?" Over a link alone. */
export interface FindLinks extends WithNonce {
  readonly type: 'find-links'
  /** 0 to 159. */
  readonly bucket: number
}

/** A WebRTC signal (see `signal.ts`), carried by the overlay. No reply; the nonce is for `unreachable`. */
export interface SignalRequest extends WithNonce {
  readonly type: 'signal'
  readonly signal: Uint8Array
}

export interface Pong extends WithNonce {
  readonly type: 'pong'
  readonly payload: Uint8Array
}

/** Up to 20 contacts, nearest first. */
export interface Nodes extends WithNonce {
  readonly type: 'nodes'
  readonly contacts: readonly Id[]
}

/** A peer, and the smoothed round-trip time of the link to it, in whole ms up to 65,535. */
export interface NamedLink {
  readonly id: Id
  readonly rttMs: number
}

/** Up to 20 links, fastest first. */
export interface Links extends WithNonce {
  readonly type: 'links'
  readonly links: readonly NamedLink[]
}

/**
 * Records (none: I have no such thing) and the closest contacts. `more`: not all records fitted. `copyMs`: this is a copy,
 * or many ask for it; who does may keep a copy so long, up to 65,535 ms, and answer others with it.
 */
export interface Value extends WithNonce {
  readonly type: 'value'
  readonly records: readonly KadRecord[]
  readonly contacts: readonly Id[]
  readonly more: boolean
  readonly copyMs?: number
}

/** `seq` is the sequence number held now, where there is one. */
export interface Stored extends WithNonce {
  readonly type: 'stored'
  readonly status: StoreStatus
  readonly seq?: number
}

/** One answer for each entry of the digest, in its order. */
export interface Wants extends WithNonce {
  readonly type: 'wants'
  readonly wanted: readonly boolean[]
}

export interface ChannelOpened extends WithNonce {
  readonly type: 'channel-opened'
}

export interface ErrorReply extends WithNonce {
  readonly type: 'error'
  readonly code: ErrorReplyCode
}

/** The packet with this nonce met a hop, `hop`, to which its holder has no link. */
export interface Unreachable extends WithNonce {
  readonly type: 'unreachable'
  readonly hop: Id
}

/** "I am leaving": hand records over and forget me. */
export interface Goodbye {
  readonly type: 'goodbye'
}

/** "I no longer need this link." The other side closes it, or answers `keep`. */
export interface Release {
  readonly type: 'release'
}

/** "But I do." */
export interface Keep {
  readonly type: 'keep'
}

/** Data of an app's channel, at most 16,256 bytes. `more`: the app's message goes on in the next one. */
export interface ChannelData {
  readonly type: 'channel-data'
  readonly channel: number
  readonly data: Uint8Array
  readonly more?: boolean
}

export interface ChannelClose {
  readonly type: 'channel-close'
  readonly channel: number
}

export type Request = Ping | FindNode | FindValue | Store | Digest | ChannelOpen | FindLinks | SignalRequest
export type Reply = Pong | Nodes | Value | Stored | Wants | ChannelOpened | Links | ErrorReply | Unreachable
export type Notice = Goodbye | Release | Keep | ChannelData | ChannelClose
export type Message = Request | Reply | Notice

/** Proof of who replied: an Ed25519 public key (32 bytes) and its signature (64) over `replyProofBytes`. */
export interface ReplyProof {
  readonly publicKey: Uint8Array
  readonly signature: Uint8Array
}

export interface DecodedMessage {
  readonly message: Message
  /** There only if the reply carries one; not verified here. */
  readonly proof?: ReplyProof
  /** All bytes but the proof, a view: what `replyProofBytes` takes. */
  readonly signedBytes: Uint8Array
}

/** The byte each message begins with. Bits 5 and 6 give its class: 0 request, 1 reply, 2 notice. */
export const messageTypes = {
  ping: 0x01,
  'find-node': 0x02,
  'find-value': 0x03,
  store: 0x04,
  digest: 0x05,
  'channel-open': 0x06,
  signal: 0x07,
  'find-links': 0x08,
  pong: 0x21,
  nodes: 0x22,
  value: 0x23,
  stored: 0x24,
  wants: 0x25,
  'channel-opened': 0x26,
  error: 0x27,
  unreachable: 0x28,
  links: 0x29,
  goodbye: 0x41,
  release: 0x42,
  keep: 0x43,
  'channel-data': 0x44,
  'channel-close': 0x45,
} as const satisfies Record<Message['type'], number>

/** Set in the type byte of a reply that ends with a proof. */
export const proofFlag = 0x80

/** Of the flags of a STORE, which follow its nonce: whoever passes it on to the other replicas clears this one. */
export const spreadFlag = 4

/** Public key and signature. */
export const proofBytes = 32 + 64

/** Type and nonce. */
export const nonceHeaderBytes = 1 + 6

export function isRequest(message: Message): message is Request {
  return messageTypes[message.type] >> 5 === 0
}

export function isReply(message: Message): message is Reply {
  return messageTypes[message.type] >> 5 === 1
}

export function isNotice(message: Message): message is Notice {
  return messageTypes[message.type] >> 5 === 2
}
