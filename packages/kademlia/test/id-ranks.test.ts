import fc from 'fast-check'
import { expect, test } from 'vitest'
import { IdRanks, isCloser } from '../src/index.js'
import { anyId, bigDistance, crowdedId, tinyId } from './ids.js'

for (const [kind, id] of [
  ['any', anyId],
  // Which differ in few places, often after the first 31 bits alone.
  ['crowded', crowdedId],
] as const) {
  test(`counts who is closer as the ids themselves say, with ${kind} ids`, () => {
    fc.assert(
      fc.property(fc.array(id, { maxLength: 40 }), id, id, fc.nat(40), (ids, target, than, most) => {
        const closer = ids.filter((one) => isCloser(target, one, than)).length
        const ranks = new IdRanks(ids)
        expect(ranks.countCloser(target, than)).toBe(closer)
        expect(ranks.countCloser(target, than, most)).toBe(Math.min(closer, most + 1))
      }),
    )
  })

  test(`finds who is n-th, with ${kind} ids`, () => {
    fc.assert(
      fc.property(fc.array(id, { maxLength: 40 }), id, (ids, target) => {
        const sorted = ids.map((one) => bigDistance(one, target)).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
        const ranks = new IdRanks(ids)
        const found = ids.map((_, rank) => bigDistance(ids[ranks.indexAt(target, rank)!]!, target))
        expect(found).toEqual(sorted)
        expect(ranks.indexAt(target, ids.length)).toBeUndefined()
      }),
    )
  })
}

test('ids that share their first 31 bits are told apart by the others', () => {
  const zeros = '0'.repeat(31)
  const [near, far] = [tinyId(`${zeros}01`), tinyId(`${zeros}1`)]
  const ranks = new IdRanks([far, near])
  expect(ranks.countCloser(tinyId('0'), far)).toBe(1)
  expect(ranks.countCloser(tinyId('0'), near)).toBe(0)
  expect(ranks.indexAt(tinyId('0'), 0)).toBe(1)
})
