/**
 * What proves a reply that did not come straight over a link: the responder's signature over the network, the asker, the request
 * as it was encoded, and the reply. A relay that changes the question changes what is signed.
 */
import { equalIds, type Id, nodeIdOf } from '@kadrtc/kademlia'
import { encodeMessage, type Reply, type ReplyProof, replyProofBytes, withProof } from '@kadrtc/wire'
import type { Awaitable, Identity } from '../ports/identity.js'

export interface ProofPorts {
  readonly identity: Identity
  /** Hash of the network's name, bound into every proof. */
  readonly networkHash: Uint8Array
}

/** The bytes of our reply with its proof. A promise only where signing is one. */
export function provenReply(
  { identity, networkHash }: ProofPorts,
  asker: Id,
  request: Uint8Array,
  reply: Reply,
): Awaitable<Uint8Array> {
  const encoded = encodeMessage(reply)
  const prove = (signature: Uint8Array) => withProof(encoded, { publicKey: identity.publicKey, signature })
  const signature = identity.sign(replyProofBytes(networkHash, asker, request, encoded))
  return signature instanceof Promise ? signature.then(prove) : prove(signature)
}

/** Did `responder` sign this reply to our request? */
export function isProvenBy(
  { identity, networkHash }: ProofPorts,
  responder: Id,
  { publicKey, signature }: ReplyProof,
  request: Uint8Array,
  signedBytes: Uint8Array,
): Awaitable<boolean> {
  if (!equalIds(nodeIdOf(publicKey), responder)) return false
  const bytes = replyProofBytes(networkHash, identity.id, request, signedBytes)
  return identity.verify(publicKey, bytes, signature)
}
