/** Independent puts into the record store against idb-keyval's setMany in batches of 500, on the same disk. */
import { openRecordStore } from '@kadrtc/indexeddb'
import { createStore, setMany } from 'idb-keyval'

export const setManyBatch = 500

/** Records per second: each put is a call of its own, as records arrive, and all are awaited. */
export async function putRate(records: number, valueBytes: number): Promise<number> {
  const database = `puts-${crypto.randomUUID()}`
  const store = await openRecordStore({ database, onWarning: (warning) => console.error(warning.message) })
  const values = valuesOf(records, valueBytes)
  const startedAt = performance.now()
  await Promise.all(values.map((value, index) => store.put([[`slot-${index}`, value]])))
  const rate = (1_000 * records) / (performance.now() - startedAt)
  await store.close()
  await remove(database)
  return rate
}

/** Records per second, `setManyBatch` to a transaction, all under way at once. */
export async function setManyRate(records: number, valueBytes: number): Promise<number> {
  const database = `setmany-${crypto.randomUUID()}`
  const store = createStore(database, 'entries')
  await setMany([], store)
  const values = valuesOf(records, valueBytes)
  const startedAt = performance.now()
  const batches: Promise<void>[] = []
  for (let start = 0; start < records; start += setManyBatch) {
    const batch = values.slice(start, start + setManyBatch)
    batches.push(
      setMany(
        batch.map((value, index): [string, Uint8Array] => [`slot-${start + index}`, value]),
        store,
      ),
    )
  }
  await Promise.all(batches)
  const rate = (1_000 * records) / (performance.now() - startedAt)
  await store('readonly', (objects) => objects.transaction.db.close())
  await remove(database)
  return rate
}

function valuesOf(records: number, valueBytes: number): Uint8Array[] {
  return Array.from({ length: records }, () => crypto.getRandomValues(new Uint8Array(valueBytes)))
}

function remove(database: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(database)
    request.onsuccess = () => resolve()
    request.onerror = () => reject(request.error)
  })
}
