/**
 * What every Identity does. `create` gives a new identity each time it is called.
 * The suite signs with real keys, so an identity stub for simulations need not pass it.
 */
import { nodeIdOf } from '@kadrtc/kademlia'
import type { Identity } from '../ports/identity.js'
import { expectBytes, expectThat, type SuiteCase } from './suite.js'

export function identitySuite(create: () => Promise<Identity>): SuiteCase[] {
  return [...signing, ...refusing].map(([name, run]) => ({ name, run: () => run(create) }))
}

type IdentityCase = [name: string, run: (create: () => Promise<Identity>) => Promise<void>]

const message = Uint8Array.of(107, 97, 100)

/** L, the order of the base point, little-endian (RFC 8032 section 5.1). */
const order = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010')

const signing: IdentityCase[] = [
  [
    'has a 32-byte public key, and the SHA-1 of it as its id',
    async (create) => {
      const identity = await create()
      expectThat(identity.publicKey.length === 32, `the public key has ${identity.publicKey.length} bytes`)
      expectBytes(identity.id, nodeIdOf(identity.publicKey), 'id')
    },
  ],
  [
    'makes another key each time',
    async (create) => {
      const [one, other] = [await create(), await create()]
      expectThat(one.publicKey.join() !== other.publicKey.join(), 'two identities have one key')
    },
  ],
  [
    'signs with 64 bytes that it and others verify, the empty message too',
    async (create) => {
      const [signer, other] = [await create(), await create()]
      for (const signed of [message, new Uint8Array(0), new Uint8Array(70_000).fill(7)]) {
        const signature = await signer.sign(signed)
        expectThat(signature.length === 64, `the signature has ${signature.length} bytes`)
        expectThat(await signer.verify(signer.publicKey, signed, signature), 'the signer verifies')
        expectThat(await other.verify(signer.publicKey, signed, signature), 'another identity verifies')
      }
    },
  ],
  [
    'signs and verifies views into larger buffers',
    async (create) => {
      const identity = await create()
      const buffer = Uint8Array.of(0, ...message, 0, ...identity.publicKey, 0, ...new Uint8Array(64), 0)
      buffer.set(await identity.sign(buffer.subarray(1, 4)), 38)
      const holds = await identity.verify(
        buffer.subarray(5, 37),
        buffer.subarray(1, 4),
        buffer.subarray(38, 102),
      )
      expectThat(holds, 'views verify')
    },
  ],
  [
    'answers many verifications at once, each with its own answer',
    async (create) => {
      const identities = await Promise.all(Array.from({ length: 4 }, create))
      const signatures = await Promise.all(identities.map((identity) => identity.sign(message)))
      const answers = await Promise.all(
        identities.flatMap(({ publicKey }) =>
          signatures.map((signature) => identities[0]!.verify(publicKey, message, signature)),
        ),
      )
      answers.forEach((holds, i) => {
        expectThat(holds === (i >> 2 === (i & 3)), `key ${i >> 2}, signature ${i & 3}: ${holds}`)
      })
    },
  ],
]

const refusing: IdentityCase[] = [
  [
    'refuses a signature by another key',
    async (create) => {
      const [signer, other] = [await create(), await create()]
      await expectRefused(signer, other.publicKey, message, await signer.sign(message), 'another key')
    },
  ],
  [
    'refuses other bytes',
    async (create) => {
      const identity = await create()
      const signature = await identity.sign(message)
      for (const other of [new Uint8Array(0), Uint8Array.of(107, 97, 101), Uint8Array.of(...message, 0)]) {
        await expectRefused(identity, identity.publicKey, other, signature, 'other bytes')
      }
    },
  ],
  [
    'refuses a signature with any one bit changed',
    async (create) => {
      const identity = await create()
      const signature = await identity.sign(message)
      for (const bit of [0, 7, 255, 256, 300, 508, 511]) {
        const changed = signature.slice()
        changed[bit >> 3]! ^= 1 << (bit & 7)
        await expectRefused(identity, identity.publicKey, message, changed, `bit ${bit} changed`)
      }
    },
  ],
  [
    'refuses a second form of a good signature (s + L)',
    async (create) => {
      const identity = await create()
      const malleated = addOrder(await identity.sign(message))
      await expectRefused(identity, identity.publicKey, message, malleated, 's + L')
    },
  ],
  [
    'answers false, and never throws, for a malformed key',
    async (create) => {
      const identity = await create()
      const signature = await identity.sign(message)
      for (const length of [0, 1, 31, 33, 64]) {
        await expectRefused(identity, new Uint8Array(length), message, signature, `a key of ${length} bytes`)
      }
      // y = 2 belongs to no point of the curve.
      await expectRefused(identity, point(2), message, signature, 'a key that is no point')
      await expectRefused(
        identity,
        new Uint8Array(32).fill(255),
        message,
        signature,
        'a key beyond the field',
      )
    },
  ],
  [
    'answers false, and never throws, for a malformed signature',
    async (create) => {
      const identity = await create()
      const key = identity.publicKey
      for (const length of [0, 1, 63, 65, 128]) {
        await expectRefused(identity, key, message, new Uint8Array(length), `a signature of ${length} bytes`)
      }
      await expectRefused(identity, key, message, new Uint8Array(64).fill(255), 'a signature of ones')
    },
  ],
  [
    'refuses keys of small order, whose signatures hold for any message',
    async (create) => {
      const identity = await create()
      // The neutral element as A and as R, with s = 0: s B = R + k A whatever was signed.
      for (const key of [point(1), point(1, 0x80), fromHex(`ee${'ff'.repeat(30)}7f`)]) {
        const signature = Uint8Array.of(...point(1), ...new Uint8Array(32))
        await expectRefused(identity, key, message, signature, 'a key of small order')
      }
    },
  ],
]

async function expectRefused(
  identity: Identity,
  publicKey: Uint8Array,
  bytes: Uint8Array,
  signature: Uint8Array,
  what: string,
): Promise<void> {
  expectThat((await identity.verify(publicKey, bytes, signature)) === false, `${what} was not refused`)
}

/** The encoding of the point with this small y, little-endian, and this sign bit. */
function point(y: number, sign = 0): Uint8Array {
  const encoded = new Uint8Array(32)
  encoded[0] = y
  encoded[31] = sign
  return encoded
}

/** The same signature with L added to its second half: equal modulo L, so a lax verifier takes it. */
function addOrder(signature: Uint8Array): Uint8Array {
  const sum = signature.slice()
  let carry = 0
  for (let i = 0; i < 32; i++) {
    carry += sum[32 + i]! + order[i]!
    sum[32 + i] = carry
    carry >>= 8
  }
  return sum
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) =>
    Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16),
  )
}
