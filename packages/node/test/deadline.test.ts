import { VirtualClock } from '@kadrtc/simulator'
import { describe, expect, test } from 'vitest'
import type { CancelSignal } from '../src/cancel-signal.js'
import { withDeadline } from '../src/deadline.js'

/** Work that ends when its signal does, as the contract asks. */
const untilCancelled = (signal: CancelSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
  })
const forever = () => new Promise<never>(() => undefined)

/** An AbortController that counts who listens. */
function counted() {
  const controller = new AbortController()
  const listeners = new Set<() => void>()
  const signal: CancelSignal = {
    get aborted() {
      return controller.signal.aborted
    },
    get reason() {
      return controller.signal.reason
    },
    addEventListener(_type, listener) {
      listeners.add(listener)
    },
    removeEventListener(_type, listener) {
      listeners.delete(listener)
    },
  }
  const abort = (reason: unknown) => {
    controller.abort(reason)
    for (const listener of [...listeners]) listener()
  }
  return { signal, abort, listeners }
}

describe('withDeadline', () => {
  test('gives what the work gives, and leaves neither timer nor listener', async () => {
    const clock = new VirtualClock()
    const { signal, listeners } = counted()
    expect(await withDeadline(clock, { signal, timeoutMs: 50 }, 100, async () => 7)).toBe(7)
    await expect(withDeadline(clock, { signal }, 100, () => Promise.reject(new Error('no')))).rejects.toThrow(
      'no',
    )
    expect(clock.pendingTimers).toBe(0)
    expect(listeners.size).toBe(0)
  })

  test('rejects with TIMEOUT when the time is up: the caller’s, or the default', async () => {
    const clock = new VirtualClock()
    for (const [options, ms] of [
      [{ timeoutMs: 50 }, 50],
      [{}, 100],
      [{ timeoutMs: undefined }, 100],
    ] as const) {
      const settled: unknown[] = []
      withDeadline(clock, options, 100, untilCancelled).catch((error) => settled.push(error))
      await clock.advance(ms - 1)
      expect(settled).toEqual([])
      await clock.advance(1)
      expect(settled).toMatchObject([{ code: 'TIMEOUT' }])
    }
  })

  test('rejects with the signal’s reason, before the work begins if it is aborted already', async () => {
    const clock = new VirtualClock()
    const { signal, abort, listeners } = counted()
    const running = withDeadline(clock, { signal }, 100, untilCancelled)
    abort('enough')
    await expect(running).rejects.toBe('enough')
    let begun = false
    const late = withDeadline(clock, { signal }, 100, async () => {
      begun = true
    })
    await expect(late).rejects.toBe('enough')
    expect({ begun, timers: clock.pendingTimers, listeners: listeners.size }).toEqual({
      begun: false,
      timers: 0,
      listeners: 0,
    })
  })

  test('work that takes no notice of its signal is not waited for', async () => {
    const clock = new VirtualClock()
    const { signal, abort } = counted()
    const aborted = withDeadline(clock, { signal }, 100, forever)
    abort(new Error('enough'))
    await expect(aborted).rejects.toThrow('enough')
    const timedOut = expect(withDeadline(clock, {}, 100, forever)).rejects.toMatchObject({ code: 'TIMEOUT' })
    await clock.advance(100)
    await timedOut
  })

  test('the first of two ends counts', async () => {
    const clock = new VirtualClock()
    const { signal, abort } = counted()
    const seen: unknown[] = []
    const running = withDeadline(clock, { signal, timeoutMs: 10 }, 100, (inner) => {
      inner.addEventListener('abort', () => seen.push(inner.reason))
      return forever()
    })
    const failed = expect(running).rejects.toMatchObject({ code: 'TIMEOUT' })
    await clock.advance(10)
    abort('too late')
    await failed
    expect(seen).toMatchObject([{ code: 'TIMEOUT' }])
  })

  test('a timeout that is no number above 0 is INVALID_ARGUMENT; a very long one is fine', async () => {
    const clock = new VirtualClock()
    for (const timeoutMs of [0, -1, Number.NaN, '5', null]) {
      const run = withDeadline(clock, { timeoutMs: timeoutMs as number }, 100, async () => 1)
      await expect(run).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    }
    for (const timeoutMs of [Number.POSITIVE_INFINITY, 2 ** 40, 0.5]) {
      expect(await withDeadline(clock, { timeoutMs }, 100, async () => 1)).toBe(1)
    }
    expect(clock.pendingTimers).toBe(0)
  })
})
