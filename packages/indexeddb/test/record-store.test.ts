import 'fake-indexeddb/auto'
import type { ErrorCode, KadrtcError, RecordStore } from '@kadrtc/node'
import { recordStoreSuite } from '@kadrtc/node/port-suites'
import fc from 'fast-check'
import { set } from 'idb-keyval'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { diskOf } from '../src/disk.js'
import { openRecordStore } from '../src/record-store.js'
import { FaultyDisk } from './faulty-disk.js'

let databases = 0
const newName = () => `test:${databases++}`

/** A store on a disk with faults, and the warnings it gave. */
async function openFaulty(): Promise<{ store: RecordStore; faulty: FaultyDisk; warnings: ErrorCode[] }> {
  const database = newName()
  const faulty = new FaultyDisk(database)
  const warnings: ErrorCode[] = []
  const onWarning = ({ code }: KadrtcError) => warnings.push(code)
  return { store: await openRecordStore({ database, onWarning, disk: faulty.disk }), faulty, warnings }
}

const noWarning = (warning: KadrtcError) => expect.fail(`warned: ${warning.message}`)

const bytes = (...values: number[]) => Uint8Array.from(values)

const broken = () => new DOMException('Gone', 'UnknownError')

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('on IndexedDB', () => {
  let database = ''
  const openAgain = () => openRecordStore({ database, onWarning: noWarning })
  const open = () => {
    database = newName()
    return openAgain()
  }
  const openUnreadable = async () => {
    const { store, faulty } = await openFaulty()
    const setReadable = (isReadable: boolean) => {
      faulty.failures = isReadable ? [] : Array.from({ length: 100 }, broken)
    }
    return { store, setReadable }
  }
  for (const { name, run } of recordStoreSuite(open, openAgain, openUnreadable)) test(name, run)

  test('puts issued together share few transactions', async () => {
    const { store, faulty } = await openFaulty()
    await Promise.all(Array.from({ length: 1250 }, (_, i) => store.put([[`n${i}`, bytes(i)]])))
    expect(faulty.transactions).toEqual([500, 500, 250])
  })

  test('writes that come while a transaction is under way share the next one', async () => {
    const { store, faulty } = await openFaulty()
    const begun = faulty.begun()
    const first = store.put([['first', bytes(1)]])
    await begun
    const later = [store.put([['a', bytes(1)]]), store.delete(['b']), store.put([['c', bytes(1)]])]
    await Promise.all([first, ...later])
    expect(faulty.transactions).toEqual([1, 3])
  })

  test('a transaction of large values is cut at 4 MiB, a put never', async () => {
    const { store, faulty } = await openFaulty()
    const large = new Uint8Array(1024 * 1024)
    const singles = Array.from({ length: 6 }, (_, i) => store.put([[`n${i}`, large]]))
    const many = store.put(Array.from({ length: 5 }, (_, i) => [`m${i}`, large]))
    await Promise.all([...singles, many])
    expect(faulty.transactions).toEqual([4, 7])
  })

  test('what is no bytes in the database is not ours, and is passed over', async () => {
    const name = newName()
    await set('foreign', { hello: 1 }, diskOf(name))
    const store = await openRecordStore({ database: name, onWarning: noWarning })
    expect(await store.get('foreign')).toBeUndefined()
    expect(await store.scan()).toEqual([])
  })

  test('whoever deletes the database is not blocked, and the store goes on with an empty one', async () => {
    const name = newName()
    const store = await openRecordStore({ database: name, onWarning: noWarning })
    await store.put([['before', bytes(1)]])
    await new Promise((resolve, reject) => {
      const request = indexedDB.deleteDatabase(name)
      request.onsuccess = resolve
      request.onblocked = () => reject(new Error('blocked'))
    })
    await store.put([['after', bytes(2)]])
    expect(await store.scan()).toEqual([['after', bytes(2)]])
  })
})

