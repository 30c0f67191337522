import { type Id, idBits, isCloser, randomIdInBucket } from '@kadrtc/kademlia'
import { SeededRandom } from '@kadrtc/simulator'
import { encodeMessage } from '@kadrtc/wire'
import { expect, test } from 'vitest'
import { Refresher } from '../src/overlay/refresher.js'
import type { Settings } from '../src/settings.js'
import { direct, type FakeLink, settingsWith, tinyId } from './fake-link.js'
import { own, rig } from './rpc-rig.js'

function refreshing(thin: Id[] = [], changes: Partial<Settings> = {}) {
  const { rpc, table: links, clock, link, otherLink, arrive, nonceSent } = rig()
  const heard: unknown[] = []
  // Nothing is asked but what a test has begun.
  const settings = settingsWith({ refreshIntervalMs: 3_600_000, ...changes })
  const ports = { own: own.id, rpc, links, clock, settings, random: new SeededRandom(1) }
  const refresher = new Refresher(ports, {
    hear: (contacts) => heard.push(...contacts) > 0,
    members: () => links.neighbours(),
    idsInThinBuckets: () => thin,
    tend: () => undefined,
  })
  const [nearest, next] = isCloser(own.id, link.peer, otherLink.peer) ? [link, otherLink] : [otherLink, link]
  const asked = (over: FakeLink) => over.messages.filter(({ type }) => type === 'find-node').length
  return { refresher, clock, nearest, next, asked, heard, arrive, nonceSent }
}

test('who lost a sibling asks the nearest link alone who is next, once at a time', async () => {
  const { refresher, clock, nearest, next, asked, heard, arrive, nonceSent } = refreshing()
  for (let lost = 0; lost < 3; lost++) refresher.onSiblingLost()
  await clock.advance(1)
  expect([asked(nearest), asked(next)]).toEqual([1, 0])
  const contacts = [next.peer]
  arrive(nearest, direct(encodeMessage({ type: 'nodes', nonce: nonceSent(nearest), contacts })))
  await clock.advance(1)
  expect(heard).toHaveLength(1)
  refresher.onSiblingLost()
  await clock.advance(1)
  expect([asked(nearest), asked(next)]).toEqual([2, 0])
  refresher.close()
})

test('who lost a sibling and hears nothing of the nearest link asks others', async () => {
  const { refresher, clock, nearest, next, asked } = refreshing()
  refresher.onSiblingLost()
  await clock.advance(1)
  expect(asked(next)).toBe(0)
  await clock.advance(4_500)
  expect(asked(nearest)).toBeGreaterThan(0)
  expect(asked(next)).toBeGreaterThan(0)
  refresher.close()
})

test('where a link leads to another island, whoever is nearest there is asked over it', async () => {
  const { refresher, clock, nearest, next, asked, heard, arrive, nonceSent } = refreshing()
  const contacts = [tinyId('1101')]
  refresher.onOtherIsland(next)
  await clock.advance(1)
  expect([asked(nearest), asked(next)]).toEqual([0, 1])
  arrive(next, direct(encodeMessage({ type: 'nodes', nonce: nonceSent(next), contacts })))
  await clock.advance(1)
  expect(heard).toMatchObject([{ id: contacts[0], route: [next.peer, contacts[0]] }])
  refresher.close()
})

test('of the siblings all are asked, or about as many as it is told', async () => {
  const { refresher, clock, nearest, next, asked } = refreshing([], { k: 2 })
  for (const times of [1, 2]) {
    const refreshed = refresher.refreshSiblings()
    await clock.settle(refreshed, { withinMs: 5_000 })
    expect([asked(nearest), asked(next)]).toEqual([times, times])
  }
  for (let once = 0; once < 20; once++) await clock.settle(refresher.refreshSiblings(1), { withinMs: 5_000 })
  const askedNow = asked(nearest) + asked(next) - 4
  expect(askedNow).toBeGreaterThan(10)
  expect(askedNow).toBeLessThan(30)
  refresher.close()
})

const inBucket = (bucket: number) => randomIdInBucket(own.id, bucket, (length) => new Uint8Array(length))
const farHalf = inBucket(idBits - 1)

test('a thin bucket is filled by one packet', async () => {
  const { refresher, clock, nearest, next, asked, heard, arrive, nonceSent } = refreshing([farHalf])
  const filled = refresher.refreshBuckets()
  await clock.advance(1)
  expect(asked(nearest) + asked(next)).toBe(1)
  const [over, other] = asked(nearest) === 1 ? [nearest, next] : [next, nearest]
  arrive(over, direct(encodeMessage({ type: 'nodes', nonce: nonceSent(over), contacts: [other.peer] })))
  await clock.settle(filled, { withinMs: 1 })
  expect(heard).toMatchObject([{ id: over.peer }, { id: other.peer }])
  expect(asked(nearest) + asked(next)).toBe(1)
  refresher.close()
})

test('when its answer is late another one takes another link, and then it waits for the next refresh', async () => {
  const { refresher, clock, nearest, next, asked, heard, arrive, nonceSent } = refreshing([farHalf])
  const filled = refresher.refreshBuckets()
  await clock.advance(1)
  expect(asked(nearest) + asked(next)).toBe(1)
  // With nothing measured yet an answer is late after 400 ms.
  await clock.advance(600)
  expect([asked(nearest), asked(next)]).toEqual([1, 1])
  await clock.settle(filled, { withinMs: 1_000 })
  expect([asked(nearest), asked(next)]).toEqual([1, 1])
  // As late as a satellite's, and welcome.
  arrive(next, direct(encodeMessage({ type: 'nodes', nonce: nonceSent(next), contacts: [] })))
  await clock.advance(1)
  expect(heard).toMatchObject([{ id: next.peer }])
  refresher.close()
})

test('all thin buckets are seen to at once', async () => {
  const { refresher, clock, nearest, next, asked } = refreshing([farHalf, inBucket(idBits - 2)])
  const filled = refresher.refreshBuckets()
  await clock.advance(1)
  expect(asked(nearest) + asked(next)).toBe(2)
  await clock.settle(filled, { withinMs: 2_000 })
  refresher.close()
})
