import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TokenBucket } from '../src/overlay/token-bucket.js'

const takeAll = (bucket: TokenBucket, nowMs: number) => {
  let taken = 0
  while (bucket.take(nowMs)) taken += 1
  return taken
}

test('allows a burst at once, then its rate', () => {
  const bucket = new TokenBucket(10, 3, 0)
  expect(takeAll(bucket, 0)).toBe(3)
  expect(bucket.take(99)).toBe(false)
  expect(bucket.take(100)).toBe(true)
  expect(bucket.take(100)).toBe(false)
})

test('small steps of time add up', () => {
  const bucket = new TokenBucket(10, 1, 0)
  takeAll(bucket, 0)
  for (let nowMs = 10; nowMs < 100; nowMs += 10) expect(bucket.take(nowMs)).toBe(false)
  expect(bucket.take(100.001)).toBe(true)
})

test('a long rest saves no more than one burst', () => {
  const bucket = new TokenBucket(10, 5, 0)
  takeAll(bucket, 0)
  expect(takeAll(bucket, 3_600_000)).toBe(5)
})

test('a clock that is set back gives nothing, and takes nothing for ever', () => {
  const bucket = new TokenBucket(10, 2, 1_000_000)
  takeAll(bucket, 1_000_000)
  expect(bucket.take(0)).toBe(false)
  expect(bucket.take(100)).toBe(true)
})

test('over any span of time, no more than the burst and the rate allow', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 }),
      (perSecond, burst, stepsMs) => {
        const bucket = new TokenBucket(perSecond, burst, 0)
        const takenAtMs: number[] = []
        let nowMs = 0
        for (const stepMs of stepsMs) {
          nowMs += stepMs
          if (bucket.take(nowMs)) takenAtMs.push(nowMs)
        }
        takenAtMs.forEach((fromMs, first) => {
          takenAtMs.slice(first).forEach((toMs, span) => {
            const allowed = burst + ((toMs - fromMs) * perSecond) / 1000
            expect(span + 1).toBeLessThanOrEqual(allowed + 1e-6)
          })
        })
      },
    ),
  )
})
