/**
 * What every RecordStore does, whatever it is made of. `open` gives a fresh, empty store each time it
 * is called; the suite closes what it opened. A store that outlives its process also gives `openAgain`,
 * which opens what the last `open` gave, after that was closed; one that may be out of reach for a while gives `openFaulty`.
 */
import type { RecordStore, StoreEntry } from '../ports/record-store.js'
import { expectBytes, expectRejection, expectThat, type SuiteCase } from './suite.js'

export function recordStoreSuite(
  open: () => Promise<RecordStore>,
  openAgain?: () => Promise<RecordStore>,
  openFaulty?: () => Promise<FaultyStore>,
): SuiteCase[] {
  const withStore = (run: (store: RecordStore) => Promise<void>) => async () => {
    const store = await open()
    try {
      await run(store)
    } finally {
      await store.close()
    }
  }
  const cases: [name: string, run: () => Promise<void>][] = [
    ...basics.map(([name, run]): [string, () => Promise<void>] => [name, withStore(run)]),
    ...ordering.map(([name, run]): [string, () => Promise<void>] => [name, withStore(run)]),
    ...copying.map(([name, run]): [string, () => Promise<void>] => [name, withStore(run)]),
    ...closing.map(([name, run]): [string, () => Promise<void>] => [name, withStore(run)]),
  ]
  if (openAgain) {
    cases.push([
      'keeps what was put, and writes in flight at close, for the next time',
      durable(open, openAgain),
    ])
  }
  if (openFaulty) cases.push(['rejects reads that fail, and loses nothing by it', readAgain(openFaulty)])
  return cases.map(([name, run]) => ({ name, run }))
}

/** A fresh, empty store whose reads can be made to fail. */
export interface FaultyStore {
  readonly store: RecordStore
  /** Reads fail from now on, or succeed again. */
  readonly setReadable: (isReadable: boolean) => void
}

type StoreCase = [name: string, run: (store: RecordStore) => Promise<void>]

const basics: StoreCase[] = [
  [
    'gives undefined for a slot that was never put',
    async (store) => {
      expectBytes(await store.get('nothing-here'), undefined, 'get')
      expectThat((await store.scan()).length === 0, 'a fresh store is empty')
    },
  ],
  [
    'gives back what was put, empty and large values too',
    async (store) => {
      const large = Uint8Array.from({ length: 96 * 1024 }, (_, i) => i * 7)
      await store.put([
        ['empty', bytes()],
        ['some', bytes(1, 2, 255)],
      ])
      await store.put([['large', large]])
      expectBytes(await store.get('empty'), bytes(), 'get empty')
      expectBytes(await store.get('some'), bytes(1, 2, 255), 'get some')
      const found = await store.get('large')
      expectThat(found?.every((byte, i) => byte === large[i]) === true, 'large value comes back whole')
      expectThat(found.length === large.length, 'large value keeps its length')
    },
  ],
  [
    'tells slots apart by every character and by case',
    async (store) => {
      await store.put([
        ['a', bytes(1)],
        ['A', bytes(2)],
        ['a/b', bytes(3)],
        ['', bytes(4)],
        ['__proto__', bytes(5)],
      ])
      await expectHolds(store, { a: 1, A: 2, 'a/b': 3, '': 4, ['__proto__']: 5 })
    },
  ],
  [
    'deletes many at once, and unknown slots without error',
    async (store) => {
      await store.put([
        ['a', bytes(1)],
        ['b', bytes(2)],
        ['c', bytes(3)],
      ])
      await store.delete(['a', 'unknown', 'c', 'a'])
      await store.delete(['a'])
      await expectHolds(store, { b: 2 })
      expectBytes(await store.get('a'), undefined, 'get a deleted slot')
    },
  ],
  [
    'takes an empty put and an empty delete',
    async (store) => {
      await store.put([])
      await store.delete([])
      await expectHolds(store, {})
    },
  ],
  [
    'puts many together: whoever looks sees all of them or none',
    async (store) => {
      const entries = Array.from({ length: 100 }, (_, i): StoreEntry => [`slot-${i}`, bytes(i)])
      const before = store.scan()
      const writing = store.put(entries)
      const during = await Promise.all([before, store.scan(), store.scan()])
      await writing
      for (const seen of [...during, await store.scan()]) {
        expectThat(seen.length === 0 || seen.length === 100, `a scan saw ${seen.length} of 100 entries`)
      }
    },
  ],
]

