import type { Id } from '@kadrtc/kademlia'

/** A value now, or a promise of it: the simulator signs at once, WebCrypto does not. */
export type Awaitable<T> = T | Promise<T>

/** Who this node is: an Ed25519 key pair (RFC 8032) whose private half never leaves the implementation. */
export interface Identity {
  /** Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array
  /** SHA-1 of the public key: nobody picks an id without finding a key for it. */
  readonly id: Id
  /** An Ed25519 signature, 64 bytes. */
  sign(bytes: Uint8Array): Awaitable<Uint8Array>
  /** False for a wrong signature and for a malformed key or signature alike; never throws. */
  verify(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): Awaitable<boolean>
}
