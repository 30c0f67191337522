import { describe, expect, test } from 'vitest'
import { MemoryRecordStore } from '../src/memory-record-store.js'
import { recordStoreSuite } from '../src/port-suites/record-store-suite.js'

describe('MemoryRecordStore', () => {
  for (const { name, run } of recordStoreSuite(async () => new MemoryRecordStore())) test(name, run)

  test('says CLOSED after close', async () => {
    const store = new MemoryRecordStore()
    await store.close()
    await expect(store.get('a')).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
