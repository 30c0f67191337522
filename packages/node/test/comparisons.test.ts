import { SeededRandom, StubIdentity, VirtualClock } from '@kadrtc/simulator'
import { expect, test } from 'vitest'
import { Comparisons } from '../src/replication/comparisons.js'
import { settingsWith } from './fake-link.js'

const minuteMs = 60_000

test('three different neighbours at a time, ever more rarely while it is calm, and often again when somebody has left', async () => {
  const random = new SeededRandom('comparisons')
  const ids = Array.from({ length: 8 }, () => StubIdentity.random(random).id)
  const clock = new VirtualClock()
  const compared: string[] = []
  const comparisons = new Comparisons({
    clock,
    random,
    settings: settingsWith({ compareIntervalMs: minuteMs, digestIntervalMs: 8 * minuteMs }),
    peers: () => ids.map((id) => ({ id, route: [id] })),
    compare: ({ id }) => compared.push(String(id)),
  })
  await clock.advance(1.25 * minuteMs)
  expect(new Set(compared).size).toBe(3)
  expect(compared).toHaveLength(3)
  await clock.advance(80 * minuteMs)
  const calm = compared.length
  // No oftener than all 0.75 x 8 minutes, but for the few until then.
  expect(calm).toBeLessThanOrEqual(3 * (3 + 80 / 6))
  comparisons.onChange()
  await clock.advance(10 * minuteMs)
  comparisons.onChange()
  await clock.advance(1.25 * minuteMs)
  expect(compared.length).toBeGreaterThanOrEqual(calm + 6)
  comparisons.close()
  expect(clock.pendingTimers).toBe(0)
})