describe('in memory', () => {
  const unavailable = {
    'IndexedDB is missing': undefined,
    'IndexedDB refuses to open': () =>
      Promise.reject(new DOMException('Private window', 'InvalidStateError')),
  }
  for (const [name, disk] of Object.entries(unavailable)) {
    describe(`because ${name}`, () => {
      const open = async () => {
        vi.stubGlobal('indexedDB', undefined)
        const warnings: ErrorCode[] = []
        const onWarning = ({ code }: KadrtcError) => warnings.push(code)
        const store = await openRecordStore({ database: newName(), onWarning, ...(disk && { disk }) })
        expect(warnings).toEqual(['STORE_UNAVAILABLE'])
        return store
      }
      for (const { name, run } of recordStoreSuite(open)) test(name, run)
    })
  }

  test('because opening takes longer than 3 s; a connection that comes late is closed', async () => {
    vi.useFakeTimers()
    let openLate = () => {}
    const opened = new Promise<void>((resolve) => {
      openLate = resolve
    })
    let closed = 0
    const db = { close: () => closed++ }
    const late = {
      transaction: { db },
      get: () => ({
        set onsuccess(done: () => void) {
          queueMicrotask(done)
        },
      }),
    }
    const onWarning = vi.fn()
    const opening = openRecordStore({
      database: newName(),
      onWarning,
      disk: (_, callback) => opened.then(() => callback(late as unknown as IDBObjectStore)),
    })
    await vi.advanceTimersByTimeAsync(2999)
    expect(onWarning).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    const store = await opening
    expect(onWarning.mock.calls).toMatchObject([[{ code: 'STORE_UNAVAILABLE' }]])
    await store.put([['a', bytes(1)]])
    expect(closed).toBe(0)
    openLate()
    await vi.advanceTimersByTimeAsync(0)
    expect(closed).toBe(1)
    expect(await store.get('a')).toEqual(bytes(1))
  })

  test('opening leaves no timer behind', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    await openRecordStore({ database: newName(), onWarning: noWarning })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('because no database is named: nothing to warn of', async () => {
    const store = await openRecordStore({ database: undefined, onWarning: noWarning })
    await store.put([['a', bytes(1)]])
    expect(await store.get('a')).toEqual(bytes(1))
  })
})

describe('when the disk is full', () => {
  test('refused writes are kept in memory, seen by every verb, and warned of once', async () => {
    const { store, faulty, warnings } = await openFaulty()
    await store.put([['a', bytes(1)]])
    faulty.capacity = 1
    await store.put([['b', bytes(2)]])
    await store.put([['c', bytes(3)]])
    expect(warnings).toEqual(['STORE_FULL'])
    expect(await store.get('b')).toEqual(bytes(2))
    expect(new Map(await store.scan())).toEqual(
      new Map([
        ['a', bytes(1)],
        ['b', bytes(2)],
        ['c', bytes(3)],
      ]),
    )
    expect([...faulty.slots]).toEqual(['a'])
  })

  test('writes that still fit go to disk', async () => {
    const { store, faulty } = await openFaulty()
    faulty.capacity = 1
    await store.put([
      ['a', bytes(1)],
      ['b', bytes(2)],
    ])
    await store.put([['c', bytes(3)]])
    expect([...faulty.slots]).toEqual(['c'])
    expect((await store.scan()).length).toBe(3)
  })

  test('deletes free room, and what was kept goes to disk', async () => {
    const { store, faulty, warnings } = await openFaulty()
    faulty.capacity = 3
    await store.put([
      ['a', bytes(1)],
      ['b', bytes(2)],
      ['c', bytes(3)],
    ])
    await Promise.all([
      store.put([
        ['d', bytes(4)],
        ['e', bytes(5)],
      ]),
      store.put([['f', bytes(6)]]),
    ])
    await store.delete(['a'])
    expect(faulty.slots.size).toBe(3)
    await store.delete(['b', 'c'])
    expect([...faulty.slots].sort()).toEqual(['d', 'e', 'f'])
    expect(warnings).toEqual(['STORE_FULL'])
    await store.put([['g', bytes(7)]])
    expect(warnings).toEqual(['STORE_FULL', 'STORE_FULL'])
  })

  test('deletes reach the disk even when the puts that shared their transaction are refused', async () => {
    const { store, faulty } = await openFaulty()
    await store.put([
      ['a', bytes(1)],
      ['b', bytes(2)],
    ])
    faulty.capacity = 1
    await Promise.all([
      store.put([
        ['c', bytes(3)],
        ['d', bytes(4)],
      ]),
      store.delete(['a', 'b']),
    ])
    expect(faulty.slots.has('a') || faulty.slots.has('b')).toBe(false)
    expect(new Map(await store.scan())).toEqual(
      new Map([
        ['c', bytes(3)],
        ['d', bytes(4)],
      ]),
    )
  })

  test('closing tries once more', async () => {
    const { store, faulty } = await openFaulty()
    faulty.capacity = 0
    await store.put([['a', bytes(1)]])
    faulty.capacity = 1
    await store.close()
    expect([...faulty.slots]).toEqual(['a'])
  })
})

describe('when the disk breaks', () => {
  test('a connection lost once is opened anew, and nobody notices', async () => {
    const { store, faulty, warnings } = await openFaulty()
    faulty.failures = [new DOMException('Lost', 'AbortError')]
    await store.put([['a', bytes(1)]])
    expect([...faulty.slots]).toEqual(['a'])
    faulty.failures = [new DOMException('Lost', 'AbortError')]
    expect(await store.get('a')).toEqual(bytes(1))
    expect(warnings).toEqual([])
  })

  test('writes are kept in memory with one warning, and written when it works again', async () => {
    const { store, faulty, warnings } = await openFaulty()
    faulty.failures = Array.from({ length: 4 }, broken)
    await store.put([['a', bytes(1)]])
    await store.put([['b', bytes(2)]])
    expect(warnings).toEqual(['STORE_UNAVAILABLE'])
    expect(await store.get('a')).toEqual(bytes(1))
    await store.put([['c', bytes(3)]])
    expect([...faulty.slots].sort()).toEqual(['a', 'b', 'c'])
  })

  test('reads are tried once more, and then reject with STORE_UNAVAILABLE: nothing has been lost', async () => {
    const { store, faulty, warnings } = await openFaulty()
    await store.put([['a', bytes(1)]])
    faulty.failures = [broken()]
    expect(await store.get('a')).toEqual(bytes(1))
    faulty.failures = Array.from({ length: 4 }, broken)
    await expect(store.get('a')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await expect(store.scan()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    expect(await store.get('a')).toEqual(bytes(1))
    expect(warnings).toEqual([])
  })
})

type Step =
  | { readonly kind: 'put'; readonly slots: readonly string[]; readonly value: number }
  | { readonly kind: 'delete'; readonly slots: readonly string[] }
  | { readonly kind: 'capacity'; readonly entries: number }
  | { readonly kind: 'break'; readonly transactions: number }
  | { readonly kind: 'settle' }

const slotsOf = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 4 })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('put'), slots: slotsOf, value: fc.nat(255) }),
  fc.record({ kind: fc.constant('delete'), slots: slotsOf }),
  fc.record({ kind: fc.constant('capacity'), entries: fc.nat(6) }),
  fc.record({ kind: fc.constant('break'), transactions: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ kind: fc.constant('settle') }),
)

