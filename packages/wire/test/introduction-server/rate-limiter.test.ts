import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AddressLimiter, TokenBucket } from '../../src/introduction-server/rate-limiter.js'

describe('a token bucket', () => {
  it('gives its burst at once and then refuses', () => {
    const bucket = new TokenBucket({ perSecond: 50, burst: 3 }, 0)
    expect([bucket.take(0), bucket.take(0), bucket.take(0), bucket.take(0)]).toEqual([
      true,
      true,
      true,
      false,
    ])
  })

  it('refills at its rate, and never beyond its burst', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 2 }, 0)
    expect(bucket.take(0, 2)).toBe(true)
    expect(bucket.take(99)).toBe(false)
    expect(bucket.take(100)).toBe(true)
    expect(bucket.take(1_000_000, 3)).toBe(false)
    expect(bucket.take(1_000_000, 2)).toBe(true)
  })

  it('lets through no more than the burst and the rate allow, however the requests are spaced', () => {
    const gaps = fc.array(fc.record({ afterMs: fc.nat(400), cost: fc.integer({ min: 1, max: 5 }) }))
    fc.assert(
      fc.property(
        gaps,
        fc.integer({ min: 5, max: 20 }),
        fc.integer({ min: 1, max: 50 }),
        (steps, burst, perSecond) => {
          const bucket = new TokenBucket({ perSecond, burst }, 0)
          let now = 0
          let taken = 0
          for (const { afterMs, cost } of steps) {
            now += afterMs
            if (bucket.take(now, cost)) taken += cost
            expect(taken).toBeLessThanOrEqual(burst + (now / 1000) * perSecond + 1e-6)
          }
        },
      ),
    )
  })
})

describe('an address limiter', () => {
  it('admits the 20th join of an address in a minute and not the 21st, and others all the same', () => {
    const limiter = new AddressLimiter(20, 100)
    const admitted = Array.from({ length: 21 }, () => limiter.admit('192.0.2.1', 0))
    expect(admitted).toEqual([...Array(20).fill(true), false])
    expect(limiter.admit('192.0.2.2', 0)).toBe(true)
    expect(limiter.admit('192.0.2.1', 3_000)).toBe(true)
    expect(limiter.admit('192.0.2.1', 3_000)).toBe(false)
  })

  it('forgets an address a minute after its last use, and no sooner', () => {
    const limiter = new AddressLimiter(20, 100)
    limiter.admit('a', 0)
    limiter.admit('b', 10_000)
    limiter.admit('a', 20_000)
    limiter.sweep(69_999)
    expect(limiter.size).toBe(2)
    limiter.sweep(70_000)
    expect(limiter.size).toBe(1)
    limiter.sweep(80_000)
    expect(limiter.size).toBe(0)
  })

  it('holds no more addresses than it may, and forgets the one unseen for longest', () => {
    const limiter = new AddressLimiter(1, 2)
    limiter.admit('a', 0)
    limiter.admit('b', 1)
    expect(limiter.admit('a', 2)).toBe(false)
    expect(limiter.admit('c', 3)).toBe(true)
    expect(limiter.size).toBe(2)
    expect(limiter.admit('a', 4)).toBe(false)
    expect(limiter.admit('b', 5)).toBe(true)
  })

  it('never admits more of one address because it was swept in between', () => {
    const steps = fc.array(fc.record({ afterMs: fc.nat(30_000), sweep: fc.boolean() }), { maxLength: 100 })
    fc.assert(
      fc.property(steps, (visits) => {
        const swept = new AddressLimiter(3, 10)
        const twin = new AddressLimiter(3, 10)
        let now = 0
        for (const { afterMs, sweep } of visits) {
          now += afterMs
          if (sweep) swept.sweep(now)
          expect(swept.admit('a', now)).toBe(twin.admit('a', now))
        }
      }),
    )
  })
})
