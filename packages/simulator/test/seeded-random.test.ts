import { SeededRandom } from '@kadrtc/simulator'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

describe('SeededRandom', () => {
  test('one seed gives one stream, whatever the sizes it is drawn in', () => {
    const [a, b] = [new SeededRandom(7), new SeededRandom('7')]
    expect(a.bytes(64)).toEqual(Uint8Array.from([...b.bytes(32), ...b.bytes(32)]))
    expect(new SeededRandom(8).bytes(64)).not.toEqual(new SeededRandom(7).bytes(64))
  })

  test('a fork depends on the seed and the label, not on what was drawn before', () => {
    const [fresh, used] = [new SeededRandom(7), new SeededRandom(7)]
    used.bytes(1_000)
    expect(used.fork('links').bytes(16)).toEqual(fresh.fork('links').bytes(16))
    expect(fresh.fork('links').bytes(16)).not.toEqual(fresh.fork('churn').bytes(16))
    expect(fresh.fork('links').bytes(16)).not.toEqual(fresh.bytes(16))
  })

  test('20,000 forks are 20,000 streams', () => {
    const random = new SeededRandom(1)
    const firsts = Array.from({ length: 20_000 }, (_, i) => random.fork(`node ${i}`).bytes(12).join())
    expect(new Set(firsts).size).toBe(firsts.length)
  })

  test('every bit of a byte is set about half of the time', () => {
    const bytes = new SeededRandom('bits').bytes(40_000)
    for (let bit = 0; bit < 8; bit++) {
      const set = bytes.reduce((sum, byte) => sum + ((byte >> bit) & 1), 0)
      expect(Math.abs(set - 20_000)).toBeLessThan(600)
    }
  })

  test('a sample has different members of what it was taken from', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer()), fc.nat(20), fc.nat(), (items, count, seed) => {
        const sample = new SeededRandom(seed).sample(items, count)
        expect(sample.length).toBe(Math.min(count, items.length))
        expect(new Set(sample).size).toBe(sample.length)
        expect(sample.every((item) => items.includes(item))).toBe(true)
      }),
    )
  })

  test('there is nothing to pick from an empty list', () => {
    expect(() => new SeededRandom(1).pick([])).toThrow(RangeError)
  })
})