test('whatever fails and whenever, the store holds what a plain map would, and the disk has it all in the end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const { store, faulty } = await openFaulty()
      const twin = new Map<string, Uint8Array>()
      for (const step of steps) {
        await take(step, store, faulty, twin)
        // The wait for a write to begin is where order could go wrong.
        if (step.kind !== 'settle') await Promise.resolve()
      }
      // Reads that fail reject, so the disk is whole again before anything is compared.
      faulty.failures = []
      faulty.capacity = Number.POSITIVE_INFINITY
      expect(new Map(await store.scan())).toEqual(twin)
      for (const slot of 'abcdef') expect(await store.get(slot)).toEqual(twin.get(slot))
      await store.close()
      expect([...faulty.slots].sort()).toEqual([...twin.keys()].sort())
    }),
    { numRuns: 150 },
  )
})

async function take(step: Step, store: RecordStore, faulty: FaultyDisk, twin: Map<string, Uint8Array>) {
  switch (step.kind) {
    case 'put':
      void store.put(step.slots.map((slot) => [slot, bytes(step.value)]))
      for (const slot of step.slots) twin.set(slot, bytes(step.value))
      return
    case 'delete':
      void store.delete(step.slots)
      for (const slot of step.slots) twin.delete(slot)
      return
    case 'capacity':
      faulty.capacity = step.entries
      return
    case 'break':
      faulty.failures = Array.from({ length: step.transactions }, broken)
      return
    case 'settle':
      await store.put([['settled', bytes()]])
      await store.delete(['settled'])
  }
}
