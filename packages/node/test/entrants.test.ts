import { headOf, type Id, idFromBytes, idKey, replicaSet } from '@kadrtc/kademlia'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Entrants } from '../src/replication/entrants.js'

const anyId = fc.uint8Array({ minLength: 20, maxLength: 20 }).map(idFromBytes)
const distinctIds = (length: { minLength: number; maxLength: number }) =>
  fc.uniqueArray(anyId, { ...length, selector: idKey })
const keysOf = (ids: readonly Id[]) => ids.map(idKey).sort()

test('those who have moved up are those of the k closest who were there, or have come if these are wanted, and were none of them', () => {
  fc.assert(
    fc.property(
      distinctIds({ minLength: 1, maxLength: 30 }),
      fc.array(fc.constantFrom('stays', 'leaves', 'comes'), { minLength: 30, maxLength: 30 }),
      fc.array(anyId, { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 8 }),
      fc.boolean(),
      ([own, ...others], fates, keyIds, k, newcomersToo) => {
        const before = others.filter((_, i) => fates[i] !== 'comes')
        const now = others.filter((_, i) => fates[i] !== 'leaves')
        const entrants = new Entrants(own!, before, now, k, { newcomersToo })
        for (const keyId of [...keyIds, own!]) {
          const closest = replicaSet(keyId, own!, now, k)
          if (closest.ownRank < 0) continue
          const had = new Set(replicaSet(keyId, own!, before, k).members.map(idKey))
          const there = new Set(before.map(idKey))
          const mayCount = (id: Id) => (newcomersToo && id !== own) || there.has(idKey(id))
          const expected = closest.members.filter((id) => mayCount(id) && !had.has(idKey(id)))
          const found = [...entrants.of(keyId)].map((place) => now[place]!)
          expect(keysOf(found)).toEqual(keysOf(expected))
          if (found.some((id) => there.has(idKey(id)))) expect(entrants.mayBe(headOf(keyId))).toBe(true)
        }
      },
    ),
  )
})
