import { compareDistances, type Id, keyIdOf, slotOf } from '@kadrtc/kademlia'
import { MemoryRecordStore } from '@kadrtc/node'
import { SeededRandom, StubIdentity } from '@kadrtc/simulator'
import { recordVersion, slotHash } from '@kadrtc/wire'
import { describe, expect, test } from 'vitest'
import { LinkTable } from '../src/overlay/link-table.js'
import { RecordShelf } from '../src/records/record-shelf.js'
import type { HandlerPorts } from '../src/rpc/handler-ports.js'
import { StoreHandlers } from '../src/rpc/store-handlers.js'
import { FakeLink, settingsWith } from './fake-link.js'
import { signed } from './made-records.js'

const settings = settingsWith({ k: 20 })
const random = new SeededRandom('store-handlers')
const ids = Array.from({ length: 1_000 }, () => StubIdentity.random(random).id)
const nearestFirst = (target: Id, some: readonly Id[] = ids) =>
  [...some].sort((a, b) => compareDistances(target, a, b))

/** A node with the links of a warm one: its k nearest, and three into each farther bucket. */
function node(own: Id, peers?: readonly Id[]) {
  const links = new LinkTable(own, settings)
  for (const peer of peers ?? nearestFirst(own).slice(1, settings.k + 1)) links.add(new FakeLink(peer), 0)
  for (const peer of peers ? [] : ids) {
    const bucket = new LinkTable(own, settings)
    bucket.add(new FakeLink(peer), 0)
    const index = Array.from({ length: 160 }, (_, i) => i).find((i) => bucket.inBucket(i).length > 0)
    if (index !== undefined && links.inBucket(index).length < 3) links.add(new FakeLink(peer), 0)
  }
  const wallMs = () => 1_000
  const offeredBy: Id[] = []
  const ports = {
    own,
    links,
    settings,
    wallMs,
    shelf: new RecordShelf(own, new MemoryRecordStore(), settings, wallMs, () => undefined),
    proofs: { check: () => 'ok' },
    replication: {
      onStored: () => undefined,
      onOffered: (_slot: string, _keyId: Id, holder: Id) => offeredBy.push(holder),
    },
  } as unknown as HandlerPorts
  const handlers = new StoreHandlers(ports)
  const asker = keyIdOf('asker')
  const origin = { id: asker, link: new FakeLink(asker), route: [asker] }
  const store = async (keyId: Id) => {
    const record = signed({ keyId, expiresAtMs: 3_600_000 })
    const reply = await handlers.store({ type: 'store', nonce: 1, record, cached: false }, origin)
    return reply.type === 'stored' ? reply.status : reply.type
  }
  return { store, handlers, origin, offeredBy }
}

describe('a replica is taken', () => {
  test('by all of the k closest', async () => {
    for (let i = 0; i < 10; i++) {
      const keyId = keyIdOf(`key ${i}`)
      for (const own of nearestFirst(keyId).slice(0, settings.k))
        expect(await node(own).store(keyId)).toBe('stored')
    }
  })

  test('by hardly any node for keys that are drawn by chance', async () => {
    const { store } = node(ids[0]!)
    let taken = 0
    for (let i = 0; i < 200; i++) if ((await store(keyIdOf(`any ${i}`))) === 'stored') taken += 1
    // Of 1,000 nodes 20 are to have it, and 130 cannot rule out that they are.
    expect(taken).toBeLessThan(200 / 4)
  })

  test('by the last that is left on the way to a key, however far it is', async () => {
    const own = ids[0]!
    const keyId = nearestFirst(own).at(-1)!
    const siblings = nearestFirst(own).slice(1, settings.k + 1)
    const farther = siblings.filter((id) => compareDistances(keyId, id, own) > 0)
    expect(await node(own).store(keyId)).toBe('not-near')
    expect(await node(own, farther).store(keyId)).toBe('stored')
  })
})

test('that another holder offers a record is believed of who is linked, and of nobody behind a relay', async () => {
  const keyId = keyIdOf('offered')
  const [own, relay, closer] = nearestFirst(keyId).slice(0, 3).reverse() as [Id, Id, Id]
  const { store, handlers, origin, offeredBy } = node(own)
  await store(keyId)
  const record = signed({ keyId, expiresAtMs: 3_600_000 })
  const entries = [{ slotHash: slotHash(slotOf(record)), version: recordVersion(record) }]
  const digest = { type: 'digest', nonce: 1, entries } as const
  const held = { type: 'wants', wanted: [false] }
  expect(handlers.digest(digest, { ...origin, id: closer, route: [relay, closer] })).toMatchObject(held)
  expect(offeredBy).toEqual([])
  expect(handlers.digest(digest, { ...origin, id: closer, route: [closer] })).toMatchObject(held)
  expect(offeredBy).toEqual([closer])
})
