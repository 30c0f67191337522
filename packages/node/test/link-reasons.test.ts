import { bucketIndex, compareDistances, type Id, idKey } from '@kadrtc/kademlia'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { linkReasons } from '../src/overlay/link-reasons.js'
import { LinkTable, type Neighbour } from '../src/overlay/link-table.js'
import type { Settings } from '../src/settings.js'
import { FakeLink, farthestId, settingsWith, tinyId } from './fake-link.js'

const own = tinyId('0')
const settings = settingsWith({ k: 2, linksPerBucket: 1, greetingMs: 1_000 })
const longAgoMs = -1_000_000

function open(bits: string, rttMs?: number, openedAtMs = longAgoMs): Neighbour {
  return new LinkTable(farthestId, settings).add(new FakeLink(tinyId(bits), rttMs), openedAtMs).neighbour
}

function reasonsOf(
  neighbours: readonly Neighbour[],
  changes: { pinned?: readonly Id[]; settings?: Settings } = {},
) {
  const pinned = new Set((changes.pinned ?? []).map(idKey))
  const reasons = linkReasons({
    own,
    neighbours: neighbours.toSorted((a, b) => compareDistances(own, a.id, b.id)),
    pinned,
    settings: changes.settings ?? settings,
    nowMs: 0,
  })
  return neighbours.map(({ link }) => reasons.get(link)!)
}

test('the k nearest are siblings, and each bucket keeps one of the others', () => {
  const links = [open('1'), open('10'), open('100'), open('101'), open('1000')]
  expect(reasonsOf(links)).toEqual([['sibling', 'bucket'], ['sibling', 'bucket'], ['bucket'], [], ['bucket']])
})

test('a young link greets, and an app keeps the one it uses', () => {
  const links = [
    ...['1', '10', '100', '101'].map((bits) => open(bits, 20)),
    open('110', 20, -999),
    open('111', 20, -1_000),
  ]
  expect(reasonsOf(links, { pinned: [tinyId('101')] }).slice(3)).toEqual([['app'], ['greeter'], []])
})

test('of one bucket the fastest stays; among those of like speed the oldest', () => {
  const crowd = [open('1'), open('10')]
  const kept = (links: Neighbour[]) =>
    reasonsOf([...crowd, ...links])
      .slice(2)
      .map((reasons) => reasons.includes('bucket'))
  expect(kept([open('100', 80), open('101', 30)])).toEqual([false, true])
  expect(kept([open('100', 22, -5_000), open('101', 29, -6_000)])).toEqual([false, true])
  expect(kept([open('100', undefined), open('101', 400)])).toEqual([false, true])
  expect(kept([open('100', undefined, -5_000), open('101', undefined, -6_000)])).toEqual([false, true])
})

test('of one bucket the fastest of either half stays, too', () => {
  const links = [
    open('1'),
    open('10'),
    open('1000', 10),
    open('1001', 20),
    open('1110', 80),
    open('1111', 60),
  ]
  const kept = (linksPerBucket: number) =>
    reasonsOf(links, { settings: settingsWith({ k: 2, linksPerBucket, greetingMs: 1_000 }) })
      .slice(2)
      .map((reasons) => reasons.includes('bucket'))
  expect(kept(1)).toEqual([true, false, false, false])
  expect(kept(2)).toEqual([true, false, false, true])
  expect(kept(3)).toEqual([true, true, false, true])
})

test('the farther a bucket is, the more links it keeps', () => {
  const far = (firstByte: number) =>
    Array.from({ length: 7 }, (_, i) => {
      const id = Uint8Array.from(own) as Id
      id.set([firstByte + i])
      return new LinkTable(farthestId, settings).add(new FakeLink(id), longAgoMs).neighbour
    })
  const links = [open('1'), open('10'), ...far(0x80), ...far(0x40), ...far(0x20)]
  const reasons = reasonsOf(links, { settings: settingsWith({ k: 2, linksPerBucket: 2 }) })
  const kept = [2, 9, 16].map((start) => reasons.slice(start, start + 7).flat().length)
  expect(kept).toEqual([6, 4, 3])
})

const neighbours = fc
  .uniqueArray(
    fc.record({
      value: fc.integer({ min: 1, max: 63 }),
      rttMs: fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined }),
      ageMs: fc.integer({ min: 0, max: 9_999 }),
    }),
    { selector: ({ value }) => value, maxLength: 20 },
  )
  .map((list) => list.map(({ value, rttMs, ageMs }) => open(value.toString(2), rttMs, -ageMs)))

test('siblings are the true k nearest, and every bucket has as many links as it should', () => {
  fc.assert(
    fc.property(
      neighbours,
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 3 }),
      (links, k, linksPerBucket) => {
        const reasons = reasonsOf(links, { settings: settingsWith({ k, linksPerBucket }) })
        const having = (reason: string) => links.filter((_, i) => reasons[i]!.includes(reason as never))
        const nearest = [...links].sort((a, b) => compareDistances(own, a.link.peer, b.link.peer)).slice(0, k)
        expect(new Set(having('sibling'))).toEqual(new Set(nearest))
        for (const { link } of links) {
          const bucket = bucketIndex(own, link.peer)
          const among = (list: readonly Neighbour[]) =>
            list.filter((other) => bucketIndex(own, other.link.peer) === bucket).length
          expect(among(having('bucket'))).toBe(Math.min(linksPerBucket, among(links)))
        }
      },
    ),
  )
})
