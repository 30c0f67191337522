/**
 * An identity for simulations. NOT cryptography: the "signature" is a SHA-256 over a constant, the public key and the
 * bytes, and whoever knows the constant can sign for anybody. It binds all the same: bytes or keys
 * that are changed, and signatures made up by a test that does not reach for this module, are refused. It is
 * synchronous, so that a run replays, and costs a few microseconds.
 */
import { contentIdOf, type Id, nodeIdOf, publicKeyBytes, signatureBytes } from '@kadrtc/kademlia'
import type { Identity } from '@kadrtc/node'
import type { SeededRandom } from './seeded-random.js'

const secret = Uint8Array.from('kadrtc stub identity', (character) => character.charCodeAt(0))

export class StubIdentity implements Identity {
  readonly publicKey: Uint8Array
  readonly id: Id

  /** `publicKey`: any 32 bytes. Throws RangeError for another length. */
  constructor(publicKey: Uint8Array) {
    if (publicKey.length !== publicKeyBytes) throw new RangeError(`A public key has ${publicKeyBytes} bytes`)
    this.publicKey = Uint8Array.from(publicKey)
    this.id = nodeIdOf(this.publicKey)
  }

  static random(random: SeededRandom): StubIdentity {
    return new StubIdentity(random.bytes(publicKeyBytes))
  }

  sign(bytes: Uint8Array): Uint8Array {
    return signatureOf(this.publicKey, bytes)
  }

  verify(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
    if (publicKey.length !== publicKeyBytes || signature.length !== signatureBytes) return false
    const expected = signatureOf(publicKey, bytes)
    return expected.every((byte, i) => byte === signature[i])
  }
}

/** The digest, twice: 64 bytes, like an Ed25519 signature. */
function signatureOf(publicKey: Uint8Array, bytes: Uint8Array): Uint8Array {
  const signed = new Uint8Array(secret.length + publicKey.length + bytes.length)
  signed.set(secret)
  signed.set(publicKey, secret.length)
  signed.set(bytes, secret.length + publicKey.length)
  const digest = contentIdOf(signed)
  const signature = new Uint8Array(signatureBytes)
  signature.set(digest)
  signature.set(digest, digest.length)
  return signature
}
