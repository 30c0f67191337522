import { idKey, keyIdOf, slotOf } from '@kadrtc/kademlia'
import { decodeRecord, encodeRecord } from '@kadrtc/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tinyId } from './fake-link.js'
import { author, content } from './made-records.js'
import { at, hourMs, record, rig, seqsHeld, settled, slots } from './shelf-rig.js'

describe('newer, stale, same', () => {
  test('the newer version of a slot replaces the older, which is stale from then on', async () => {
    const { shelf, store } = rig()
    expect(shelf.offer(record({ seq: 5 }))).toEqual({ status: 'stored', seq: 5 })
    expect(shelf.offer(record({ seq: 5 }))).toEqual({ status: 'same', seq: 5 })
    expect(shelf.offer(record({ seq: 4 }))).toEqual({ status: 'stale', seq: 5 })
    expect(shelf.offer(record({ seq: 6 }))).toEqual({ status: 'stored', seq: 6 })
    expect(seqsHeld(shelf)).toEqual([6])
    await settled()
    expect(await store.get(slotOf(record()))).toEqual(encodeRecord(record({ seq: 6 })))
  })

  test('a renewal with a later expiry is newer, an earlier one stale', () => {
    const { shelf } = rig()
    shelf.offer(record({ seq: 5 }))
    expect(shelf.offer(record({ seq: 5, expiresAtMs: hourMs - 1 })).status).toBe('stale')
    expect(shelf.offer(record({ seq: 5, expiresAtMs: hourMs + 1 })).status).toBe('stored')
  })

  test('each author has a slot, in the order of their ids; a tombstone is news too', () => {
    const { shelf } = rig()
    const names = ['anna', 'bob', 'carl']
    shelf.offer(record({ seq: 5 }))
    shelf.offer(record({ seq: 7, by: author('bob'), deleted: true, value: new Uint8Array(0) }))
    shelf.offer(record({ seq: 6, by: author('carl') }))
    const byId = names.sort((a, b) => (idKey(author(a).id) < idKey(author(b).id) ? -1 : 1))
    const seqs = byId.map((name) => ({ anna: 5, bob: 7, carl: 6 })[name])
    expect(seqsHeld(shelf)).toEqual(seqs)
    const after = idKey(author(byId[0]!).id)
    const rest = shelf.findInMemory(keyIdOf('key'), { all: true, after })
    expect(rest?.map((held) => held.kind === 'signed' && held.seq)).toEqual(seqs.slice(1))
    expect(shelf.findInMemory(keyIdOf('key'))).toMatchObject([{ seq: 7, deleted: true }])
    expect(shelf.findInMemory(keyIdOf('key'), { author: idKey(author('anna').id) })).toEqual([
      record({ seq: 5 }),
    ])
  })

  test('a small record does not keep the frame that it came in', () => {
    const { shelf } = rig()
    const frame = new Uint8Array(16_384)
    for (const sent of [record({ seq: 5 }), content(Uint8Array.of(1), hourMs)]) {
      const bytes = encodeRecord(sent)
      frame.set(bytes, 100)
      shelf.offer(decodeRecord(frame.subarray(100, 100 + bytes.length)))
      frame.fill(0)
      const [held] = shelf.findInMemory(sent.keyId)!
      expect(held).toEqual(sent)
      expect(held!.value.buffer.byteLength).toBe(bytes.length)
    }
  })

  test('in whatever order versions come, the newest stays', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 3 }))),
        (list) => {
          fc.pre(list.length > 0)
          const { shelf } = rig()
          const versions = list.map(([seq, life]) => record({ seq, expiresAtMs: hourMs + life }))
          for (const version of versions) shelf.offer(version)
          const newest = versions.sort((a, b) => b.seq - a.seq || b.expiresAtMs - a.expiresAtMs)[0]
          expect(shelf.findInMemory(keyIdOf('key'))).toEqual([newest])
        },
      ),
    )
  })

  test('a copy in the store alone is compared as well', async () => {
    const { shelf } = rig({ valueCacheBytesMax: 1 })
    shelf.offer(record({ seq: 5 }))
    await settled()
    shelf.offer(at('1'))
    await settled()
    expect(shelf.findInMemory(keyIdOf('key'))).toBeUndefined()
    expect(shelf.offer(record({ seq: 4 })).status).toBe('stale')
    expect(shelf.offer(record({ seq: 5 })).status).toBe('same')
    expect(shelf.offer(record({ seq: 6 })).status).toBe('stored')
  })
})

describe('compare-and-swap', () => {
  test('takes a record only over the sequence number that is held', () => {
    const { shelf } = rig()
    expect(shelf.offer(record({ seq: 5 }), { ifSeq: 3 })).toEqual({ status: 'conflict', seq: undefined })
    expect(shelf.offer(record({ seq: 5 }), { ifSeq: 0 }).status).toBe('stored')
    expect(shelf.offer(record({ seq: 6 }), { ifSeq: 0 })).toEqual({ status: 'conflict', seq: 5 })
    expect(shelf.offer(record({ seq: 6 }), { ifSeq: 4 })).toEqual({ status: 'conflict', seq: 5 })
    expect(shelf.offer(record({ seq: 6 }), { ifSeq: 5 }).status).toBe('stored')
  })

  test('of two that swap over the same number one wins', () => {
    const { shelf } = rig()
    shelf.offer(record({ seq: 5 }))
    expect(shelf.offer(record({ seq: 6 }), { ifSeq: 5 }).status).toBe('stored')
    expect(shelf.offer(record({ seq: 7 }), { ifSeq: 5 })).toEqual({ status: 'conflict', seq: 6 })
  })

  test('the same write, sent again because its answer was lost, is no conflict', () => {
    const { shelf } = rig()
    shelf.offer(record({ seq: 5 }))
    shelf.offer(record({ seq: 6 }), { ifSeq: 5 })
    expect(shelf.offer(record({ seq: 6 }), { ifSeq: 5 })).toEqual({ status: 'same', seq: 6 })
  })
})

describe('expiry', () => {
  test('what has expired is not found, and goes from the store in the next sweep', async () => {
    const rigged = rig()
    const { shelf, store } = rigged
    shelf.offer(at('1', { expiresAtMs: 2_000 }))
    shelf.offer(at('10'))
    rigged.nowMs = 2_000
    expect(await shelf.find(tinyId('1'))).toEqual([])
    await shelf.expire()
    expect(shelf.count).toBe(1)
    expect(await slots(store)).toEqual([slotOf(at('10'))])
  })

  test('an older version may come again once the newer has expired, as far as the holder knows', () => {
    const rigged = rig()
    rigged.shelf.offer(record({ seq: 5, expiresAtMs: 2_000 }))
    rigged.nowMs = 2_000
    expect(rigged.shelf.offer(record({ seq: 4 }), { ifSeq: 0 }).status).toBe('stored')
  })
})
