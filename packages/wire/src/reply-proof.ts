/** What the proof of a reply is over. Making and checking signatures is the node's business. */
import { type Id, idBytes } from '@kadrtc/kademlia'
import { briefMemory } from './brief-memory.js'
import { domainPrefix } from './domain.js'
import { messageTypes, nonceHeaderBytes, proofFlag, spreadFlag } from './message.js'
import { networkHashBytes } from './network.js'
import { Writer } from './writer.js'

const lengthBytes = 4

/**
 * What a responder signs, and a requester verifies: `signedBytes` of the reply (nonce included; the proof flag does
 * not count), bound to the network, to who asked, and to the request as it was encoded: a relay that asks something else in
 * the requester's name gets no answer that the requester believes. Whoever spreads a store clears that flag, so it does not count.
 * Sign it or copy it: see `brief-memory.ts`. Throws WireError BAD_VALUE for a hash or an id of another length.
 */
export function replyProofBytes(
  network: Uint8Array,
  requester: Id,
  request: Uint8Array,
  signedBytes: Uint8Array,
): Uint8Array {
  const prefix = domainPrefix('reply')
  const requestAt = prefix.length + networkHashBytes + idBytes + lengthBytes
  const replyAt = requestAt + request.length
  const size = replyAt + signedBytes.length
  const writer = new Writer(size, size, briefMemory)
  writer.bytes(prefix)
  writer.fixed(network, networkHashBytes)
  writer.fixed(requester, idBytes)
  writer.u32(request.length)
  writer.bytes(request)
  writer.bytes(signedBytes)
  const bytes = writer.finish()
  bytes[replyAt] = bytes[replyAt]! & ~proofFlag
  const flagsAt = requestAt + nonceHeaderBytes
  const isStore = request[0] === messageTypes.store && request.length > nonceHeaderBytes
  if (isStore) bytes[flagsAt] = bytes[flagsAt]! & ~spreadFlag
  return bytes
}
