import { type Id, randomIdInBucket } from '@kadrtc/kademlia'
import { isKnownContact, knownContacts, knownContactsMax, tagOffsetLeast, tagOffsetMost } from '@kadrtc/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { id } from './arbitraries.js'

describe('known contacts', () => {
  test('who is named is known, in any turn', () => {
    const ids = fc.array(id, { maxLength: knownContactsMax })
    fc.assert(
      fc.property(ids, fc.integer(), (named, turn) => {
        const known = knownContacts(named, turn)
        expect(known.offset).toBeGreaterThanOrEqual(tagOffsetLeast)
        expect(known.offset).toBeLessThanOrEqual(tagOffsetMost)
        expect(named.every((one) => isKnownContact(known, one))).toBe(true)
      }),
    )
  })

  test('two contacts that differ behind the first four bytes are told apart in some turn', () => {
    const pair = fc.tuple(
      id,
      fc.integer({ min: 0, max: 127 }),
      fc.uint8Array({ minLength: 20, maxLength: 20 }),
    )
    fc.assert(
      fc.property(pair, ([own, bucket, bytes]) => {
        const other = randomIdInBucket(own, bucket, () => bytes)
        const turns = Array.from({ length: 15 }, (_, turn) => knownContacts([own], turn))
        expect(turns.every((known) => isKnownContact(known, other))).toBe(false)
      }),
    )
  })

  test('no more are named than the limit', () => {
    const many = Array.from({ length: knownContactsMax + 9 }, (_, i) => new Uint8Array(20).fill(i) as Id)
    expect(knownContacts(many, 3).tags).toHaveLength(2 * knownContactsMax)
  })
})
