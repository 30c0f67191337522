import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { distanceFraction, usedBuckets } from '../src/model/buckets.js'
import { groupCounters } from '../src/model/counters.js'
import { nodeGlyph } from '../src/model/node-glyph.js'
import { link } from './inspections.js'

const hexId = fc
  .uint8Array({ minLength: 20, maxLength: 20 })
  .map((bytes) => Buffer.from(bytes).toString('hex'))
const links = fc.uniqueArray(
  fc.tuple(hexId, fc.integer({ min: 0, max: 159 })).map(([peer, bucket]) => link(peer, bucket)),
  { selector: ({ peer }) => peer, maxLength: 64 },
)

/** The k-bucket of the paper, by big integers: the place of the highest bit in which two ids differ. */
function bucketOf(a: string, b: string): number {
  return (BigInt(`0x${a}`) ^ BigInt(`0x${b}`)).toString(2).length - 1
}

describe('the chart of k-buckets', () => {
  it('has every link once, in its own bucket, farthest bucket first', () => {
    fc.assert(
      fc.property(links, (all) => {
        const used = usedBuckets(all)
        expect(used.flatMap((bucket) => bucket.links).length).toBe(all.length)
        for (const { bucket, links: inBucket } of used) {
          expect(inBucket.length).toBeGreaterThan(0)
          expect(inBucket.every((each) => each.bucket === bucket)).toBe(true)
        }
        const order = used.map(({ bucket }) => bucket)
        expect(order).toEqual([...new Set(order)].sort((a, b) => b - a))
      }),
    )
  })

  it('does not depend on the order in which links are told', () => {
    fc.assert(
      fc.property(links, (all) => {
        expect(usedBuckets(all.toReversed())).toEqual(usedBuckets(all))
      }),
    )
  })

  it('draws a peer within the stretch that belongs to its bucket', () => {
    fc.assert(
      fc.property(hexId, hexId, (a, b) => {
        const fraction = distanceFraction(a, b)
        expect(fraction).toBe(distanceFraction(b, a))
        const bucket = bucketOf(a, b)
        if (bucket < 128) return expect(fraction).toBe(0)
        expect(fraction).toBeGreaterThanOrEqual(2 ** (bucket - 160))
        expect(fraction).toBeLessThan(2 ** (bucket - 159))
      }),
    )
  })
})

describe('the picture of a node', () => {
  it('is the same left and right, inside five by five, and has a hue', () => {
    fc.assert(
      fc.property(hexId, (id) => {
        const { hue, cells } = nodeGlyph(id)
        const filled = new Set(cells.map(String))
        expect(filled.size).toBe(cells.length)
        for (const [column, row] of cells) {
          expect(filled.has(String([4 - column, row]))).toBe(true)
          expect([column, row].every((place) => place >= 0 && place < 5)).toBe(true)
        }
        expect(hue).toBeGreaterThanOrEqual(0)
        expect(hue).toBeLessThanOrEqual(360)
      }),
    )
  })
})

describe('counters', () => {
  it('come in groups, and one that is new comes last', () => {
    expect(groupCounters({ brandNew: 3, sent: 1, ping: 2 })).toEqual([
      { title: 'Requests', counters: [['sent', 1]] },
      { title: 'Served', counters: [['ping', 2]] },
      { title: 'Other', counters: [['brandNew', 3]] },
    ])
  })

  it('are all shown, each once', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.nat()), (counters) => {
        const shown = groupCounters(counters).flatMap((group) => group.counters)
        expect(Object.fromEntries(shown)).toEqual({ ...counters })
        expect(shown.length).toBe(Object.keys(counters).length)
      }),
    )
  })
})
