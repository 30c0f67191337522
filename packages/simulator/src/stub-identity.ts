/**
 * An identity for simulations. NOT cryptography: the "signature" is a 64-bit checksum of the public key and the bytes, and
 * whoever reads this can sign for anybody. It binds all the same: bytes or keys that are changed, and signatures made up by a
 * test that does not reach for this module, are refused. It is synchronous, so that a run replays, and costs a microsecond
 * a kilobyte, where a cryptographic hash took a twentieth of all the time of a network that hands records over.
 */
import { type Id, nodeIdOf, publicKeyBytes, signatureBytes } from '@kadrtc/kademlia'
import type { Identity } from '@kadrtc/node'
import type { SeededRandom } from './seeded-random.js'

/**
 * Two lanes after FNV-1a (Fowler, Noll, Vo), with starts of our own; the second turns its bits, so that they differ. Every step is
 * a bijection: no single changed byte is missed.
 */
const lanes = { startA: 0x6b616472, primeA: 0x0100_0193, startB: 0x74632d69, primeB: 0x0100_0ad3 } as const

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
    return verifyStub(publicKey, bytes, signature)
  }
}

/** As `verify`, for who has no identity of its own. */
export function verifyStub(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== publicKeyBytes || signature.length !== signatureBytes) return false
  const expected = signatureOf(publicKey, bytes)
  return expected.every((byte, i) => byte === signature[i])
}

/** The checksum, eight times: 64 bytes, like an Ed25519 signature. */
function signatureOf(publicKey: Uint8Array, bytes: Uint8Array): Uint8Array {
  let a: number = lanes.startA
  let b: number = lanes.startB
  for (const part of [publicKey, bytes]) {
    for (let i = 0; i < part.length; i++) {
      a = Math.imul(a ^ part[i]!, lanes.primeA)
      b = Math.imul(((b >>> 7) | (b << 25)) ^ part[i]!, lanes.primeB)
    }
  }
  const words = new DataView(new ArrayBuffer(signatureBytes))
  for (let at = 0; at < signatureBytes; at += 8) {
    words.setUint32(at, a)
    words.setUint32(at + 4, b)
  }
  return new Uint8Array(words.buffer)
}
