/** Whether a client holds the private half of the key it shows: Ed25519 (RFC 8032) by node:crypto. */
import { createPublicKey, verify } from 'node:crypto'

/** False for a wrong signature and for a malformed key or signature alike; never throws. */
export function verifyEd25519(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    const x = Buffer.from(publicKey).toString('base64url')
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    return verify(null, bytes, key, signature)
  } catch {
    return false
  }
}
