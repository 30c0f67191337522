import { LocalClock, VirtualClock } from '@kadrtc/simulator'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TimerQueue } from '../src/timer-queue.js'

describe('VirtualClock', () => {
  test('timers fire by time, then in the order they were set, and cancelled ones never do', async () => {
    const timers = fc.array(fc.record({ delayMs: fc.nat(20), isCancelled: fc.boolean() }), { maxLength: 200 })
    await fc.assert(
      fc.asyncProperty(timers, async (planned) => {
        const clock = new VirtualClock()
        const fired: [atMs: number, index: number][] = []
        const set = planned.map(({ delayMs }, index) =>
          clock.setTimer(delayMs, () => fired.push([clock.elapsedMs, index])),
        )
        planned.forEach(({ isCancelled }, index) => {
          if (isCancelled) set[index]!.cancel()
        })
        await clock.advance(20)
        const expected = planned
          .map(({ delayMs }, index): [number, number] => [delayMs, index])
          .filter(([, index]) => !planned[index]!.isCancelled)
          .sort(([a, i], [b, j]) => a - b || i - j)
        expect(fired).toEqual(expected)
        expect(clock.pendingTimers).toBe(0)
      }),
      { numRuns: 50 },
    )
  })

  test('now() is in whole milliseconds since it was made, wallMs() since the epoch', async () => {
    const clock = new VirtualClock({ startMs: 1_000 })
    await clock.advance(0.6)
    expect([clock.now(), clock.wallMs()]).toEqual([0, 1_000])
    await clock.advance(0.6)
    expect([clock.now(), clock.wallMs()]).toEqual([1, 1_001])
    expect(clock.elapsedMs).toBeCloseTo(1.2)
  })

  test('a delay ends later however short it is', async () => {
    const clock = new VirtualClock()
    await clock.advance(86_400_000)
    const begunAtMs = clock.elapsedMs
    const firedAtMs: number[] = []
    clock.setTimer(1e-12, () => firedAtMs.push(clock.elapsedMs))
    clock.setTimer(0, () => firedAtMs.push(clock.elapsedMs))
    await clock.advance(1)
    expect(firedAtMs[0]).toBe(begunAtMs)
    expect(firedAtMs[1]).toBeGreaterThan(begunAtMs)
  })

  test('advance stops at its end and leaves later timers waiting', async () => {
    const clock = new VirtualClock()
    const fired: string[] = []
    clock.setTimer(10, () => fired.push('at the end'))
    clock.setTimer(10.5, () => fired.push('too late'))
    await clock.advance(10)
    expect(fired).toEqual(['at the end'])
    expect(clock.pendingTimers).toBe(1)
  })

  test('promise jobs run to their end before the next timer fires', async () => {
    const clock = new VirtualClock()
    const seen: string[] = []
    const deep = async (depth: number): Promise<void> => (depth === 0 ? undefined : deep(depth - 1))
    clock.setTimer(1, async () => {
      await deep(5)
      seen.push(`first at ${clock.elapsedMs}`)
      clock.setTimer(0, () => seen.push(`its timer at ${clock.elapsedMs}`))
    })
    clock.setTimer(2, () => seen.push(`second at ${clock.elapsedMs}`))
    await clock.advance(5)
    expect(seen).toEqual(['first at 1', 'its timer at 1', 'second at 2'])
  })

  test('settle gives the value of a promise, however many timers it takes', async () => {
    const clock = new VirtualClock()
    const sleep = (ms: number) => new Promise<void>((resolve) => void clock.setTimer(ms, resolve))
    const work = async () => {
      for (let i = 0; i < 100; i++) await sleep(10)
      return 'done'
    }
    expect(await clock.settle(work(), { withinMs: 1_000 })).toBe('done')
    expect(clock.elapsedMs).toBe(1_000)
  })

  test('settle throws what the promise rejects with', async () => {
    const clock = new VirtualClock()
    const failure = new Error('no')
    await expect(clock.settle(Promise.reject(failure), { withinMs: 10 })).rejects.toBe(failure)
  })

  test('settle waits for a long chain of promise jobs that needs no time', async () => {
    const clock = new VirtualClock()
    const work = async () => {
      for (let i = 0; i < 5_000; i++) await undefined
      return clock.elapsedMs
    }
    expect(await clock.settle(work(), { withinMs: 10 })).toBe(0)
  })

  test('a condition that does not come true names the virtual time and the label', async () => {
    const clock = new VirtualClock({ label: 'SEED=7' })
    clock.setTimer(500, () => {})
    await expect(clock.runUntil(() => false, { withinMs: 20 })).rejects.toThrow(
      'The condition did not hold within 20 ms: at 20 ms of virtual time (SEED=7) 1 timers are waiting',
    )
    await expect(clock.settle(new Promise(() => {}), { withinMs: 20 })).rejects.toThrow('did not settle')
    expect(clock.elapsedMs).toBe(40)
  })

  test('runUntil stops at the timer that makes the condition true', async () => {
    const clock = new VirtualClock()
    let count = 0
    for (let i = 1; i <= 10; i++) clock.setTimer(i, () => count++)
    await clock.runUntil(() => count === 4, { withinMs: 100 })
    expect(clock.elapsedMs).toBe(4)
  })

  test('what a timer throws reaches the driver, and the clock can go on', async () => {
    const clock = new VirtualClock()
    let later = 0
    clock.setTimer(1, () => {
      throw new Error('a bug')
    })
    clock.setTimer(2, () => later++)
    await expect(clock.advance(5)).rejects.toThrow('a bug')
    await clock.advance(5)
    expect(later).toBe(1)
  })

  test('two drivers at once are refused', async () => {
    const clock = new VirtualClock()
    const first = clock.advance(5)
    await expect(clock.advance(5)).rejects.toThrow('driven already')
    await first
  })
})

describe('TimerQueue', () => {
  test('cancelled timers never take up more than half of it', () => {
    const queue = new TimerQueue()
    const timers = Array.from({ length: 1_000 }, (_, i) => queue.add(i, () => {}))
    for (const [i, timer] of timers.entries()) if (i % 10 !== 0) timer.cancel()
    expect(queue.size).toBe(100)
    expect(queue.held).toBeLessThanOrEqual(200)
    for (let i = 0; i < 100; i++) {
      expect(queue.nextDueMs()).toBe(10 * i)
      queue.takeNext()
    }
    expect(queue.takeNext()).toBeUndefined()
  })

  test('a timer that has fired can be cancelled, which does nothing', () => {
    const queue = new TimerQueue()
    const timer = queue.add(1, () => {})
    queue.takeNext()
    timer.cancel()
    timer.cancel()
    expect(queue.size).toBe(0)
  })
})

describe('LocalClock', () => {
  test('shows a time of day that is ahead by its skew, while as much time passes for all', () => {
    const clock = new VirtualClock({ startMs: 1_000 })
    const local = new LocalClock(clock, 250)
    expect([local.wallMs(), local.now()]).toEqual([1_250, 0])
  })

  test('stopped, it fires no timer, whenever that was set', async () => {
    const clock = new VirtualClock()
    const local = new LocalClock(clock)
    const fired: string[] = []
    local.setTimer(1, () => fired.push('before'))
    local.setTimer(3, () => fired.push('set before, due after'))
    await clock.advance(2)
    local.stop()
    local.setTimer(1, () => fired.push('after'))
    await clock.advance(10)
    expect(fired).toEqual(['before'])
  })
})
