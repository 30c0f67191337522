import type { ErrorCode, KadrtcError } from '@kadrtc/node'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { claimIdentitySlot } from '../src/identity-slot.js'
import { FakeLocks } from './fake-locks.js'

class FakeSession {
  readonly items = new Map<string, string>()
  getItem(name: string): string | null {
    return this.items.get(name) ?? null
  }
  setItem(name: string, value: string): void {
    this.items.set(name, value)
  }
}

const noWarning = (warning: KadrtcError) => expect.fail(`warned: ${warning.message}`)
const network = 'net'

/** A tab: its sessionStorage lives on over reloads, each of which has another time origin. */
class Tab {
  readonly session = new FakeSession()
  constructor(readonly locks: FakeLocks) {}

  claim() {
    return claimIdentitySlot({ network, onWarning: noWarning, locks: this.locks, session: this.session })
  }

  reload() {
    vi.spyOn(performance, 'timeOrigin', 'get').mockReturnValue(pages++)
    return this.claim()
  }
}

let pages = 1

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

test('each tab gets the lowest free slot, and databases of its own', async () => {
  const locks = new FakeLocks()
  const slots = [await new Tab(locks).claim(), await new Tab(locks).claim(), await new Tab(locks).claim()]
  expect(slots.map(({ slot }) => slot)).toEqual([0, 1, 2])
  expect(slots[1]!.database('records')).toBe('kadrtc:net:1:records')
  await Promise.all([slots[1]!.release(), slots[1]!.release()])
  expect((await new Tab(locks).claim()).slot).toBe(1)
})

test('networks have slots of their own', async () => {
  const locks = new FakeLocks()
  await new Tab(locks).claim()
  const other = { network: 'other', onWarning: noWarning, locks, session: null }
  expect((await claimIdentitySlot(other)).slot).toBe(0)
})

test('a reload gets its slot again, even though a lower one is free', async () => {
  const locks = new FakeLocks()
  const [first, second] = [new Tab(locks), new Tab(locks)]
  const firstSlot = await first.claim()
  const secondSlot = await second.claim()
  await firstSlot.release()
  await secondSlot.release()
  expect((await second.reload()).slot).toBe(1)
})

test('a reload waits for the page that is going', async () => {
  const locks = new FakeLocks()
  const tab = new Tab(locks)
  const old = await tab.claim()
  const claiming = tab.reload()
  await vi.advanceTimersByTimeAsync(900)
  old.release()
  expect((await claiming).slot).toBe(0)
  expect(vi.getTimerCount()).toBe(0)
})

test('a duplicated tab waits 1 s in vain, takes another slot, and keeps that', async () => {
  const locks = new FakeLocks()
  const [original, duplicate] = [new Tab(locks), new Tab(locks)]
  await original.claim()
  for (const [name, value] of original.session.items) duplicate.session.setItem(name, value)
  let slot: number | undefined
  const claiming = duplicate.reload().then((claimed) => {
    slot = claimed.slot
    return claimed
  })
  await vi.advanceTimersByTimeAsync(999)
  expect(slot).toBeUndefined()
  await vi.advanceTimersByTimeAsync(1)
  const claimed = await claiming
  expect(slot).toBe(1)
  await claimed.release()
  expect((await duplicate.reload()).slot).toBe(1)
})

test('a second node in one page waits for nothing, and the first keeps its slot over a reload', async () => {
  const tab = new Tab(new FakeLocks())
  const [first, second] = [await tab.claim(), await tab.claim()]
  expect([first.slot, second.slot]).toEqual([0, 1])
  await first.release()
  await second.release()
  expect((await tab.reload()).slot).toBe(0)
})

test('a node closed and made again in one page has the same slot', async () => {
  const locks = new FakeLocks()
  const below = await new Tab(locks).claim()
  const tab = new Tab(locks)
  const before = await tab.claim()
  await Promise.all([before.release(), below.release()])
  expect((await tab.claim()).slot).toBe(before.slot)
})

test('what is no slot in sessionStorage is passed over', async () => {
  for (const junk of ['', 'x', '-1 1', '256 1', '999 1', '1', '1e2 1']) {
    const tab = new Tab(new FakeLocks())
    tab.session.setItem('kadrtc:net:slot', junk)
    expect((await tab.claim()).slot).toBe(0)
  }
})

test('a sessionStorage that throws, or none, does no harm', async () => {
  const refuse = () => {
    throw new DOMException('Blocked', 'SecurityError')
  }
  for (const session of [{ getItem: refuse, setItem: refuse }, null]) {
    const slot = await claimIdentitySlot({ network, onWarning: noWarning, locks: new FakeLocks(), session })
    expect(slot.slot).toBe(0)
  }
})

test('without Web Locks, or refused by them, the slot is random, stored nowhere, and warned of', async () => {
  const refusing = { request: () => Promise.reject(new DOMException('Opaque origin', 'SecurityError')) }
  for (const locks of [null, refusing]) {
    const warnings: ErrorCode[] = []
    const onWarning = ({ code }: KadrtcError) => warnings.push(code)
    const slot = await claimIdentitySlot({ network, onWarning, locks, session: new FakeSession() })
    expect(warnings).toEqual(['STORE_UNAVAILABLE'])
    expect(slot.slot).toBeGreaterThanOrEqual(256)
    expect(slot.database('records')).toBeUndefined()
    await slot.release()
  }
})

test('the 257th tab keeps everything in memory', async () => {
  const locks = new FakeLocks()
  for (let n = 0; n < 256; n++) await new Tab(locks).claim()
  const onWarning = vi.fn()
  const slot = await claimIdentitySlot({ network, onWarning, locks, session: null })
  expect(slot.database('identity')).toBeUndefined()
  expect(onWarning).toHaveBeenCalledOnce()
  expect(locks.asked.at(-1)).toBe('kadrtc:net:slot:255')
})
