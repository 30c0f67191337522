import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  asId,
  authorIdOf,
  type ContentRecord,
  checkRecord,
  compareRecords,
  contentIdOf,
  idToHex,
  keyIdOf,
  keyIdOfContent,
  nextSeq,
  nodeIdOf,
  recordLimits,
  type SignedRecord,
  seqMax,
  slotKeyId,
  slotOf,
} from '../src/index.js'
import { anyId } from './ids.js'

const nowMs = 1_800_000_000_000
const dayMs = 86_400_000
const keyId = keyIdOf('greeting')
const author = new Uint8Array(32).fill(7)

function signed(fields: Partial<SignedRecord> = {}): SignedRecord {
  return {
    kind: 'signed',
    keyId,
    author,
    seq: nowMs,
    expiresAtMs: nowMs + dayMs,
    deleted: false,
    format: 0,
    value: Uint8Array.of(1, 2, 3),
    signature: new Uint8Array(64),
    ...fields,
  }
}

function content(value: Uint8Array, fields: Partial<ContentRecord> = {}): ContentRecord {
  const id = keyIdOfContent(contentIdOf(value))
  return { kind: 'content', keyId: id, value, expiresAtMs: nowMs + dayMs, ...fields }
}

describe('a slot', () => {
  test('names kind, key and author in printable ASCII', () => {
    expect(slotOf(signed())).toBe(`s${idToHex(keyId)}${idToHex(nodeIdOf(author))}`)
    const record = content(Uint8Array.of(1))
    expect(slotOf(record)).toBe(`c${idToHex(record.keyId)}`)
  })

  test('is of its own author, however alike the keys of two are', () => {
    const alike = [0, 1, 255].map((last) => author.with(31, last))
    const memory = author.slice()
    for (const key of [...alike, ...alike.toReversed(), author]) {
      memory.set(key)
      expect(authorIdOf(signed({ author: memory }))).toEqual(nodeIdOf(key))
    }
  })

  test('tells its key id', () => {
    fc.assert(
      fc.property(anyId, (id) => {
        expect(slotKeyId(slotOf(signed({ keyId: id })))).toEqual(id)
        expect(slotKeyId(slotOf(content(new Uint8Array(), { keyId: id })))).toEqual(id)
      }),
    )
  })

  test('differs between authors of one key, and not between versions', () => {
    expect(slotOf(signed())).not.toBe(slotOf(signed({ author: new Uint8Array(32) })))
    expect(slotOf(signed())).toBe(slotOf(signed({ seq: 1, value: new Uint8Array() })))
  })

  test.each([
    '',
    'c',
    's',
    `x${'0'.repeat(40)}`,
    `c${'0'.repeat(80)}`,
    `s${'0'.repeat(40)}`,
    `c${'G'.repeat(40)}`,
  ])('is not %j', (slot) => expect(slotKeyId(slot)).toBeUndefined())

  test('is never misread, whatever the string', () => {
    fc.assert(
      fc.property(fc.string(), (slot) => {
        expect(slotKeyId(slot)).toBeUndefined()
      }),
    )
  })
})

describe('of two records of a slot the newer', () => {
  test('is the one with the higher sequence number', () => {
    expect(compareRecords(signed({ seq: 2 }), signed({ seq: 1, deleted: true }))).toBeGreaterThan(0)
  })

  test('is the tombstone, at equal sequence numbers', () => {
    const tombstone = signed({ deleted: true, value: new Uint8Array() })
    expect(compareRecords(tombstone, signed())).toBeGreaterThan(0)
  })

  test('is decided by value and signature last', () => {
    expect(
      compareRecords(signed({ value: Uint8Array.of(2) }), signed({ value: Uint8Array.of(1, 9) })),
    ).toBeGreaterThan(0)
    expect(
      compareRecords(signed({ value: Uint8Array.of(1, 0) }), signed({ value: Uint8Array.of(1) })),
    ).toBeGreaterThan(0)
    const signature = new Uint8Array(64).fill(1)
    expect(compareRecords(signed({ signature }), signed())).toBeGreaterThan(0)
  })

  test('is the content that expires later', () => {
    const value = Uint8Array.of(1)
    expect(compareRecords(content(value, { expiresAtMs: 2 }), content(value, { expiresAtMs: 1 }))).toBe(1)
  })

  test('is undefined between kinds', () => {
    expect(() => compareRecords(signed(), content(new Uint8Array()))).toThrow(TypeError)
  })

  test('is agreed on by all holders: the order is total', () => {
    const anySigned = fc
      .record({
        seq: fc.nat(2),
        deleted: fc.boolean(),
        value: fc.uint8Array({ maxLength: 2, max: 2 }),
        signature: fc.nat(2).map((byte) => new Uint8Array(64).fill(byte)),
      })
      .map(signed)
    fc.assert(
      fc.property(anySigned, anySigned, anySigned, (a, b, c) => {
        expect(Math.sign(compareRecords(a, b))).toBe(-Math.sign(compareRecords(b, a)) + 0)
        if (compareRecords(a, b) > 0 && compareRecords(b, c) > 0)
          expect(compareRecords(a, c)).toBeGreaterThan(0)
        if (compareRecords(a, b) === 0) expect(a).toEqual(b)
      }),
      { numRuns: 500 },
    )
  })
})

