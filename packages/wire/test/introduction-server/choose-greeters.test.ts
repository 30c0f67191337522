import { compareDistances, idFromBytes } from '@kadrtc/kademlia'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chooseGreeters } from '../../src/introduction-server/choose-greeters.js'
import { testRandom } from './test-random.js'

const at = (bits: number) => ({ id: idFromBytes(Uint8Array.of(bits, ...new Uint8Array(19))) })
const self = at(0b1010_0000).id
const random = testRandom

describe('the choice of greeters', () => {
  it('is empty when nobody is there', () => {
    expect(chooseGreeters(self, { greeters: [], newcomers: [] }, 8, random)).toEqual([])
  })

  it('asks no newcomer while there are enough greeters', () => {
    const greeters = [at(1), at(2)]
    const chosen = chooseGreeters(self, { greeters, newcomers: [at(0b1010_0001)] }, 2, random)
    expect(new Set(chosen)).toEqual(new Set(greeters))
  })

  it('takes every greeter before it fills up with newcomers', () => {
    const greeters = [at(1), at(2)]
    const newcomers = Array.from({ length: 50 }, (_, i) => at(100 + i))
    for (let i = 0; i < 20; i++) {
      const chosen = chooseGreeters(self, { greeters, newcomers }, 8, random)
      expect(chosen).toHaveLength(8)
      expect(chosen).toEqual(expect.arrayContaining(greeters))
    }
  })

  it('puts the nearest first, names nobody twice, and as many as it can', () => {
    const bits = fc.uniqueArray(fc.nat(255), { maxLength: 40 })
    fc.assert(
      fc.property(bits, fc.nat(40), fc.integer({ min: 1, max: 16 }), (places, split, count) => {
        const greeters = places.slice(0, split).map(at)
        const newcomers = places.slice(split).map(at)
        const eligible = greeters.length >= count ? greeters : [...greeters, ...newcomers]
        const chosen = chooseGreeters(self, { greeters, newcomers }, count, random)
        expect(chosen).toHaveLength(Math.min(count, eligible.length))
        expect(new Set(chosen).size).toBe(chosen.length)
        for (const one of chosen) expect(eligible).toContain(one)
        expect(chosen[0]).toBe(eligible.toSorted((a, b) => compareDistances(self, a.id, b.id))[0])
      }),
    )
  })

  it('gives every greeter its turn', () => {
    const greeters = Array.from({ length: 16 }, (_, i) => at(i))
    const seen = new Set<unknown>()
    for (let i = 0; i < 200; i++) {
      for (const one of chooseGreeters(self, { greeters, newcomers: [] }, 4, random)) seen.add(one)
    }
    expect(seen.size).toBe(16)
  })
})
