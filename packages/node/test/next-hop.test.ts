import { type Id, idBytes, isCloser } from '@kadrtc/kademlia'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nextHop, nextHops } from '../src/overlay/next-hop.js'
import { FakeLink, tinyId } from './fake-link.js'

const all = Number.POSITIVE_INFINITY
const ids = fc.uint8Array({ minLength: idBytes, maxLength: idBytes }).map((bytes) => bytes as Id)
const tinyIds = fc.integer({ min: 0, max: 255 }).map((value) => tinyId(value.toString(2)))
const links = (id: fc.Arbitrary<Id>) =>
  fc.array(
    fc
      .tuple(id, fc.option(fc.integer({ min: 0, max: 500 }), { nil: undefined }))
      .map(([peer, rttMs]) => new FakeLink(peer, rttMs)),
    { maxLength: 20 },
  )

/** The twin: distances as whole numbers, nothing clever. */
const numberOf = (id: Id) => id.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
const distanceOf = (a: Id, b: Id) => numberOf(a) ^ numberOf(b)

describe('the greedy choice', () => {
  test('takes links strictly closer to the target, all of them and no other', () => {
    fc.assert(
      fc.property(ids, ids, links(ids), (own, target, open) => {
        const closer = open.filter(({ peer }) => distanceOf(peer, target) < distanceOf(own, target))
        expect(new Set(nextHops(own, target, open, all))).toEqual(new Set(closer))
      }),
    )
  })

  test('never moves away in a small space full of ties', () => {
    fc.assert(
      fc.property(tinyIds, tinyIds, links(tinyIds), (own, target, open) => {
        const chosen = nextHop(own, target, open)
        const closer = open.some(({ peer }) => distanceOf(peer, target) < distanceOf(own, target))
        expect(chosen !== undefined).toBe(closer)
        if (chosen) expect(isCloser(target, chosen.peer, own)).toBe(true)
      }),
    )
  })

  test('of one link and of many, the best is the same', () => {
    fc.assert(
      fc.property(ids, ids, links(ids), (own, target, open) => {
        expect(nextHop(own, target, open)).toBe(nextHops(own, target, open, 1)[0])
      }),
    )
  })

  test('at equal round-trip times goes by distance alone', () => {
    fc.assert(
      fc.property(tinyIds, tinyIds, links(tinyIds), (own, target, open) => {
        for (const link of open) link.rttMs = 40
        const chosen = nextHops(own, target, open, all).map(({ peer }) => distanceOf(peer, target))
        expect(chosen).toEqual([...chosen].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)))
      }),
    )
  })

  test('at equal round-trip times the owner wins, over a peer one bit away too', () => {
    const target = tinyId('1000')
    const neighbour = new FakeLink(tinyId('1001'))
    const owner = new FakeLink(target)
    expect(nextHop(tinyId('0000'), target, [neighbour, owner])).toBe(owner)
    expect(nextHop(tinyId('0000'), target, [owner, neighbour])).toBe(owner)
    expect(nextHop(tinyId('1001'), target, [new FakeLink(tinyId('0001')), owner])).toBe(owner)
  })

  test('weighs time against the bits that are left: a near step beats a leap that is slower by more', () => {
    const own = tinyId('11111111')
    const step = new FakeLink(tinyId('01111111'), 10)
    // 3.1 bits nearer, which are 138.7 ms of one way.
    const leap = new FakeLink(tinyId('00001111'), 10 + 2 * 140)
    expect(nextHop(own, tinyId('0'), [leap, step])).toBe(step)
    leap.rttMs = 10 + 2 * 137
    expect(nextHop(own, tinyId('0'), [leap, step])).toBe(leap)
  })

  test('of those who are near enough to know all near the target the fastest is taken, until the packet is there', () => {
    const target = tinyId('0')
    const fast = new FakeLink(tinyId('00001111'), 10)
    const nearer = new FakeLink(tinyId('00000001'), 40)
    const faster = new FakeLink(tinyId('00111111'), 0)
    const open = [faster, nearer, fast]
    expect(nextHop(tinyId('11111111'), target, open)).toBe(nearer)
    // Distances below 2 to the fourth.
    expect(nextHop(tinyId('11111111'), target, open, 4)).toBe(fast)
    expect(nextHops(tinyId('11111111'), target, open, 3, 4)).toEqual([fast, nearer, faster])
    expect(nextHop(tinyId('00001111'), target, open, 4)).toBe(nearer)
  })

  test('a packet does not stray from its owner for a few milliseconds', () => {
    const own = tinyId('11111111')
    const instant = new FakeLink(tinyId('01111111'), 0)
    const owner = new FakeLink(tinyId('0'), 20)
    expect(nextHop(own, tinyId('0'), [instant, owner])).toBe(owner)
  })

  test('gives no more than asked for, and nothing where there is nothing', () => {
    const open = ['1', '10', '11', '100'].map((bits) => new FakeLink(tinyId(bits)))
    expect(nextHops(tinyId('11110'), tinyId('0'), open, 2)).toHaveLength(2)
    expect(nextHops(tinyId('0'), tinyId('0'), open, 2)).toEqual([])
    expect(nextHop(tinyId('0'), tinyId('0'), open)).toBeUndefined()
    expect(nextHop(tinyId('1'), tinyId('0'), [])).toBeUndefined()
  })
})
