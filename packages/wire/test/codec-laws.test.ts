/** Laws that hold for every encoding. */
import { WireError } from '@kadrtc/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Codec, codecs } from './codecs.js'

/** The value, or the WireError that decoding threw; any other exception is the test's failure. */
function tryDecode({ decode }: Codec<unknown>, bytes: Uint8Array): unknown {
  try {
    return decode(bytes)
  } catch (error) {
    if (error instanceof WireError) return error
    throw error
  }
}

/** Bytes decode to an error, or to a value whose one encoding they are. */
function expectTotalAndCanonical(codec: Codec<unknown>, bytes: Uint8Array): void {
  const decoded = tryDecode(codec, bytes)
  if (!(decoded instanceof WireError)) expect(codec.encode(decoded)).toEqual(bytes)
}

/** Cheap equality for laws with many cases. */
const plain = (value: unknown) =>
  JSON.stringify(value, (_, field) =>
    field instanceof Uint8Array ? Buffer.from(field).toString('hex') : field,
  )

/** Key order is not part of a value. */
const sorted = (value: unknown): unknown =>
  value instanceof Uint8Array || typeof value !== 'object' || value === null
    ? value
    : Array.isArray(value)
      ? value.map(sorted)
      : Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, field]) => [key, sorted(field)]),
        )

describe.each(codecs)('$name', (codec) => {
  test('what was encoded decodes to the same value', () => {
    fc.assert(
      fc.property(codec.values, (value) => {
        const decoded = codec.decode(codec.encode(value))
        expect(plain(sorted(decoded))).toBe(plain(sorted(value)))
      }),
      { numRuns: 300 },
    )
  })

  test('an encoding shares no byte with another', () => {
    fc.assert(
      fc.property(codec.values, (value) => {
        const [first, second] = [codec.encode(value), codec.encode(value)]
        const copy = second.slice()
        first.fill(0xaa)
        expect(second).toEqual(copy)
      }),
    )
  })

  test('it decodes out of the middle of a larger buffer', () => {
    fc.assert(
      fc.property(codec.values, (value) => {
        const bytes = codec.encode(value)
        const larger = new Uint8Array(bytes.length + 20).fill(0xaa)
        larger.set(bytes, 10)
        const decoded = codec.decode(larger.subarray(10, 10 + bytes.length))
        expect(plain(sorted(decoded))).toBe(plain(sorted(value)))
      }),
    )
  })

  test('random bytes give a WireError or a value that encodes to them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => expectTotalAndCanonical(codec, bytes)),
      { numRuns: 2_000 },
    )
  })

  test('a valid encoding with bytes changed, inserted or removed does likewise', () => {
    const change = fc.record({ at: fc.nat(), removed: fc.nat(3), inserted: fc.uint8Array({ maxLength: 3 }) })
    fc.assert(
      fc.property(codec.values, fc.array(change, { minLength: 1, maxLength: 3 }), (value, changes) => {
        let bytes: Uint8Array = codec.encode(value)
        for (const { at, removed, inserted } of changes) {
          const start = at % (bytes.length + 1)
          bytes = Uint8Array.of(
            ...bytes.subarray(0, Math.min(start, 2_000)),
            ...inserted,
            ...bytes.subarray(start + removed, start + removed + 2_000),
          )
        }
        expectTotalAndCanonical(codec, bytes)
      }),
      { numRuns: 500 },
    )
  })

  test('an encoding cut at any length gives a WireError or a value that encodes to what is left', () => {
    fc.assert(
      fc.property(codec.values, (value) => {
        const bytes = codec.encode(value)
        const step = Math.max(1, Math.floor(bytes.length / 400))
        for (let length = 0; length < bytes.length; length += step) {
          const decoded = tryDecode(codec, bytes.subarray(0, length))
          if (!(decoded instanceof WireError))
            expect(Buffer.compare(codec.encode(decoded), bytes.subarray(0, length))).toBe(0)
        }
      }),
      { numRuns: 40 },
    )
  })

  test('no bytes are no value', () => {
    expect(tryDecode(codec, new Uint8Array(0))).toMatchObject({ code: 'TRUNCATED' })
  })

  test('a type byte of nothing is UNKNOWN_TYPE', () => {
    const bytes = new Uint8Array(300).fill(0x7f)
    expect(tryDecode(codec, bytes)).toMatchObject({ code: 'UNKNOWN_TYPE' })
  })
})

/** Sent as they are, and gone: they share their memory. A store that clones a view keeps all of its buffer. */
const sent = ['packet', 'message']

describe.each(codecs.filter(({ name }) => !sent.includes(name)))('$name, which may be kept', (codec) => {
  test('is encoded in a buffer of exactly its size', () => {
    fc.assert(
      fc.property(codec.values, (value) => {
        const bytes = codec.encode(value)
        expect(bytes.buffer.byteLength).toBe(bytes.length)
      }),
    )
  })
})
