import { commonPrefixLength, type Id, idFromBytes } from '@kadrtc/kademlia'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Admission, GreeterPool, type Identified } from '../../src/introduction-server/greeter-pool.js'

/** An id whose first byte is `bits`, the rest zero: its place is read off the binary. */
function at(bits: number): Identified {
  return { id: idFromBytes(Uint8Array.of(bits, ...new Uint8Array(19))) }
}

const limits = { greetersMax: 4, rotationIntervalMs: 15_000, greeterAgeMaxMs: 600_000 }

function fullPool() {
  const pool = new GreeterPool<Identified>(limits)
  const members = [at(0b0000_0000), at(0b0000_0001), at(0b0100_0000), at(0b1000_0000)]
  for (const member of members) expect(pool.offer(member, 0).outcome).toBe('admitted')
  return { pool, members }
}

describe('a pool of greeters', () => {
  it('takes everyone while it has room, and nobody twice', () => {
    const { pool, members } = fullPool()
    expect(pool.offer(members[0]!, 0).outcome).toBe('admitted')
    expect(pool.size).toBe(4)
  })

  it('gives the place of the most crowded greeter to a candidate that stands freer', () => {
    const { pool, members } = fullPool()
    const candidate = at(0b1100_0000)
    const admission = pool.offer(candidate, 20_000)
    expect(admission).toEqual({ outcome: 'admitted-instead', retired: members[0] })
    expect(pool.greeters()).toEqual([members[1], members[2], members[3], candidate])
  })

  it('is full for a candidate that would be as crowded in that place', () => {
    const { pool } = fullPool()
    expect(pool.offer(at(0b0000_0000), 20_000).outcome).toBe('full')
    expect(pool.offer(at(0b0000_0011), 20_000).outcome).toBe('admitted-instead')
  })

  it('replaces no more than one in an interval', () => {
    const { pool, members } = fullPool()
    expect(pool.offer(at(0b1100_0000), 20_000).outcome).toBe('admitted-instead')
    pool.delete(members[1]!)
    expect(pool.offer(at(0b0100_0001), 20_000).outcome).toBe('admitted')
    expect(pool.offer(at(0b0010_0000), 34_999).outcome).toBe('full')
    expect(pool.offer(at(0b0010_0000), 35_000).outcome).toBe('admitted-instead')
  })

  it('gives the place of a greeter that has served its time to whoever comes', () => {
    const pool = new GreeterPool<Identified>(limits)
    const members = [at(0), at(64), at(128), at(192)]
    members.forEach((member, i) => {
      pool.offer(member, i * 1_000)
    })
    expect(pool.offer(at(1), 599_999).outcome).toBe('full')
    expect(pool.offer(at(1), 600_000)).toEqual({ outcome: 'admitted-instead', retired: members[0] })
  })

  it('never outgrows its bound, tells of everyone it retires, and never gets more crowded before greeters age', () => {
    const offers = fc.array(fc.record({ bits: fc.nat(255), afterMs: fc.nat(20_000) }), { maxLength: 25 })
    fc.assert(
      fc.property(offers, (steps) => {
        const pool = new GreeterPool<Identified>(limits)
        const expected = new Set<Identified>()
        let now = 0
        for (const { bits, afterMs } of steps) {
          now += afterMs
          const candidate = at(bits)
          const before = crowding(pool)
          const admission: Admission<Identified> = pool.offer(candidate, now)
          if (admission.outcome === 'admitted-instead') {
            expected.delete(admission.retired)
            expect(crowding(pool)).toBeLessThanOrEqual(before)
          }
          if (admission.outcome !== 'full') expected.add(candidate)
          expect(new Set(pool.greeters())).toEqual(expected)
          expect(pool.size).toBeLessThanOrEqual(limits.greetersMax)
        }
      }),
    )
  })

  it('spreads over the id space: greeters of 2,000 random nodes come to stand as far apart as 32 can', () => {
    const pool = new GreeterPool<Identified>({ ...limits, greetersMax: 32, greeterAgeMaxMs: 1e9 })
    const random = lcg(7)
    for (let i = 0; i < 2_000; i++) pool.offer({ id: randomId(random) }, i * 15_000)
    // 32 greeters, evenly spread, stand in 32 corners of five bits each.
    expect(crowding(pool)).toBe(4)
  })
})

/** Leading bits that the two closest greeters share. */
function crowding(pool: GreeterPool<Identified>): number {
  let most = -1
  const greeters = pool.greeters()
  greeters.forEach((a, i) => {
    for (const b of greeters.slice(i + 1)) most = Math.max(most, commonPrefixLength(a.id, b.id))
  })
  return most
}

function lcg(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 24
  }
}

function randomId(random: () => number): Id {
  return idFromBytes(Uint8Array.from({ length: 20 }, random))
}
