import { compareRecords, idKey, keyIdOf, type SignedRecord, slotOf } from '@kadrtc/kademlia'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RememberedRecords } from '../src/records/remembered.js'
import { author, content, signed } from './made-records.js'

const authors = ['a', 'b', 'c'].map(author)
const lifeMs = 1_000

test('keeps the newest of each slot, whatever comes after it', () => {
  const remembered = new RememberedRecords()
  const [older, newer] = [1, 2].map((seq) => signed({ seq, expiresAtMs: lifeMs })) as [
    SignedRecord,
    SignedRecord,
  ]
  remembered.note(newer)
  remembered.note(older)
  expect(remembered.under(keyIdOf('key'))).toEqual([newer])
})

test('gives what is under a key, tombstones and what has expired included, and nothing of other keys', () => {
  const remembered = new RememberedRecords()
  const gone = signed({ by: authors[0]!, expiresAtMs: 10 })
  const buried = signed({ by: authors[1]!, expiresAtMs: lifeMs, deleted: true, value: new Uint8Array(0) })
  for (const record of [gone, buried, signed({ key: 'other', expiresAtMs: lifeMs })]) remembered.note(record)
  expect(remembered.under(keyIdOf('key'))).toEqual([gone, buried])
  expect(remembered.under(keyIdOf('nothing'))).toEqual([])
})

test('content never changes, and is not remembered', () => {
  const remembered = new RememberedRecords()
  const record = content(Uint8Array.of(1), lifeMs)
  remembered.note(record)
  expect(remembered.under(record.keyId)).toEqual([])
})

test('past 1,024 records those not used for longest go', () => {
  const remembered = new RememberedRecords()
  const record = (i: number) => signed({ key: `key ${i}`, expiresAtMs: lifeMs })
  for (let i = 0; i < 1_024; i++) remembered.note(record(i))
  remembered.note(record(0))
  remembered.note(record(1_024))
  const held = (i: number) => remembered.under(keyIdOf(`key ${i}`)).length
  expect([held(0), held(1), held(2), held(1_024)]).toEqual([1, 0, 1, 1])
})

test('past 4 MiB of values likewise, and the newest of all stays', () => {
  const remembered = new RememberedRecords()
  const value = new Uint8Array(65_536)
  for (let i = 0; i < 65; i++) remembered.note(signed({ key: `key ${i}`, expiresAtMs: lifeMs, value }))
  const held = (i: number) => remembered.under(keyIdOf(`key ${i}`)).length
  expect([held(0), held(1), held(64)]).toEqual([0, 1, 1])
})

test('a small value does not keep the large message alive that brought it', () => {
  const remembered = new RememberedRecords()
  const message = new Uint8Array(90_000)
  remembered.note(signed({ expiresAtMs: lifeMs, value: message.subarray(100, 110) }))
  const [record] = remembered.under(keyIdOf('key'))
  expect(record?.value.length).toBe(10)
  for (const bytes of [record!.value, (record as SignedRecord).signature]) {
    expect(bytes.buffer.byteLength).toBeLessThan(500)
  }
})

test('agrees with a map of the newest, for any sequence of notes', () => {
  const notes = fc.array(
    fc.record({
      key: fc.constantFrom('x', 'y', 'z'),
      by: fc.constantFrom(...authors),
      seq: fc.integer({ min: 1, max: 5 }),
      expiresAtMs: fc.integer({ min: 1, max: 20 }),
    }),
    { maxLength: 40 },
  )
  fc.assert(
    fc.property(notes, (list) => {
      const remembered = new RememberedRecords()
      const twin = new Map<string, SignedRecord>()
      for (const fields of list) {
        const record = signed(fields)
        remembered.note(record)
        const known = twin.get(slotOf(record))
        if (!known || compareRecords(record, known) > 0) twin.set(slotOf(record), record)
      }
      for (const key of ['x', 'y', 'z']) {
        const expected = [...twin.values()].filter(({ keyId }) => idKey(keyId) === idKey(keyIdOf(key)))
        expect(new Set(remembered.under(keyIdOf(key)))).toEqual(new Set(expected))
      }
    }),
  )
})
