import { SeededRandom, VirtualClock } from '@kadrtc/simulator'
import { expect, test } from 'vitest'
import { LinkTrials } from '../src/overlay/link-trials.js'

const minuteMs = 60_000

function trialTimes(forMs: number) {
  const clock = new VirtualClock()
  const times: number[] = []
  const ports = { clock, random: new SeededRandom('link trials'), settings: { trialIntervalMs: 20_000 } }
  const trials = new LinkTrials(ports, () => times.push(clock.now()))
  return { clock, trials, times, done: clock.advance(forMs) }
}

test('a node tries somebody three times a minute at first, and ever more rarely', async () => {
  const { clock, trials, times, done } = trialTimes(6 * minuteMs)
  await done
  expect(times.length).toBeGreaterThanOrEqual(16)
  expect(times.length).toBeLessThanOrEqual(20)
  const apart = times.slice(1).map((at, i) => at - times[i]!)
  for (const ms of apart) {
    expect(ms).toBeGreaterThanOrEqual(15_000)
    expect(ms).toBeLessThanOrEqual(25_000)
  }
  // No two waits alike: nodes that began together are not to dial together.
  expect(new Set(apart).size).toBe(apart.length)
  await clock.advance(24 * 60 * minuteMs)
  expect(times.length).toBeGreaterThan(110)
  expect(times.length).toBeLessThan(150)
  trials.close()
})

test('once it is closed it tries nobody', async () => {
  const { clock, trials, times, done } = trialTimes(minuteMs)
  await done
  trials.close()
  const before = times.length
  await clock.advance(10 * minuteMs)
  expect(times).toHaveLength(before)
})
