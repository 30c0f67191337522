import { describe, expect, test } from 'vitest'
import { systemClock } from '../src/platform.js'

describe('time that has passed', () => {
  function clockAt() {
    const platform = { wallMs: 1_700_000_000_000, monotonicMs: 5_000 }
    const clock = systemClock(
      () => platform.wallMs,
      () => platform.monotonicMs,
    )
    const startMs = clock.now()
    const pass = (ms: number) => {
      platform.wallMs += ms
      platform.monotonicMs += ms
    }
    return { platform, clock, pass, passedMs: () => clock.now() - startMs }
  }

  test('is told apart where the wall clock shows the same millisecond', () => {
    const { platform, passedMs } = clockAt()
    platform.monotonicMs += 0.25
    expect(passedMs()).toBeCloseTo(0.25)
  })

  test('goes on as before when the clock is set back, and the time of day goes back', () => {
    const { platform, clock, pass, passedMs } = clockAt()
    pass(1_000)
    platform.wallMs -= 3_600_000
    expect(passedMs()).toBe(1_000)
    pass(500)
    expect(passedMs()).toBe(1_500)
    expect(clock.wallMs()).toBe(1_700_000_001_500 - 3_600_000)
  })

  test('counts the time for which the machine has slept, once', () => {
    const { platform, pass, passedMs } = clockAt()
    pass(1_000)
    platform.wallMs += 600_000
    expect(passedMs()).toBe(601_000)
    pass(1_000)
    expect(passedMs()).toBe(602_000)
  })

  test('never goes back, whatever the two clocks do', () => {
    const { platform, clock } = clockAt()
    let last = clock.now()
    for (const [wallMs, monotonicMs] of [
      [-10, 0],
      [40, 1],
      [-40, 1],
      [60, 0],
      [-60, 0],
      [49, 0],
      [-3, 2],
    ]) {
      platform.wallMs += wallMs!
      platform.monotonicMs += monotonicMs!
      expect(clock.now()).toBeGreaterThanOrEqual(last)
      last = clock.now()
    }
  })
})
