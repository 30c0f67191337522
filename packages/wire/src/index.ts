/** Every byte that kadrtc puts on a network. PROTOCOL.md is its specification. */
export { decodeMessage, peekNonce } from './decode-message.js'
export { decodeEarlyQuestion, encodeEarlyQuestion, isEarlyAnswer, isEarlyQuestion } from './early-question.js'
export { encodeMessage, withProof } from './encode-message.js'
export { WireError, type WireErrorCode, wireErrorCodes } from './errors.js'
export {
  byeFrame,
  type FrameEvent,
  frameTypes,
  pingFrame,
  pongFrame,
  severalFrame,
  wholeFrame,
} from './frame.js'
export { FrameQueue, type FrameQueueLimits, frameQueueLimits } from './frame-queue.js'
export {
  type ClientMessage,
  decodeClientMessage,
  decodeServerMessage,
  encodeClientMessage,
  encodeServerMessage,
  helloSigningBytes,
  protocolVersion,
  type RefusalCode,
  refusalCodes,
  type ServerMessage,
} from './introduction.js'
export {
  isKnownContact,
  type KnownContacts,
  knownContacts,
  tagOffsetLeast,
  tagOffsetMost,
} from './known-contacts.js'
export * from './limits.js'
export {
  type ChannelClose,
  type ChannelData,
  type ChannelOpen,
  type ChannelOpened,
  type DecodedMessage,
  type Digest,
  type DigestEntry,
  type ErrorReply,
  type ErrorReplyCode,
  errorReplyCodes,
  type FindLinks,
  type FindNode,
  type FindValue,
  type Goodbye,
  isNotice,
  isReply,
  isRequest,
  type Keep,
  type Links,
  type Message,
  messageTypes,
  type NamedLink,
  type Nodes,
  type Notice,
  type Ping,
  type Pong,
  proofFlag,
  type Release,
  type Reply,
  type ReplyProof,
  type Request,
  type SignalRequest,
  type Store,
  type Stored,
  type StoreStatus,
  storeStatuses,
  type Unreachable,
  type Value,
  type Wants,
} from './message.js'
export { networkHash, networkHashBytes } from './network.js'
export { decodePacket, encodePacket, forwardToward, type Packet } from './packet.js'
export { Reader } from './reader.js'
export { Reassembler, type ReassemblerLimits, reassemblerLimits } from './reassembler.js'
export {
  decodeRecord,
  encodedRecordBytes,
  encodeRecord,
  recordBytesMax,
  recordSigningBytes,
  recordsThatFit,
  recordVersion,
  slotHash,
  type UnsignedRecord,
} from './record.js'
export { replyProofBytes } from './reply-proof.js'
export {
  type DecodedSignal,
  decodeSignal,
  encodeSignal,
  type RefuseReason,
  refuseReasons,
  type Signal,
  type SignalAnswer,
  type SignalCandidates,
  type SignalHeader,
  type SignalLinkRequest,
  type SignalOffer,
  type SignalRefuse,
  signalDigest,
  signalSigningBytes,
} from './signal.js'
export { Writer } from './writer.js'
