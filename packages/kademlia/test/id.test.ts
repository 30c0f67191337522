import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { base32Encode } from '../src/base32.js'
import {
  asId,
  contentIdFromText,
  contentIdOf,
  contentIdToText,
  equalIds,
  idFromBytes,
  idFromHex,
  idFromKey,
  idKey,
  idToHex,
  keyIdOf,
  keyIdOfContent,
  nodeIdOf,
} from '../src/index.js'
import { anyId } from './ids.js'

const bytes = (text: string) => new TextEncoder().encode(text)

describe('an id', () => {
  test('has exactly 20 bytes', () => {
    for (const length of [0, 19, 21, 32]) {
      expect(() => idFromBytes(new Uint8Array(length))).toThrow(RangeError)
      expect(() => asId(new Uint8Array(length))).toThrow(RangeError)
    }
  })

  test('made by idFromBytes is a copy, made by asId is not', () => {
    const source = new Uint8Array(20)
    const copy = idFromBytes(source)
    const same = asId(source)
    source[0] = 7
    expect(copy[0]).toBe(0)
    expect(same).toBe(source)
  })

  test('made of a slice of a Node Buffer is a plain Uint8Array', () => {
    expect(idFromBytes(Buffer.alloc(20)).constructor).toBe(Uint8Array)
  })

  test('survives hex and key', () => {
    fc.assert(
      fc.property(anyId, (id) => {
        expect(idFromHex(idToHex(id))).toEqual(id)
        expect(idFromHex(idToHex(id).toUpperCase())).toEqual(id)
        expect(idFromKey(idKey(id))).toEqual(id)
        expect(idKey(id)).toHaveLength(20)
      }),
    )
  })

  test('has a key equal to another exactly when the ids are equal', () => {
    fc.assert(
      fc.property(anyId, anyId, (a, b) => {
        expect(idKey(a) === idKey(b)).toBe(equalIds(a, b))
        expect(equalIds(a, idFromBytes(a))).toBe(true)
      }),
    )
  })

  test('differs from one that differs in any single byte', () => {
    for (let i = 0; i < 20; i++) {
      const other = new Uint8Array(20)
      other[i] = 1
      expect(equalIds(asId(new Uint8Array(20)), asId(other))).toBe(false)
    }
  })

  test.each([
    '',
    'ab',
    'g'.repeat(40),
    '0'.repeat(39),
    '0'.repeat(41),
    ` ${'0'.repeat(39)}`,
    `${'0'.repeat(40)}\n`,
  ])('is not read from the hex %j', (hex) => {
    expect(() => idFromHex(hex)).toThrow(RangeError)
  })

  test.each(['', 'x'.repeat(19), 'x'.repeat(21), `${'x'.repeat(19)}€`])(
    'is not read from the key %j',
    (key) => {
      expect(() => idFromKey(key)).toThrow(RangeError)
    },
  )
})

describe('the hashes', () => {
  // FIPS 180-4 examples, RFC 3174 section 7.3.
  test.each([
    ['', 'da39a3ee5e6b4b0d3255bfef95601890afd80709'],
    ['abc', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
    ['abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq', '84983e441c3bd26ebaae4aa1f95129e5e54670f1'],
  ])('give the SHA-1 of %j for a key', (text, hex) => {
    expect(idToHex(keyIdOf(text))).toBe(hex)
    expect(idToHex(keyIdOf(bytes(text)))).toBe(hex)
    expect(idToHex(nodeIdOf(bytes(text)))).toBe(hex)
  })

  test('take a string key as UTF-8', () => {
    expect(keyIdOf('grüß 🌍')).toEqual(keyIdOf(bytes('grüß 🌍')))
    expect(keyIdOf('\ud800')).toEqual(keyIdOf('\ufffd'))
  })

  test('give the SHA-256 of content, and SHA-1 of that as its key id', () => {
    const contentId = contentIdOf(bytes('abc'))
    expect(Buffer.from(contentId).toString('hex')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    )
    expect(keyIdOfContent(contentId)).toEqual(keyIdOf(contentId))
  })
})

describe('a content id as text', () => {
  // RFC 4648 section 10, lower case and without padding.
  test.each([
    ['', ''],
    ['f', 'my'],
    ['fo', 'mzxq'],
    ['foo', 'mzxw6'],
    ['foob', 'mzxw6yq'],
    ['fooba', 'mzxw6ytb'],
    ['foobar', 'mzxw6ytboi'],
  ])('is base32 as in the RFC: %j is %j', (plain, text) => {
    expect(base32Encode(bytes(plain))).toBe(text)
  })

  test('is read back in either case', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (contentId) => {
        const text = contentIdToText(contentId)
        expect(text).toMatch(/^[a-z2-7]{52}$/)
        expect(contentIdFromText(text)).toEqual(contentId)
        expect(contentIdFromText(text.toUpperCase())).toEqual(contentId)
      }),
    )
  })

  test.each([
    ['too short', 'a'.repeat(51)],
    ['too long', 'a'.repeat(53)],
    ['padded', `${'a'.repeat(52)}====`],
    ['of foreign digits', `${'a'.repeat(51)}1`],
    ['of letters that only look like ASCII', `${'a'.repeat(51)}ａ`],
    ['with last bits that mean nothing but are set', `${'a'.repeat(51)}b`],
  ])('is refused when it is %s', (_, text) => {
    expect(contentIdFromText(text)).toBeUndefined()
  })

  test('has one spelling only, whatever is typed', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z2-7]{52}$/), (text) => {
        const read = contentIdFromText(text)
        if (read) expect(contentIdToText(read)).toBe(text)
      }),
    )
  })
})
