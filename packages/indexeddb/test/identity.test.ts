import 'fake-indexeddb/auto'
import { type ErrorCode, type Identity, KadrtcError } from '@kadrtc/node'
import { identitySuite } from '@kadrtc/node/port-suites'
import { etc, Point, utils, verifyAsync } from '@noble/ed25519'
import fc from 'fast-check'
import { get, set } from 'idb-keyval'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { diskOf } from '../src/disk.js'
import { generateSecretKey, nobleIdentity } from '../src/noble-identity.js'
import { createIdentity, loadIdentity } from '../src/stored-identity.js'
import { isWellFormed } from '../src/verification.js'
import { generateWebCryptoKeys, importWebCryptoKeys, webCryptoIdentity } from '../src/webcrypto-identity.js'

const byWebCrypto = async () => webCryptoIdentity((await generateWebCryptoKeys())!)
const byNoble = () => nobleIdentity(generateSecretKey())
const implementations: [name: string, create: () => Promise<Identity>][] = [
  ['webcrypto', byWebCrypto],
  ['noble', byNoble],
]

/** A browser from before Ed25519 came to WebCrypto. */
function withoutEd25519(): void {
  const notSupported = new DOMException('Unrecognized name', 'NotSupportedError')
  vi.spyOn(crypto.subtle, 'generateKey').mockRejectedValue(notSupported)
  vi.spyOn(crypto.subtle, 'importKey').mockRejectedValue(notSupported)
}

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

for (const [name, create] of implementations) {
  describe(name, () => {
    for (const { name, run } of identitySuite(create)) test(name, run)

    test('RFC 8032 section 7.1, test 3, holds', async () => {
      const publicKey = 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025'
      const signature =
        '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac' +
        '18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a'
      const { verify } = await create()
      const message = Uint8Array.of(0xaf, 0x82)
      expect(await verify(etc.hexToBytes(publicKey), message, etc.hexToBytes(signature))).toBe(true)
    })
  })
}

