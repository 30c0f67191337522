import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  cacheLifeMs,
  evictionOrder,
  handoverDelayMs,
  idKey,
  replicaSet,
  republishDelayMs,
} from '../src/index.js'
import { bigDistance, bitsOf, closestByForce, crowdedId, tinyId } from './ids.js'

describe('the replica set', () => {
  test('is what a brute-force sort finds', () => {
    fc.assert(
      fc.property(
        crowdedId,
        crowdedId,
        fc.array(crowdedId),
        fc.integer({ min: 1, max: 8 }),
        (keyId, own, peers, k) => {
          const distinct = new Map([own, ...peers].map((id) => [idKey(id), { id }]))
          const members = closestByForce(distinct.values(), keyId, k).map(({ id }) => id)
          const ownRank = members.findIndex((id) => idKey(id) === idKey(own))
          expect(replicaSet(keyId, own, peers, k)).toEqual({ members, ownRank })
        },
      ),
    )
  })

  test('can be checked by eye', () => {
    const peers = ['1000', '1111', '0000'].map(tinyId)
    const { members, ownRank } = replicaSet(tinyId('1110'), tinyId('1011'), peers, 3)
    expect(members.map((id) => bitsOf(id, 4))).toEqual(['1111', '1011', '1000'])
    expect(ownRank).toBe(1)
    expect(replicaSet(tinyId('1110'), tinyId('0001'), peers, 2).ownRank).toBe(-1)
  })
})

test('the closest holder acts at once, and each next one a step later', () => {
  expect([0, 1, 2, 19].map((rank) => handoverDelayMs(rank, { rankStepMs: 500 }))).toEqual([
    0, 500, 1000, 9500,
  ])
  for (const rank of [-1, 0.5, Number.NaN]) {
    expect(() => handoverDelayMs(rank, { rankStepMs: 500 })).toThrow(RangeError)
  }
})

test('a cached value lives half as long with every node that is closer to the key', () => {
  expect([0, 1, 2, 10, 100].map((closer) => cacheLifeMs(closer, 86_400_000))).toEqual([
    86_400_000, 43_200_000, 21_600_000, 84_375, 0,
  ])
})

test('an author republishes at half-life', () => {
  expect(republishDelayMs(86_400_000)).toBe(43_200_000)
})

describe('a full holder', () => {
  test('drops the farthest from its own id first', () => {
    const records = ['0001', '1000', '0100'].map((bits) => ({ keyId: tinyId(bits), bits }))
    expect(evictionOrder(tinyId('0000'), records).map(({ bits }) => bits)).toEqual(['1000', '0100', '0001'])
  })

  test('drops all in an order by distance, losing none and changing nothing it was given', () => {
    fc.assert(
      fc.property(crowdedId, fc.array(crowdedId), (own, keyIds) => {
        const records = Object.freeze(keyIds.map((keyId) => ({ keyId })))
        const order = evictionOrder(own, records)
        expect(new Set(order)).toEqual(new Set(records))
        for (const [i, record] of order.entries()) {
          const next = order[i + 1]
          if (next) expect(bigDistance(own, record.keyId) >= bigDistance(own, next.keyId)).toBe(true)
        }
      }),
    )
  })
})
