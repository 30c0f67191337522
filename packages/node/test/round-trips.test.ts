import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RoundTrips } from '../src/rpc/round-trips.js'

test('with nothing measured, the most patience', () => {
  const roundTrips = new RoundTrips()
  expect(roundTrips.smoothedMs).toBeUndefined()
  expect(roundTrips.lateAfterMs(60, 500)).toBe(500)
  expect(roundTrips.hedgeAfterMs).toBe(400)
})

test('the first sample is the mean, half of it the variation (RFC 6298, 2.2)', () => {
  const roundTrips = new RoundTrips()
  roundTrips.sample(100)
  expect(roundTrips.smoothedMs).toBe(100)
  expect(roundTrips.lateAfterMs(0, 10_000)).toBe(100 + 4 * 50)
})

test('later samples count an eighth, and a quarter in the variation, which is taken of the mean before (2.3)', () => {
  const roundTrips = new RoundTrips()
  roundTrips.sample(100)
  roundTrips.sample(200)
  // RTTVAR = 3/4 * 50 + 1/4 * |100 - 200| = 62.5; SRTT = 7/8 * 100 + 1/8 * 200 = 112.5
  expect(roundTrips.smoothedMs).toBe(112.5)
  expect(roundTrips.lateAfterMs(0, 10_000)).toBe(112.5 + 4 * 62.5)
  roundTrips.sample(112.5)
  expect(roundTrips.lateAfterMs(0, 10_000)).toBe(112.5 + 4 * 46.875)
})

test('stays within the bounds it is given', () => {
  const roundTrips = new RoundTrips()
  for (let i = 0; i < 50; i++) roundTrips.sample(1)
  expect(roundTrips.lateAfterMs(60, 500)).toBe(60)
  for (let i = 0; i < 50; i++) roundTrips.sample(5_000)
  expect(roundTrips.lateAfterMs(60, 500)).toBe(500)
})

test('the mean lies among the samples, and what repeats is late soon after it is due', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5_000 }), { minLength: 1 }), (samples) => {
      const roundTrips = new RoundTrips()
      for (const rttMs of samples) roundTrips.sample(rttMs)
      expect(roundTrips.smoothedMs).toBeGreaterThanOrEqual(Math.min(...samples) - 1e-6)
      expect(roundTrips.smoothedMs).toBeLessThanOrEqual(Math.max(...samples) + 1e-6)
      for (let i = 0; i < 200; i++) roundTrips.sample(80)
      expect(roundTrips.lateAfterMs(0, 10_000)).toBeCloseTo(80, 3)
    }),
  )
})
