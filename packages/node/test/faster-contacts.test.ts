import { bucketIndex, equalIds, type Id, idToHex } from '@kadrtc/kademlia'
import { KadrtcError } from '@kadrtc/node'
import { SeededRandom } from '@kadrtc/simulator'
import type { NamedLink } from '@kadrtc/wire'
import { expect, test } from 'vitest'
import { FasterContacts, type FasterContactsPorts } from '../src/overlay/faster-contacts.js'
import { LinkTable } from '../src/overlay/link-table.js'
import { FakeLink, settingsWith, tinyId } from './fake-link.js'

const own = tinyId('00000000')
const bucket = bucketIndex(own, tinyId('10000000'))
const [fast, slow, refused] = ['10000001', '10000010', '10000011'].map(tinyId) as [Id, Id, Id]
const elsewhere = tinyId('01000000')

/** A node with links as fast as `rtts` say, to which `named` is answered; a link to an id has to beat `toBeatMs` of it. */
function faster(
  rtts: readonly (number | undefined)[],
  named: readonly NamedLink[],
  toBeatMs: (id: Id) => number = () => 60,
) {
  const links = new LinkTable(own, settingsWith())
  for (const [i, rttMs] of rtts.entries()) links.add(new FakeLink(tinyId((i + 1).toString(2)), rttMs), 0)
  const asked: { rttMs: number | undefined; question: unknown }[] = []
  const rpc = {
    request: async (way: { link: FakeLink }, question: unknown) => {
      asked.push({ rttMs: way.link.rttMs, question })
      return { reply: { type: 'links', links: named } }
    },
  } as unknown as FasterContactsPorts['rpc']
  const wants = (id: Id) => !equalIds(id, refused)
  const buckets = { drawn: () => bucket, toBeatMs: (_bucket: number, id: Id) => toBeatMs(id) }
  const contacts = new FasterContacts(
    { own, links, rpc, random: new SeededRandom('faster contacts') },
    buckets,
    { wants },
  )
  return { contacts, asked, links }
}

test('a fast link is asked whom it knows in a bucket, and of those the fastest is the contact, behind it', async () => {
  const named = [
    { id: slow, rttMs: 30 },
    { id: fast, rttMs: 20 },
  ]
  const { contacts, asked } = faster([12], named)
  expect(await contacts.find()).toEqual({ id: fast, route: [tinyId('1'), fast] })
  expect(asked).toEqual([{ rttMs: 12, question: { type: 'find-links', bucket } }])
})

test('who is not wanted, or not of the bucket, is passed over', async () => {
  const named = [
    { id: refused, rttMs: 1 },
    { id: elsewhere, rttMs: 2 },
    { id: slow, rttMs: 30 },
  ]
  expect((await faster([12], named).contacts.find())?.id).toEqual(slow)
  expect(await faster([12], named.slice(0, 2)).contacts.find()).toBeUndefined()
})

test('the way over the guide may be longer than the slowest link wanted by less than 15 ms', async () => {
  // 60 + 15 = 12 + 63
  expect(await faster([12], [{ id: fast, rttMs: 62 }]).contacts.find()).toBeDefined()
  expect(await faster([12], [{ id: fast, rttMs: 63 }]).contacts.find()).toBeUndefined()
  const tooFew = faster([12], [{ id: fast, rttMs: 5_000 }], () => Number.POSITIVE_INFINITY)
  expect(await tooFew.contacts.find()).toBeDefined()
})

test('who has nobody to beat comes before those who are faster', async () => {
  const named = [
    { id: fast, rttMs: 20 },
    { id: slow, rttMs: 500 },
  ]
  const toBeatMs = (id: Id) => (id === slow ? Number.POSITIVE_INFINITY : 60)
  expect((await faster([12], named, toBeatMs).contacts.find())?.id).toEqual(slow)
})

test('each of the six fastest links is asked now and then, and no other', async () => {
  const rtts = [80, 10, 60, 20, 50, 30, 40, 70, undefined]
  const { contacts, asked, links } = faster(rtts, [])
  links.neighbours()[1]!.silent = true
  for (let i = 0; i < 100; i++) expect(await contacts.find()).toBeUndefined()
  const all = [...new Set(asked.map(({ rttMs }) => rttMs!))]
  expect(all.sort((a, b) => a - b)).toEqual([20, 30, 40, 50, 60, 70])
})

test('with no link that has been measured nobody is asked', async () => {
  const { contacts, asked } = faster([undefined], [{ id: fast, rttMs: 1 }])
  expect(await contacts.find()).toBeUndefined()
  expect(asked).toEqual([])
})

test('where there is no far bucket nobody is asked, and a question that fails is the caller’s', async () => {
  const { contacts, asked } = faster([12], [{ id: fast, rttMs: 1 }])
  const { ports, dialler } = contacts
  const none = new FasterContacts(ports, { drawn: () => undefined, toBeatMs: () => 0 }, dialler)
  expect(await none.find()).toBeUndefined()
  expect(asked).toEqual([])
  const rpc = { request: () => Promise.reject(new KadrtcError('TIMEOUT')) }
  const failing = new FasterContacts(
    { ...ports, rpc: rpc as unknown as typeof ports.rpc },
    contacts.buckets,
    dialler,
  )
  await expect(failing.find()).rejects.toMatchObject({ code: 'TIMEOUT' })
  expect(idToHex(fast)).toHaveLength(40)
})
