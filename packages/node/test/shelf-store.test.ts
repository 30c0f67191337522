/** The shelf over its store: what is read back, loaded, lost, or cannot be written. */
import { type KadRecord, keyIdOf, slotOf } from '@kadrtc/kademlia'
import { MemoryRecordStore } from '@kadrtc/node'
import { encodedRecordBytes, encodeRecord } from '@kadrtc/wire'
import { describe, expect, test } from 'vitest'
import { tinyId } from './fake-link.js'
import { author, content } from './made-records.js'
import { at, hourMs, record, rig, seqsHeld, settled, slots } from './shelf-rig.js'

describe('memory and the store', () => {
  test('a value pushed out of memory is read back from the store', async () => {
    const { shelf } = rig({ valueCacheBytesMax: 2 * encodedRecordBytes(at('1')) })
    const records = ['1', '10', '11', '100'].map((bits) => at(bits))
    for (const held of records) {
      shelf.offer(held)
      await settled()
    }
    expect(shelf.findInMemory(tinyId('1'))).toBeUndefined()
    for (const held of records) expect(await shelf.find(held.keyId)).toEqual([held])
    expect(shelf.findInMemory(tinyId('1'))).toBeUndefined()
    expect(shelf.findInMemory(tinyId('100'))).toEqual([at('100')])
  })

  test('what is read stays in memory longer than what is not', async () => {
    const { shelf } = rig({ valueCacheBytesMax: 2 * encodedRecordBytes(at('1')) })
    for (const bits of ['1', '10']) shelf.offer(at(bits))
    await settled()
    shelf.findInMemory(tinyId('1'))
    shelf.offer(at('11'))
    await settled()
    expect(shelf.findInMemory(tinyId('1'))).toEqual([at('1')])
    expect(shelf.findInMemory(tinyId('10'))).toBeUndefined()
  })

  test('a record the store has lost is no longer held', async () => {
    const { shelf, store } = rig({ valueCacheBytesMax: 1 })
    shelf.offer(at('1'))
    await settled()
    shelf.offer(at('10'))
    await settled()
    await store.delete([slotOf(at('1'))])
    expect(await shelf.find(tinyId('1'))).toEqual([])
    expect(shelf.has(tinyId('1'))).toBe(false)
    expect(shelf.offer(at('1')).status).toBe('stored')
  })

  test('no more is read from the store than one reply takes, and one record that shows that there are more', async () => {
    const store = new MemoryRecordStore()
    const { shelf } = rig({ valueCacheBytesMax: 1 }, store)
    for (const [key, bytes] of [
      ['large', 40_000],
      ['small', 10],
    ] as const) {
      for (let i = 0; i < 70; i++)
        shelf.offer(record({ key, by: author(`${i}`), value: new Uint8Array(bytes) }))
    }
    await settled()
    shelf.offer(record({ key: 'last' }))
    await settled()
    let reads = 0
    const read = store.get.bind(store)
    store.get = (slot) => {
      reads += 1
      return read(slot)
    }
    const found = (key: string, forReply: boolean) => shelf.find(keyIdOf(key), { all: true, forReply })
    expect([(await found('large', true)).length, reads]).toEqual([3, 3])
    expect((await found('small', true)).length).toBe(65)
    expect((await found('small', false)).length).toBe(70)
  })

  test('a store that cannot be read costs a warning, and what memory has is found', async () => {
    const store = new MemoryRecordStore()
    const { shelf, warnings } = rig({ valueCacheBytesMax: 2 * encodedRecordBytes(record()) }, store)
    shelf.offer(record({ by: author('a') }))
    await settled()
    for (const name of ['b', 'c']) shelf.offer(record({ by: author(name) }))
    await settled()
    const read = store.get.bind(store)
    store.get = () => Promise.reject(new Error('disk'))
    for (let times = 0; times < 2; times++)
      expect(await shelf.find(keyIdOf('key'), { all: true })).toHaveLength(2)
    expect(warnings).toHaveLength(1)
    store.get = read
    expect(await shelf.find(keyIdOf('key'), { all: true })).toHaveLength(3)
  })

  test('a write that fails keeps the record in memory, and warns', async () => {
    const store = new MemoryRecordStore()
    const { shelf, warnings } = rig({ valueCacheBytesMax: 1 }, store)
    store.put = () => Promise.reject(new Error('quota'))
    for (const bits of ['1', '10', '11']) expect(shelf.offer(at(bits)).status).toBe('stored')
    await settled()
    for (const bits of ['1', '10', '11']) expect(shelf.findInMemory(tinyId(bits))).toEqual([at(bits)])
    expect(warnings).toHaveLength(3)
    expect((warnings[0] as Error).message).toBe('quota')
  })

  test('a record being written is found, and never pushed out', async () => {
    const store = new MemoryRecordStore()
    const { shelf } = rig({ valueCacheBytesMax: 1 }, store)
    const writes: (() => void)[] = []
    store.put = () => new Promise((resolve) => writes.push(resolve))
    for (const bits of ['1', '10']) shelf.offer(at(bits))
    await settled()
    for (const bits of ['1', '10']) expect(shelf.findInMemory(tinyId(bits))).toEqual([at(bits)])
    for (const written of writes) written()
    await settled()
    shelf.offer(at('11'))
    expect(shelf.findInMemory(tinyId('1'))).toBeUndefined()
  })

  test('load brings back what was held, and deletes rubbish and what has expired', async () => {
    const store = new MemoryRecordStore()
    const bytes = new Uint8Array([1, 2, 3])
    const kept: KadRecord[] = [at('1'), content(bytes, hourMs)]
    await store.put([
      ...kept.map((held) => [slotOf(held), encodeRecord(held)] as const),
      [slotOf(at('10')), encodeRecord(at('10', { expiresAtMs: 1_000 }))],
      [slotOf(at('11')), encodeRecord(at('11')).slice(0, 50)],
      [slotOf(at('100')), encodeRecord(at('101'))],
      ['nonsense', Uint8Array.of(9)],
    ])
    const { shelf } = rig({}, store)
    await shelf.load()
    expect(shelf.count).toBe(2)
    expect(await slots(store)).toEqual(kept.map(slotOf).sort())
    for (const held of kept) expect(await shelf.find(held.keyId)).toEqual([held])
  })

  test('load keeps to limits that have become tighter', async () => {
    const store = new MemoryRecordStore()
    await store.put(
      ['1', '10', '11', '100'].map((bits) => [slotOf(at(bits)), encodeRecord(at(bits))] as const),
    )
    const { shelf } = rig({ recordsMax: 2 }, store)
    await shelf.load()
    expect(shelf.count).toBe(2)
    expect(await slots(store)).toEqual(['1', '10'].map((bits) => slotOf(at(bits))).sort())
  })

  test('a record that came while the store was being read is not undone by it', async () => {
    const store = new MemoryRecordStore()
    await store.put([[slotOf(record()), encodeRecord(record({ seq: 5 }))]])
    const { shelf } = rig({}, store)
    const loading = shelf.load()
    shelf.offer(record({ seq: 6 }))
    await loading
    expect(seqsHeld(shelf)).toEqual([6])
  })

  test.each([
    ['an older version', {}, 3, 5],
    ['an older copy on the way', { cachedUntilMs: hourMs }, 3, 5],
    ['a newer copy on the way', { cachedUntilMs: hourMs }, 6, 6],
  ])(
    '%s that came meanwhile leaves the newest as the replica, in the store too',
    async (_, options, came, newest) => {
      const store = new MemoryRecordStore()
      await store.put([[slotOf(record()), encodeRecord(record({ seq: 5 }))]])
      const { shelf } = rig({}, store)
      const loading = shelf.load()
      shelf.offer(record({ seq: came }), options)
      await loading
      await settled()
      expect(seqsHeld(shelf)).toEqual([newest])
      expect(shelf.entry(slotOf(record()))?.cached).toBe(false)
      expect(await store.get(slotOf(record()))).toEqual(encodeRecord(record({ seq: newest })))
    },
  )

  test('a record that came meanwhile into the place of an expired one stays in the store', async () => {
    const store = new MemoryRecordStore()
    await store.put([[slotOf(record()), encodeRecord(record({ seq: 5, expiresAtMs: 999 }))]])
    const { shelf } = rig({}, store)
    const loading = shelf.load()
    shelf.offer(record({ seq: 6 }))
    await loading
    await settled()
    expect(await store.get(slotOf(record()))).toEqual(encodeRecord(record({ seq: 6 })))
  })
})
