import fc from 'fast-check'
import { expect, test } from 'vitest'
import { headOf, IdRanks, isCloser, RankOf } from '../src/index.js'
import { anyId, bigDistance, crowdedId, tinyId } from './ids.js'

for (const [kind, id] of [
  ['any', anyId],
  // Which differ in few places, often after the first 31 bits alone.
  ['crowded', crowdedId],
] as const) {
  test(`counts who is closer as the ids themselves say, with ${kind} ids`, () => {
    fc.assert(
      fc.property(fc.array(id, { maxLength: 40 }), fc.array(id), id, (ids, targets, than) => {
        const rank = new RankOf(than, ids)
        for (const target of [...targets, ...ids, than]) {
          const closer = ids.filter((one) => isCloser(target, one, than))
          const byHead = closer.filter((one) => headOf(one) !== headOf(than))
          expect(rank.at(target)).toBe(closer.length)
          expect(rank.atLeast(headOf(target))).toBe(byHead.length)
        }
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
  expect(new RankOf(far, [far, near]).at(tinyId('0'))).toBe(1)
  expect(new RankOf(near, [far, near]).at(tinyId('0'))).toBe(0)
  expect(ranks.indexAt(tinyId('0'), 0)).toBe(1)
})