describe('a holder', () => {
  test('accepts good records', () => {
    expect(checkRecord(signed(), nowMs)).toBe('ok')
    expect(checkRecord(signed({ deleted: true, value: new Uint8Array() }), nowMs)).toBe('ok')
    expect(checkRecord(content(new Uint8Array(65_536)), nowMs)).toBe('ok')
    expect(
      checkRecord(signed({ seq: 0, expiresAtMs: nowMs + 7 * dayMs + 600_000, format: 255 }), nowMs),
    ).toBe('ok')
    expect(checkRecord(signed({ seq: nowMs + 600_000 }), nowMs)).toBe('ok')
  })

  test.each([
    ['too-large', signed({ value: new Uint8Array(65_537) })],
    ['too-large', content(new Uint8Array(65_537))],
    ['expired', signed({ expiresAtMs: nowMs })],
    ['expired', content(Uint8Array.of(1), { expiresAtMs: nowMs - 1 })],
    ['life-too-long', signed({ expiresAtMs: nowMs + 7 * dayMs + 600_001 })],
    ['life-too-long', content(Uint8Array.of(1), { expiresAtMs: nowMs + 7 * dayMs + 600_001 })],
    ['future-seq', signed({ seq: nowMs + 600_001 })],
    ['wrong-key', content(Uint8Array.of(1), { keyId })],
    ['wrong-key', content(Uint8Array.of(1), { keyId: keyIdOf(Uint8Array.of(1)) })],
  ] as const)('refuses what is %s', (fault, record) => {
    expect(checkRecord(record, nowMs)).toBe(fault)
  })

  test.each([
    ['a key id of 19 bytes', { keyId: new Uint8Array(19) as typeof keyId }],
    ['an author of 31 bytes', { author: new Uint8Array(31) }],
    ['a signature of 63 bytes', { signature: new Uint8Array(63) }],
    ['a sequence number below 0', { seq: -1 }],
    ['a sequence number past 48 bits', { seq: seqMax + 1 }],
    ['a broken sequence number', { seq: 1.5 }],
    ['an expiry that is no number', { expiresAtMs: Number.NaN }],
    ['an endless life', { expiresAtMs: Number.POSITIVE_INFINITY }],
    ['a format of 9 bits', { format: 256 }],
    ['a value in a tombstone', { deleted: true }],
  ])('refuses %s as malformed', (_, fields) => {
    expect(checkRecord(signed(fields), nowMs)).toBe('malformed')
  })

  test('applies the limits it is given', () => {
    expect(checkRecord(signed(), nowMs, { ...recordLimits, valueBytesMax: 2 })).toBe('too-large')
    expect(checkRecord(signed(), nowMs, { ...recordLimits, lifeMsMax: dayMs - 600_001 })).toBe(
      'life-too-long',
    )
  })

  test('accepts any content under its own key and no other', () => {
    fc.assert(
      fc.property(fc.uint8Array(), anyId, (value, other) => {
        expect(checkRecord(content(value), nowMs)).toBe('ok')
        expect(checkRecord(content(value, { keyId: asId(other) }), nowMs)).toBe('wrong-key')
      }),
    )
  })
})

describe('the next sequence number', () => {
  test('follows the clock, and always grows', () => {
    expect(nextSeq(nowMs, undefined)).toBe(nowMs)
    expect(nextSeq(nowMs + 0.7, nowMs - 5)).toBe(nowMs)
    expect(nextSeq(nowMs, nowMs)).toBe(nowMs + 1)
    expect(nextSeq(nowMs - 60_000, nowMs)).toBe(nowMs + 1)
    expect(nextSeq(nowMs, 0)).toBe(nowMs)
  })

  test('ends with an error where 48 bits end', () => {
    expect(nextSeq(nowMs, seqMax - 1)).toBe(seqMax)
    expect(() => nextSeq(nowMs, seqMax)).toThrow(RangeError)
    expect(() => nextSeq(Number.NaN, undefined)).toThrow(RangeError)
  })
})
