import { compareDistances, type Id } from '@kadrtc/kademlia'
import { SeededRandom, StubIdentity } from '@kadrtc/simulator'
import { expect, test } from 'vitest'
import { LinkTable } from '../src/overlay/link-table.js'
import { isLikelyReplica, mayBeReplica } from '../src/replication/replica-rank.js'
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
