import { compareDistances, type Id } from '@kadrtc/kademlia'
import { SeededRandom, StubIdentity } from '@kadrtc/simulator'
import { expect, test } from 'vitest'
import { LinkTable } from '../src/overlay/link-table.js'
import { isFar, isLikelyReplica, mayBeReplica, sharesNoRecords } from '../src/replication/replica-rank.js'
import { FakeLink, settingsWith } from './fake-link.js'

const k = 20
const linked = 40
const random = new SeededRandom('replica-rank')
const ids = Array.from({ length: 1_000 }, () => StubIdentity.random(random).id)

/** Of the nodes at these places in the order of distance to a key: which share takes itself for a replica? */
function shareOf(isReplica: typeof isLikelyReplica, fromRank: number, toRank: number): number {
  let all = 0
  let sure = 0
  for (let i = 0; i < 40; i++) {
    const keyId = StubIdentity.random(random).id
    const nearestFirst = (target: Id) => [...ids].sort((a, b) => compareDistances(target, a, b))
    for (const own of nearestFirst(keyId).slice(fromRank, toRank)) {
      const links = new LinkTable(own, settingsWith({ k }))
      for (const peer of nearestFirst(own).slice(1, linked + 1)) links.add(new FakeLink(peer), 0)
      all++
      if (isReplica(own, keyId, links, k)) sure++
    }
  }
  return sure / all
}

test('nearly every one of the closest knows that it is a replica, and hardly anybody far off takes itself for one', () => {
  expect(shareOf(isLikelyReplica, 0, 3)).toBeGreaterThan(0.99)
  expect(shareOf(isLikelyReplica, 0, 10)).toBeGreaterThan(0.95)
  expect(shareOf(isLikelyReplica, 40, 43)).toBeLessThan(0.02)
})

test('hardly any replica takes itself for none', () => {
  expect(shareOf(mayBeReplica, 0, k)).toBeGreaterThan(0.99)
})

test('who shares no records with us is far from every key that is likely ours', () => {
  const own = ids[0]!
  const nearestFirst = [...ids].sort((a, b) => compareDistances(own, a, b)).slice(1)
  const links = new LinkTable(own, settingsWith({ k }))
  for (const peer of nearestFirst.slice(0, linked)) links.add(new FakeLink(peer), 0)
  const ours = Array.from({ length: 5_000 }, () => keyNear(own)).filter((keyId) =>
    isLikelyReplica(own, keyId, links, k),
  )
  expect(ours.length).toBeGreaterThan(250)
  const couldHold = nearestFirst.filter((peer) => ours.some((keyId) => !isFar(peer, keyId, own, links, k)))
  const excluded = nearestFirst.filter((peer) => sharesNoRecords(own, peer, links, k))
  expect(couldHold.filter((peer) => excluded.includes(peer))).toEqual([])
  // Most of the network is excluded, and hardly anybody who need not be.
  expect(excluded.length).toBeGreaterThan(0.85 * ids.length)
  expect(excluded.length + couldHold.length).toBeGreaterThan(0.95 * nearestFirst.length)
})

test('who has fewer than k links excludes nobody', () => {
  const links = new LinkTable(ids[0]!, settingsWith({ k }))
  for (const peer of ids.slice(1, k)) links.add(new FakeLink(peer), 0)
  expect(ids.slice(1).filter((peer) => sharesNoRecords(ids[0]!, peer, links, k))).toEqual([])
})

/** Shares up to 15 leading bits with `id`. */
function keyNear(id: Id): Id {
  const key = StubIdentity.random(random).id
  const bits = random.integer(16)
  for (let bit = 0; bit < bits; bit++) {
    const mask = 0x80 >> (bit & 7)
    key[bit >> 3] = (key[bit >> 3]! & ~mask) | (id[bit >> 3]! & mask)
  }
  return key
}
