import { exponential, fromTrace, SeededRandom, type SessionLengths, weibull } from '@kadrtc/simulator'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

function draws(lengths: SessionLengths, seed: string | number, count: number): number[] {
  const random = new SeededRandom(seed)
  return Array.from({ length: count }, () => lengths(random))
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const shareBelow = (values: readonly number[], bound: number) =>
  values.filter((value) => value < bound).length / values.length

const models: readonly (readonly [string, SessionLengths])[] = [
  ['exponential', exponential(600_000)],
  ['weibull', weibull({ meanMs: 600_000, shape: 0.5 })],
  ['trace', fromTrace('1\n60\n3600')],
]

describe.each(models)('%s session lengths', (_name, lengths) => {
  test('are whole and positive, and the same for the same seed', () => {
    fc.assert(
      fc.property(fc.string(), (seed) => {
        const drawn = draws(lengths, seed, 20)
        expect(drawn.every((ms) => Number.isSafeInteger(ms) && ms >= 1)).toBe(true)
        expect(draws(lengths, seed, 20)).toEqual(drawn)
      }),
    )
  })

  test('differ between seeds', () => {
    expect(draws(lengths, 1, 20)).not.toEqual(draws(lengths, 2, 20))
  })
})

describe('the mean of many lengths', () => {
  test('is what exponential was given', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 10_000_000 }), fc.integer(), (meanMs, seed) => {
        // The standard error of 4,000 draws is 1.6 % of the mean; 9 % is more than five of them.
        expect(Math.abs(mean(draws(exponential(meanMs), seed, 4_000)) / meanMs - 1)).toBeLessThan(0.09)
      }),
      { numRuns: 50 },
    )
  })

  test.each([0.5, 1, 2, 5])('is what weibull was given, for shape %d', (shape) => {
    const drawn = draws(weibull({ meanMs: 60_000, shape }), 1, 100_000)
    expect(Math.abs(mean(drawn) / 60_000 - 1)).toBeLessThan(0.03)
  })
})

describe('the shape of many lengths', () => {
  test('exponential: half are below ln 2 means', () => {
    const drawn = draws(exponential(60_000), 1, 50_000)
    expect(shareBelow(drawn, Math.LN2 * 60_000)).toBeCloseTo(0.5, 1.7)
    expect(shareBelow(drawn, 60_000)).toBeCloseTo(1 - Math.exp(-1), 1.7)
  })

  test('weibull: 1 - e^-((x / scale)^shape) are below x', () => {
    // Shape 1/2: the scale is the mean over Γ(3), half of it.
    const drawn = draws(weibull({ meanMs: 60_000, shape: 0.5 }), 1, 50_000)
    expect(shareBelow(drawn, 30_000)).toBeCloseTo(1 - Math.exp(-1), 1.7)
    expect(shareBelow(drawn, 120_000)).toBeCloseTo(1 - Math.exp(-2), 1.7)
  })

  test('weibull of shape 1 is exponential', () => {
    const [one, other] = [
      draws(weibull({ meanMs: 60_000, shape: 1 }), 1, 200),
      draws(exponential(60_000), 1, 200),
    ]
    expect(one.every((ms, i) => Math.abs(ms - other[i]!) <= 1)).toBe(true)
  })
})

describe('a trace', () => {
  test('gives each of its lengths, in ms, past comments and empty lines', () => {
    const lengths = fromTrace('# measured in 2006\r\n1.5\n\n  20 # seconds\n1e3\n')
    expect([...new Set(draws(lengths, 1, 100))].sort((a, b) => a - b)).toEqual([1_500, 20_000, 1_000_000])
  })

  test.each([
    ['ten', 'Line 2: "ten"'],
    ['0', 'Line 2'],
    ['-4', 'Line 2'],
    ['1e999', 'Line 2'],
    ['0x10', 'Line 2'],
    ['1 2', 'Line 2'],
  ])('a line that says %s is refused by its number', (line, message) => {
    expect(() => fromTrace(`1\n${line}\n3`)).toThrow(message)
  })

  test('with no length in it is refused', () => {
    expect(() => fromTrace('# nothing\n')).toThrow('no session length')
  })
})

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('a mean or a shape of %d is refused', (bad) => {
  expect(() => exponential(bad)).toThrow(RangeError)
  expect(() => weibull({ meanMs: bad, shape: 1 })).toThrow(RangeError)
  expect(() => weibull({ meanMs: 1, shape: bad })).toThrow(RangeError)
})