describe('both implementations', () => {
  test('sign alike: RFC 8032 signatures are a function of key and message', async () => {
    const secretKey = generateSecretKey()
    const message = Uint8Array.of(1, 2, 3)
    const [one, other] = [
      webCryptoIdentity((await importWebCryptoKeys(secretKey))!),
      await nobleIdentity(secretKey),
    ]
    expect(one.publicKey).toEqual(other.publicKey)
    expect(await one.sign(message)).toEqual(new Uint8Array(await other.sign(message)))
  })

  test('agree on signatures with any bytes changed', async () => {
    const [one, other] = [await byWebCrypto(), await byNoble()]
    const change = fc.record({ at: fc.nat(95), to: fc.constantFrom(0, 1, 127, 128, 236, 237, 255) })
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 40 }),
        fc.array(change, { maxLength: 3 }),
        async (message, changes) => {
          const forged = Uint8Array.of(...one.publicKey, ...(await one.sign(message)))
          for (const { at, to } of changes) forged[at] = to
          const [key, signature] = [forged.subarray(0, 32), forged.subarray(32)]
          const answer = await one.verify(key, message, signature)
          expect(await other.verify(key, message, signature)).toBe(answer)
          if (changes.length === 0) expect(answer).toBe(true)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('agree on signatures that hold only up to the cofactor, which a key with torsion can make', async () => {
    const verifiers = [await byWebCrypto(), await byNoble()]
    let laxOnly = 0
    for (let i = 0; i < 8; i++) {
      const message = Uint8Array.of(i)
      const { publicKey, signature } = await signWithTorsion(message)
      const answers = await Promise.all(verifiers.map((one) => one.verify(publicKey, message, signature)))
      expect(answers[0]).toBe(answers[1])
      if (!answers[0] && (await verifyAsync(signature, message, publicKey, { zip215: false }))) laxOnly++
    }
    expect(laxOnly).toBeGreaterThan(0)
  })

  test('refuse a signature whose R has small order, which the key itself can make', async () => {
    const message = Uint8Array.of(1)
    const a = etc.mod(littleEndian(utils.randomSecretKey()), order)
    const publicKey = Point.BASE.multiply(a).toBytes()
    const R = Point.ZERO.toBytes()
    const k = await challengeOf(R, publicKey, message)
    const signature = Uint8Array.of(...R, ...bytesOf(etc.mod(k * a, order)))
    expect(await verifyAsync(signature, message, publicKey)).toBe(true)
    for (const { verify } of [await byWebCrypto(), await byNoble()]) {
      expect(await verify(publicKey, message, signature)).toBe(false)
    }
  })
})

describe('a well-formed key and signature', () => {
  const good = Point.BASE.toBytes()
  const signatureOf = (R: Uint8Array) => Uint8Array.of(...R, ...new Uint8Array(32))

  test('hold points that may be anything else', () => {
    expect(isWellFormed(good, signatureOf(good))).toBe(true)
    for (const y of [2n, 18n, 19n, p - 2n, p - 19n, 2n ** 254n]) {
      expect(isWellFormed(bytesOf(y), signatureOf(good))).toBe(true)
    }
  })

  test('hold no point of small order, in any encoding', () => {
    const encodings = [...smallOrderEncodings()]
    expect(new Set(encodings.map(String)).size).toBe(14)
    for (const encoded of encodings) {
      expect(isWellFormed(encoded, signatureOf(good))).toBe(false)
      expect(isWellFormed(good, signatureOf(encoded))).toBe(false)
    }
  })

  test('hold no y of p or more, with either sign', () => {
    for (let y = p; y < 2n ** 255n; y++) {
      for (const sign of [0n, 2n ** 255n]) {
        expect(isWellFormed(bytesOf(y + sign), signatureOf(good))).toBe(false)
        expect(isWellFormed(good, signatureOf(bytesOf(y + sign)))).toBe(false)
      }
    }
  })
})

describe('a stored identity', () => {
  const database = () => `identity:${Math.random()}`
  const noWarning = (warning: KadrtcError) => expect.fail(`warned: ${warning.message}`)

  test('is the same on the next start, and its private key cannot be read', async () => {
    const name = database()
    const first = await loadIdentity({ database: name, onWarning: noWarning })
    const second = await loadIdentity({ database: name, onWarning: noWarning })
    expect(second.id).toEqual(first.id)
    const message = Uint8Array.of(1)
    expect(await first.verify(first.publicKey, message, await second.sign(message))).toBe(true)
    const { privateKey } = (await get('identity', diskOf(name))) as { privateKey: CryptoKey }
    expect(privateKey.extractable).toBe(false)
  })

  test('made before the browser had Ed25519 keeps its id when the browser has it', async () => {
    const name = database()
    withoutEd25519()
    const before = await loadIdentity({ database: name, onWarning: noWarning })
    expect((await loadIdentity({ database: name, onWarning: noWarning })).id).toEqual(before.id)
    vi.restoreAllMocks()
    const sign = vi.spyOn(crypto.subtle, 'sign')
    const after = await loadIdentity({ database: name, onWarning: noWarning })
    expect(after.id).toEqual(before.id)
    expect(sign).toHaveBeenCalled()
  })

  test('is a secret key where the browser cannot store a CryptoKey', async () => {
    const name = database()
    const inner = diskOf(name)
    const disk: typeof inner = (mode, callback) =>
      inner(mode, (store) => {
        const put = store.put.bind(store)
        store.put = (value, key) => {
          if (value.kind === 'webcrypto') throw new DOMException('No CryptoKey here', 'DataCloneError')
          return put(value, key)
        }
        return callback(store)
      })
    const first = await loadIdentity({ database: name, onWarning: noWarning, disk })
    const second = await loadIdentity({ database: name, onWarning: noWarning, disk: diskOf(name) })
    expect(second.id).toEqual(first.id)
  })

  test('that is unusable is replaced, with a warning, for good', async () => {
    for (const junk of [
      null,
      7,
      { kind: 'webcrypto' },
      { kind: 'secret', secretKey: 'no' },
      { kind: 'other' },
    ]) {
      const name = database()
      await set('identity', junk, diskOf(name))
      const warnings: ErrorCode[] = []
      const first = await loadIdentity({ database: name, onWarning: ({ code }) => warnings.push(code) })
      expect(warnings).toEqual(['STORE_UNAVAILABLE'])
      expect((await loadIdentity({ database: name, onWarning: noWarning })).id).toEqual(first.id)
    }
  })

  test('whose public key is not that of its private key is unusable', async () => {
    const name = database()
    const keys = await generateWebCryptoKeys()
    await set('identity', { kind: 'webcrypto', ...keys, publicKey: new Uint8Array(32).fill(3) }, diskOf(name))
    const onWarning = vi.fn()
    await loadIdentity({ database: name, onWarning })
    expect(onWarning).toHaveBeenCalledOnce()
  })

  test('is in memory, with one warning, where nothing can be stored', async () => {
    vi.stubGlobal('indexedDB', undefined)
    const warnings: KadrtcError[] = []
    const identity = await loadIdentity({
      database: database(),
      onWarning: (warning) => warnings.push(warning),
    })
    expect(identity.publicKey).toHaveLength(32)
    expect(warnings).toMatchObject([{ code: 'STORE_UNAVAILABLE' }])
    expect(warnings[0]).toBeInstanceOf(KadrtcError)
  })

  test('is in memory, without a warning, when no database is named', async () => {
    expect((await loadIdentity({ database: undefined, onWarning: noWarning })).publicKey).toHaveLength(32)
  })

  test('works without Ed25519 in WebCrypto and without storage', async () => {
    withoutEd25519()
    const identity = await createIdentity()
    const message = Uint8Array.of(1)
    expect(await identity.verify(identity.publicKey, message, await identity.sign(message))).toBe(true)
  })
})

test('a public key is imported once for many signatures, and at most 512 are kept', async () => {
  const identity = await byWebCrypto()
  const signature = await identity.sign(Uint8Array.of(1))
  const importKey = vi.spyOn(crypto.subtle, 'importKey')
  const verify = (key: Uint8Array) => identity.verify(key, Uint8Array.of(1), signature)
  const own = [...identity.publicKey]
  // Never the own key, whatever it ends with: bit 1 of the last byte differs.
  const keyNumber = (n: number) => Uint8Array.of(...own.slice(0, 30), n, own[31]! ^ (2 | (n >> 8)))
  await Promise.all([verify(identity.publicKey), verify(identity.publicKey), verify(identity.publicKey)])
  expect(importKey).toHaveBeenCalledTimes(1)
  for (let n = 0; n < 511; n++) await verify(keyNumber(n))
  await verify(identity.publicKey)
  expect(importKey).toHaveBeenCalledTimes(512)
  // The least recently used goes: number 0, not the one just used.
  await verify(keyNumber(511))
  expect(await verify(identity.publicKey)).toBe(true)
  expect(importKey).toHaveBeenCalledTimes(513)
  await verify(keyNumber(0))
  expect(importKey).toHaveBeenCalledTimes(514)
})

const littleEndian = (bytes: Uint8Array) => BigInt(`0x${etc.bytesToHex(bytes.slice().reverse())}`)
const { n: order, p } = Point.CURVE()

/** A point of order 8 (RFC 8032's curve has 8 points of small order, all multiples of it). */
const torsion = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')

/** A signature by the key A + T, T of order 8: s B = R + k A, which is R + k (A + T) up to k T. */
async function signWithTorsion(
  message: Uint8Array,
): Promise<{ publicKey: Uint8Array; signature: Uint8Array }> {
  const [a, r] = [utils.randomSecretKey(), utils.randomSecretKey()].map((key) =>
    etc.mod(littleEndian(key), order),
  )
  const publicKey = Point.BASE.multiply(a!).add(torsion).toBytes()
  const R = Point.BASE.multiply(r!).toBytes()
  const k = await challengeOf(R, publicKey, message)
  return { publicKey, signature: Uint8Array.of(...R, ...bytesOf(etc.mod(r! + k * a!, order))) }
}

/** k of RFC 8032 section 5.1.7. */
async function challengeOf(R: Uint8Array, publicKey: Uint8Array, message: Uint8Array): Promise<bigint> {
  const digest = await crypto.subtle.digest('SHA-512', Uint8Array.of(...R, ...publicKey, ...message))
  return etc.mod(littleEndian(new Uint8Array(digest)), order)
}

/** The eight points of small order, with either sign bit, and y + p where that fits into 255 bits. */
function* smallOrderEncodings(): Generator<Uint8Array> {
  let point = torsion
  for (let multiple = 1; multiple <= 8; multiple++, point = point.add(torsion)) {
    for (const y of [point.y, point.y + p]) {
      if (y >= 2n ** 255n) continue
      for (const sign of [0, 128]) {
        const encoded = bytesOf(y)
        encoded[31]! |= sign
        yield encoded
      }
    }
  }
}

function bytesOf(value: bigint): Uint8Array {
  return etc.hexToBytes(value.toString(16).padStart(64, '0')).reverse()
}
