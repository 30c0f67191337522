import { bucketIndex, type Id, idBytes } from '@kadrtc/kademlia'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { areInOneHalf, bestOfBucket, linksWantedInto } from '../src/overlay/bucket-links.js'
import { tinyId } from './fake-link.js'

const own = tinyId('0')

/** A bucket, and some of its nodes in any order. */
const crowds = fc.integer({ min: 0, max: 159 }).chain((bucket) =>
  fc.record({
    bucket: fc.constant(bucket),
    members: fc
      .uniqueArray(fc.bigInt({ min: 2n ** BigInt(bucket), max: 2n ** BigInt(bucket + 1) - 1n }), {
        maxLength: 12,
      })
      .map((numbers) => numbers.map((number) => ({ id: idOf(number) }))),
  }),
)

function idOf(number: bigint): Id {
  const id = new Uint8Array(idBytes) as Id
  for (let i = idBytes - 1, rest = number; i >= 0; i--, rest >>= 8n) id[i] = Number(rest & 255n)
  return id
}

/** The twin: the upper half of a bucket begins in its middle. */
function isInUpperHalf(bucket: number, { id }: { readonly id: Id }): boolean {
  const number = id.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
  return 2n * number >= 3n * 2n ** BigInt(bucket)
}

test('two links into a bucket, and six, four, three and three into the farthest ones; where one is enough it is enough for all', () => {
  const wanted = (linksPerBucket: number) =>
    [159, 158, 157, 156, 155, 0].map((bucket) => linksWantedInto(bucket, linksPerBucket))
  expect(wanted(2)).toEqual([6, 4, 3, 3, 2, 2])
  expect(wanted(3)).toEqual([11, 7, 5, 4, 4, 3])
  expect(wanted(1)).toEqual([1, 1, 1, 1, 1, 1])
})

test('whether nodes of a bucket are in one half of it is seen at its middle', () => {
  fc.assert(
    fc.property(crowds, ({ bucket, members }) => {
      for (const { id } of members) expect(bucketIndex(own, id)).toBe(bucket)
      const halves = new Set(members.map((member) => isInUpperHalf(bucket, member)))
      expect(areInOneHalf(bucket, members)).toBe(halves.size < 2)
    }),
  )
})

test('the best of a bucket are the first, and the first of the other half in the last place if those are in one', () => {
  fc.assert(
    fc.property(crowds, fc.integer({ min: 0, max: 8 }), ({ bucket, members }, count) => {
      const best = bestOfBucket(bucket, members, count)
      expect(best).toHaveLength(Math.min(count, members.length))
      expect(best.slice(0, -1)).toEqual(members.slice(0, best.length).slice(0, -1))
      const halfOf = (member: (typeof members)[number]) => isInUpperHalf(bucket, member)
      const first = members.slice(0, count)
      const isOneSided = new Set(first.map(halfOf)).size === 1
      const other = members.find((member) => halfOf(member) !== halfOf(members[0]!))
      expect(best.at(-1)).toBe(count > 1 && isOneSided && other ? other : first.at(-1))
    }),
  )
})
