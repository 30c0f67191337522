import { commonPrefixLength, compareDistances, distanceBits, type Id, idToHex } from '@kadrtc/kademlia'
import { SeededRandom, StubIdentity } from '@kadrtc/simulator'
import { describe, expect, test } from 'vitest'
import { firstWays, waysToRecords } from '../src/lookups/ways.js'
import { LinkTable } from '../src/overlay/link-table.js'
import { FakeLink, settingsWith } from './fake-link.js'

const k = 20
const settings = settingsWith({ k })
const random = new SeededRandom('ways')
const ids = Array.from({ length: 1_000 }, () => StubIdentity.random(random).id)
const keys = Array.from({ length: 200 }, () => StubIdentity.random(random).id)
const nearestFirst = (target: Id) => ids.toSorted((a, b) => compareDistances(target, a, b))
const own = ids[0]!

/** A table as a node of 1,000 has it: its 20 nearest, and three nodes of each farther bucket. */
function tableOf(peers: readonly Id[]): LinkTable {
  const links = new LinkTable(own, settings)
  peers.forEach((peer, i) => {
    links.add(new FakeLink(peer, 10 + ((7 * i) % 100)), 0)
  })
  return links
}

const siblings = nearestFirst(own).slice(1, k + 1)
const farBuckets = commonPrefixLength(own, siblings.at(-1)!)
const others = Array.from({ length: farBuckets }, (_, prefix) =>
  ids.filter((id) => commonPrefixLength(own, id) === prefix).slice(0, 3),
).flat()

test('the first way leaves over a link as fast as the fastest of those to nodes near the target', () => {
  const links = tableOf([...siblings, ...others])
  const near = (target: Id) =>
    links.links().filter(({ peer }) => distanceBits(peer, target) <= links.nearBits)
  const many = Array.from({ length: 2_000 }, () => StubIdentity.random(random).id)
  const away = many.filter((key) => distanceBits(own, key) > links.nearBits && near(key).length > 1)
  expect(away.length).toBeGreaterThan(5)
  for (const key of away) {
    const [way] = firstWays(own, key, links, 1)
    const rttMs = way?.kind === 'toward' ? way.link.rttMs! : Number.NaN
    expect(rttMs).toBeLessThanOrEqual(Math.min(...near(key).map((link) => link.rttMs!)))
  }
})

describe('where replicas are more than a hop away', () => {
  const links = tableOf([...siblings, ...others])
  const sharedBits = commonPrefixLength(own, siblings.at(-1)!)
  const far = keys.filter((keyId) => waysToRecords(own, keyId, links, settings, random).length >= 5)
  const targetsOf = (keyId: Id) =>
    waysToRecords(own, keyId, links, settings, random).flatMap((way) =>
      way.kind === 'toward' ? [way.target] : [],
    )

  test('each of the first eight ways of a get heads for another eighth of those nearest to the key', () => {
    expect(far.length).toBeGreaterThan(keys.length / 3)
    for (const keyId of far) {
      const targets = targetsOf(keyId)
      for (const target of targets) expect(commonPrefixLength(keyId, target)).toBeGreaterThan(sharedBits)
      const first = targets.slice(0, 8)
      for (const [i, a] of first.entries()) {
        for (const b of first.slice(i + 1)) expect(commonPrefixLength(a, b)).toBeLessThan(sharedBits + 4)
      }
    }
  })

  test('the farther the replicas are the more ways are taken: one more than bits are missing, two at least, and two more where they are far', () => {
    const missing = (keyId: Id) =>
      sharedBits - Math.max(...links.peers().map((peer) => commonPrefixLength(peer, keyId)))
    const waysOf = (bits: number) =>
      keys
        .filter((keyId) => missing(keyId) === bits)
        .map((keyId) => waysToRecords(own, keyId, links, settings, random).length)
    // Fewer where fewer links lie on the way.
    for (const [bits, more] of [
      [1, 2],
      [2, 3],
      [3, 6],
    ] as const)
      expect(Math.max(...waysOf(bits))).toBe(3 + more)
  })

  test('they end at replicas, at all of the nearest in time, and at none much oftener than at others', () => {
    const [keyId] = far
    const ends = new Map<string, number>()
    for (let get = 0; get < 400; get++) {
      for (const target of targetsOf(keyId!)) {
        const end = idToHex(nearestFirst(target)[0]!)
        ends.set(end, (ends.get(end) ?? 0) + 1)
      }
    }
    const total = [...ends.values()].reduce((sum, times) => sum + times, 0)
    const replicas = nearestFirst(keyId!).slice(0, k).map(idToHex)
    expect([...ends.keys()].filter((end) => !replicas.includes(end))).toEqual([])
    // Fixed corners end at five at most, each with a fifth of all.
    expect(ends.size).toBeGreaterThan(6)
    expect(Math.max(...ends.values())).toBeLessThan(total / 3)
  })
})

describe('where replicas are linked', () => {
  test('three of them are asked, never a silent one, and the fast ones oftener', () => {
    const [keyId] = keys
    const replicas = nearestFirst(keyId!).slice(0, 16)
    const links = tableOf([...siblings, ...replicas])
    links.neighbour(replicas[3]!)!.silent = true
    const asked = new Map<string, number>()
    for (let get = 0; get < 400; get++) {
      const ways = waysToRecords(own, keyId!, links, settings, random)
      expect(ways).toHaveLength(3)
      for (const way of ways) {
        if (way.kind !== 'toward') throw new Error(way.kind)
        expect(way.target).toBe(keyId)
        const peer = idToHex(way.link.peer)
        asked.set(peer, (asked.get(peer) ?? 0) + 1)
      }
    }
    expect(asked.has(idToHex(replicas[3]!))).toBe(false)
    expect(asked.size).toBeGreaterThan(3)
    const rttMs = (peer: string) => links.links().find((link) => idToHex(link.peer) === peer)!.rttMs!
    const byTimes = [...asked].toSorted((a, b) => b[1] - a[1]).map(([peer]) => rttMs(peer))
    const half = byTimes.length / 2
    const mean = (list: number[]) => list.reduce((sum, ms) => sum + ms, 0) / list.length
    expect(mean(byTimes.slice(0, half))).toBeLessThan(mean(byTimes.slice(half)))
  })
})
