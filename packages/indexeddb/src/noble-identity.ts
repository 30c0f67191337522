/**
 * An identity in plain JavaScript, for browsers whose WebCrypto has no Ed25519. It takes and refuses the same
 * signatures as webcrypto-identity.ts, about ten times slower. Its secret key is bytes that a script can read.
 */
import { nodeIdOf } from '@kadrtc/kademlia'
import type { Identity } from '@kadrtc/node'
import { etc, getPublicKeyAsync, Point, signAsync, utils } from '@noble/ed25519'
import { isWellFormed } from './verification.js'

/** 32 fresh bytes: a secret key of RFC 8032. */
export function generateSecretKey(): Uint8Array {
  return utils.randomSecretKey()
}

/** Rejects unless `secretKey` has 32 bytes. */
export async function nobleIdentity(secretKey: Uint8Array): Promise<Identity> {
  const publicKey = await getPublicKeyAsync(secretKey)
  return {
    publicKey,
    id: nodeIdOf(publicKey),
    sign: (bytes) => signAsync(bytes, secretKey),
    verify,
  }
}

/** Not noble's own `verify`, which multiplies by the cofactor where browsers do not: see verification.ts. */
async function verify(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): Promise<boolean> {
  if (!isWellFormed(publicKey, signature)) return false
  const order = Point.CURVE().n
  try {
    const R = Point.fromBytes(signature.subarray(0, 32))
    const A = Point.fromBytes(publicKey)
    const hashed = etc.concatBytes(signature.subarray(0, 32), publicKey, bytes)
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-512', hashed as Uint8Array<ArrayBuffer>))
    const k = etc.mod(littleEndian(digest), order)
    // Throws unless s is below the order: s + order would be a second signature of the same bytes.
    const sB = Point.BASE.multiplyUnsafe(littleEndian(signature.subarray(32)))
    return sB.equals(R.add(A.multiplyUnsafe(k)))
  } catch {
    // Not every 32 bytes are a point of the curve, or a number below its order.
    return false
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${etc.bytesToHex(bytes.slice().reverse())}`)
}
