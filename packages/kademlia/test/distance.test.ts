import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bucketIndex,
  commonPrefixLength,
  compareDistances,
  distance,
  distanceBits,
  equalIds,
  idBytes,
  isCloser,
  randomIdInBucket,
} from '../src/index.js'
import { anyId, bigDistance, bigintOf, bitsOf, crowdedId, tinyId } from './ids.js'

const length = (a: Parameters<typeof distance>[0], b: Parameters<typeof distance>[1]) =>
  bigintOf(distance(a, b))

describe('the XOR metric', () => {
  test('is zero exactly from an id to itself', () => {
    fc.assert(
      fc.property(crowdedId, crowdedId, (a, b) => {
        expect(length(a, a)).toBe(0n)
        expect(length(a, b) === 0n).toBe(equalIds(a, b))
      }),
    )
  })

  test('is symmetric', () => {
    fc.assert(
      fc.property(crowdedId, crowdedId, (a, b) => {
        expect(distance(a, b)).toEqual(distance(b, a))
      }),
    )
  })

  test('obeys the triangle inequality', () => {
    fc.assert(
      fc.property(crowdedId, crowdedId, crowdedId, (a, b, c) => {
        expect(length(a, b) + length(b, c) >= length(a, c)).toBe(true)
      }),
    )
  })

  test('is unidirectional: one id only lies at a given distance', () => {
    fc.assert(
      fc.property(crowdedId, crowdedId, crowdedId, (a, b, c) => {
        if (length(a, b) === length(a, c)) expect(equalIds(b, c)).toBe(true)
      }),
    )
  })

  test('can be checked by eye', () => {
    expect(bitsOf(distance(tinyId('1100'), tinyId('1010')) as ReturnType<typeof tinyId>, 4)).toBe('0110')
    expect(isCloser(tinyId('1000'), tinyId('1011'), tinyId('0000'))).toBe(true)
    expect(isCloser(tinyId('1000'), tinyId('0000'), tinyId('1011'))).toBe(false)
    expect(isCloser(tinyId('1000'), tinyId('1011'), tinyId('1011'))).toBe(false)
  })
})

test('distances compare as the exact integers do', () => {
  fc.assert(
    fc.property(crowdedId, crowdedId, crowdedId, (target, a, b) => {
      const exact = bigDistance(target, a) - bigDistance(target, b)
      expect(Math.sign(compareDistances(target, a, b))).toBe(exact < 0n ? -1 : exact > 0n ? 1 : 0)
    }),
  )
})

test('distances that differ in the last bit alone are told apart', () => {
  const far = tinyId(`1${'0'.repeat(159)}`)
  const farther = tinyId(`1${'0'.repeat(158)}1`)
  expect(isCloser(tinyId(''), far, farther)).toBe(true)
})

test('the common prefix and the bucket follow from the distance', () => {
  fc.assert(
    fc.property(crowdedId, crowdedId, (a, b) => {
      const bits = bigDistance(a, b) === 0n ? 0 : bigDistance(a, b).toString(2).length
      expect(commonPrefixLength(a, b)).toBe(160 - bits)
      expect(bucketIndex(a, b)).toBe(bits - 1)
    }),
  )
})

test('bucket i holds distances from 2^i up to 2^(i+1)', () => {
  expect(bucketIndex(tinyId('0'), tinyId('1'))).toBe(159)
  expect(bucketIndex(tinyId('0'), tinyId('01'))).toBe(158)
  expect(bucketIndex(tinyId('0'), tinyId(`${'0'.repeat(159)}1`))).toBe(0)
  expect(bucketIndex(tinyId('0'), tinyId('0'))).toBe(-1)
})

describe('the distance in bits', () => {
  test('is its logarithm', () => {
    fc.assert(
      fc.property(crowdedId, crowdedId, (a, b) => {
        fc.pre(!equalIds(a, b))
        expect(distanceBits(a, b)).toBeCloseTo(Math.log2(Number(bigDistance(a, b))), 8)
        expect(Math.floor(distanceBits(a, b))).toBe(bucketIndex(a, b))
      }),
    )
  })

  test('never contradicts which of two ids is closer', () => {
    fc.assert(
      fc.property(crowdedId, crowdedId, crowdedId, (target, a, b) => {
        if (isCloser(target, a, b))
          expect(distanceBits(target, a)).toBeLessThanOrEqual(distanceBits(target, b))
      }),
    )
  })

  test('can be checked by eye', () => {
    const lastBit = tinyId(`${'0'.repeat(159)}1`)
    expect(distanceBits(tinyId('0'), tinyId('1'))).toBe(159)
    expect(distanceBits(tinyId('1100'), tinyId('1010'))).toBe(158 + Math.log2(1.5))
    expect(distanceBits(tinyId('0'), lastBit)).toBe(0)
    expect(distanceBits(lastBit, lastBit)).toBe(-1)
  })
})

describe('a random id in a bucket', () => {
  test('lies in that bucket, whatever the random bytes', () => {
    fc.assert(
      fc.property(anyId, fc.integer({ min: 0, max: 159 }), anyId, (own, bucket, fresh) => {
        expect(
          bucketIndex(
            own,
            randomIdInBucket(own, bucket, () => fresh),
          ),
        ).toBe(bucket)
      }),
    )
  })

  test('takes all bits below the bucket from the random bytes', () => {
    fc.assert(
      fc.property(anyId, fc.integer({ min: 0, max: 159 }), anyId, (own, bucket, fresh) => {
        const id = randomIdInBucket(own, bucket, () => fresh)
        expect(bitsOf(id, 160).slice(160 - bucket)).toBe(bitsOf(fresh, 160).slice(160 - bucket))
      }),
    )
  })

  test('is refused for a bucket that does not exist', () => {
    for (const bucket of [-1, 160, 1.5, Number.NaN]) {
      expect(() => randomIdInBucket(tinyId(''), bucket, () => new Uint8Array(idBytes))).toThrow(RangeError)
    }
  })
})
