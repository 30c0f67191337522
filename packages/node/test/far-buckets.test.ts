import { bucketIndex, type Id, idBits, idToHex, RoutingTable } from '@kadrtc/kademlia'
import { SeededRandom } from '@kadrtc/simulator'
import { expect, test } from 'vitest'
import type { Contact } from '../src/lookups/contact.js'
import { inOtherHalves } from '../src/overlay/bucket-links.js'
import { FarBuckets } from '../src/overlay/far-buckets.js'
import { LinkTable } from '../src/overlay/link-table.js'
import type { Settings } from '../src/settings.js'
import { FakeLink, settingsWith, tinyId } from './fake-link.js'

const k = 2
const own = tinyId('00000000')
const siblings = ['00000001', '00000010'].map(tinyId)
const far = bucketIndex(own, tinyId('10000000'))
const lowerHalf = ['10000001', '10000010', '10000011'].map(tinyId)
const upperHalf = ['11000001', '11000010'].map(tinyId)

/** A node with two siblings, linked to `linked` and knowing `known`. */
function farBuckets(linked: readonly Id[], known: readonly Id[], changes: Partial<Settings> = {}) {
  const settings = settingsWith({ k, ...changes })
  const links = new LinkTable(own, settings)
  for (const id of [...siblings, ...linked]) links.add(new FakeLink(id), 0)
  const contacts = new RoutingTable<Contact>(own, { k: 4 })
  for (const id of known) contacts.offer({ id, route: [id] })
  const random = new SeededRandom('far buckets')
  const wants = (id: Id) => !links.has(id)
  return new FarBuckets({ own, links, settings, random }, contacts, { wants })
}

const thinIn = (bucket: number, buckets: FarBuckets) =>
  buckets.thin().find((id) => bucketIndex(own, id) === bucket)

test('contacts are looked for in a bucket until as many are linked or known as links are wanted', () => {
  // Of tiny ids the farthest of all buckets has none: two are wanted.
  expect(thinIn(far, farBuckets([], []))).toBeDefined()
  expect(thinIn(far, farBuckets([], upperHalf.slice(0, 1)))).toBeDefined()
  expect(thinIn(far, farBuckets(lowerHalf.slice(0, 1), []))).toBeDefined()
  expect(thinIn(far, farBuckets(lowerHalf.slice(0, 1), upperHalf.slice(0, 1)))).toBeUndefined()
  expect(thinIn(far, farBuckets([], upperHalf))).toBeUndefined()
})

test('the farthest bucket has six links, and contacts are looked for until six are linked or known', () => {
  // In both halves of bucket 159.
  const six = [0x80, 0xc0, 0x81, 0xc1, 0x82, 0xc2].map((byte) => Uint8Array.from(own).fill(byte, 0, 1) as Id)
  const farthest = bucketIndex(own, six[0]!)
  const settings = { linksPerBucket: 2 }
  expect(thinIn(farthest, farBuckets(six.slice(0, 5), [], settings))).toBeDefined()
  expect(thinIn(farthest, farBuckets(six.slice(0, 2), six.slice(2, 5), settings))).toBeDefined()
  expect(thinIn(farthest, farBuckets(six.slice(0, 2), six.slice(2), settings))).toBeUndefined()
  expect(thinIn(farthest, farBuckets(six, [], settings))).toBeUndefined()
  const wanted = farBuckets(six.slice(0, 2), six.slice(2), settings)
    .wanted()
    .map(({ id }) => idToHex(id))
  expect(wanted.sort()).toEqual(six.slice(2).map(idToHex).sort())
})

test('where all links of a bucket lead into one half and nobody in the other is known, somebody there is looked for', () => {
  for (const [linked, other] of [
    [lowerHalf, upperHalf],
    [upperHalf, lowerHalf],
  ] as const) {
    for (let draw = 0; draw < 8; draw++) {
      const target = thinIn(far, farBuckets(linked, linked, { linksPerBucket: 2 }))
      expect(target && inOtherHalves(far, linked[0]!, target)).toBe(true)
    }
    expect(thinIn(far, farBuckets(linked, other.slice(0, 1), { linksPerBucket: 2 }))).toBeUndefined()
    expect(thinIn(far, farBuckets([...linked, other[0]!], [], { linksPerBucket: 2 }))).toBeUndefined()
    // One link has no other half.
    expect(thinIn(far, farBuckets(linked, [], { linksPerBucket: 1 }))).toBeUndefined()
  }
})

test('a bucket is drawn by chance of those beyond the siblings, and each comes up', () => {
  const buckets = farBuckets(lowerHalf, [])
  const drawn = new Set(Array.from({ length: 3_000 }, () => buckets.drawn()))
  const nearest = bucketIndex(own, siblings[1]!)
  expect([...drawn].sort((a, b) => a! - b!)).toEqual(
    Array.from({ length: idBits - 1 - nearest }, (_, i) => nearest + 1 + i),
  )
  const alone = new FarBuckets(
    { ...buckets.ports, links: new LinkTable(own, buckets.ports.settings) },
    buckets.contacts,
    buckets.dialler,
  )
  expect(alone.drawn()).toBeUndefined()
})

test('a link has to beat the last of the fastest that are wanted, and none while too few are there or measured', () => {
  const buckets = farBuckets([...lowerHalf, upperHalf[0]!], [], { linksPerBucket: 2 })
  const { links } = buckets.ports
  const other = tinyId('10000111')
  expect(buckets.toBeatMs(far, other)).toBe(Number.POSITIVE_INFINITY)
  for (const [i, rttMs] of [20, 30, 10].entries()) (links.get(lowerHalf[i]!) as FakeLink).rttMs = rttMs
  expect(buckets.toBeatMs(far, other)).toBe(20)
  expect(buckets.toBeatMs(bucketIndex(own, tinyId('01000000')), tinyId('01000000'))).toBe(
    Number.POSITIVE_INFINITY,
  )
})

test('where all links of a bucket lead into one half a link into the other has none to beat', () => {
  const buckets = farBuckets(lowerHalf, [], { linksPerBucket: 2 })
  for (const id of lowerHalf) (buckets.ports.links.get(id) as FakeLink).rttMs = 10
  expect(buckets.toBeatMs(far, upperHalf[0]!)).toBe(Number.POSITIVE_INFINITY)
  expect(buckets.toBeatMs(far, tinyId('10000111'))).toBe(10)
  // One link has no other half.
  const { contacts, dialler, ports } = buckets
  const ofOne = new FarBuckets(
    { ...ports, settings: settingsWith({ k, linksPerBucket: 1 }) },
    contacts,
    dialler,
  )
  expect(ofOne.toBeatMs(far, upperHalf[0]!)).toBe(10)
})