const ordering: StoreCase[] = [
  [
    'lets the last of several writes to one slot win, awaited or not',
    async (store) => {
      const writes: Promise<void>[] = []
      for (let value = 0; value < 50; value++) {
        writes.push(store.put([['a', bytes(value)]]))
        writes.push(store.delete(['a']))
        writes.push(store.put([['b', bytes(value)]]))
        // Some writes come while earlier ones are under way, some before those have begun.
        if (value % 7 === 0) await writes[value]
      }
      writes.push(store.put([['a', bytes(77)]]), store.delete(['b']))
      await Promise.all(writes)
      await expectHolds(store, { a: 77 })
    },
  ],
  [
    'lets the last entry win when one put names a slot twice',
    async (store) => {
      await store.put([
        ['a', bytes(1)],
        ['a', bytes(2)],
      ])
      await expectHolds(store, { a: 2 })
    },
  ],
  [
    'shows a write to the reads that follow it, awaited or not',
    async (store) => {
      const first = store.put([['a', bytes(1)]])
      expectBytes(await store.get('a'), bytes(1), 'get after put')
      const second = store.delete(['a'])
      const third = store.put([['b', bytes(2)]])
      expectBytes(await store.get('a'), undefined, 'get after delete')
      await expectHolds(store, { b: 2 })
      await Promise.all([first, second, third])
      await expectHolds(store, { b: 2 })
    },
  ],
  [
    'takes thousands of independent puts at once',
    async (store) => {
      const count = 3000
      await Promise.all(Array.from({ length: count }, (_, i) => store.put([[`n${i}`, bytes(i, i >> 8)]])))
      const found = new Map(await store.scan())
      expectThat(found.size === count, `expected ${count} entries, got ${found.size}`)
      for (let i = 0; i < count; i++) expectBytes(found.get(`n${i}`), bytes(i, i >> 8), `n${i}`)
    },
  ],
]

const copying: StoreCase[] = [
  [
    'keeps a copy: changing the bytes after put changes nothing in the store',
    async (store) => {
      const buffer = bytes(9, 1, 2, 9)
      const writing = store.put([['a', buffer.subarray(1, 3)]])
      buffer.fill(0)
      expectBytes(await store.get('a'), bytes(1, 2), 'get while the put is under way')
      await writing
      expectBytes(await store.get('a'), bytes(1, 2), 'get after the put')
    },
  ],
  [
    'gives copies: changing what get or scan gave changes nothing in the store',
    async (store) => {
      const writing = store.put([['a', bytes(1)]])
      ;(await store.get('a'))?.fill(0)
      for (const [, found] of await store.scan()) found.fill(0)
      expectBytes(await store.get('a'), bytes(1), 'get while the put is under way')
      await writing
      ;(await store.get('a'))?.fill(0)
      for (const [, found] of await store.scan()) found.fill(0)
      expectBytes(await store.get('a'), bytes(1), 'get after the put')
    },
  ],
]

const closing: StoreCase[] = [
  [
    'rejects every verb after close',
    async (store) => {
      await store.put([['a', bytes(1)]])
      const closed = store.close()
      await expectRejection(store.get('a'), 'get while closing')
      await closed
      await expectRejection(store.get('a'), 'get')
      await expectRejection(store.put([['b', bytes(2)]]), 'put')
      await expectRejection(store.delete(['a']), 'delete')
      await expectRejection(store.scan(), 'scan')
    },
  ],
  [
    'closes twice without error, and waits for the writes under way',
    async (store) => {
      let done = 0
      const writes = Array.from({ length: 100 }, (_, i) =>
        store.put([[`n${i}`, bytes(i)]]).then(() => done++),
      )
      await Promise.all([store.close(), store.close()])
      expectThat(done === 100, `close resolved when ${done} of 100 writes had`)
      await Promise.all(writes)
      await store.close()
    },
  ],
]

const readAgain = (openFaulty: () => Promise<FaultyStore>) => async () => {
  const { store, setReadable } = await openFaulty()
  await store.put([['a', bytes(1)]])
  setReadable(false)
  await expectRejection(store.get('a'), 'get of what is there')
  await expectRejection(store.get('b'), 'get of what is not there')
  await expectRejection(store.scan(), 'scan')
  setReadable(true)
  await expectHolds(store, { a: 1 })
  await store.close()
}

const durable = (open: () => Promise<RecordStore>, openAgain: () => Promise<RecordStore>) => async () => {
  const store = await open()
  await store.put([
    ['kept', bytes(1)],
    ['deleted', bytes(2)],
  ])
  const inFlight = [store.delete(['deleted']), store.put([['in-flight', bytes(3)]])]
  await store.close()
  await Promise.all(inFlight)
  const again = await openAgain()
  try {
    await expectHolds(again, { kept: 1, 'in-flight': 3 })
  } finally {
    await again.close()
  }
}

/** The store holds these slots, each with this one byte, and nothing else; get and scan agree. */
async function expectHolds(store: RecordStore, expected: Readonly<Record<string, number>>): Promise<void> {
  const found = new Map(await store.scan())
  const slots = Object.keys(expected).sort()
  const foundSlots = [...found.keys()].sort()
  expectThat(
    slots.join() === foundSlots.join(),
    `scan: expected slots ${slots.join()}, got ${foundSlots.join()}`,
  )
  for (const slot of slots) {
    expectBytes(found.get(slot), bytes(expected[slot]!), `scan ${slot}`)
    expectBytes(await store.get(slot), bytes(expected[slot]!), `get ${slot}`)
  }
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values)
}
