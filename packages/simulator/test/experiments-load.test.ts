import { expect, test, vi } from 'vitest'
import { growSwarm, hotKey, measureHotKey, measureSpeed, spread } from '../src/experiments/index.js'

// Seconds each, and more on a machine that has other work.
vi.setConfig({ testTimeout: 60_000 })

const small = { seed: 7, nodes: 40, settleMs: 20_000 }

test('every node sends a ping each two seconds, and each is answered', async () => {
  const swarm = await growSwarm(small)
  let nowMs = 0
  const result = await measureSpeed(swarm, {
    forMs: 10_000,
    nowMs: () => {
      nowMs += 250
      return nowMs
    },
  })
  expect(result.pings).toBe(40 * 5)
  expect(result.pongs).toBeGreaterThan(195)
  expect(result.messagesPerNodeAndSecond).toBeGreaterThanOrEqual(0.99)
  // The wall is what the test says it is.
  expect(result).toMatchObject({ simulatedMs: 10_000, wallMs: 250, xRealtime: 40 })
  const { messages } = swarm.network.counters
  await swarm.clock.advance(20_000)
  // Nobody goes on pinging.
  expect(swarm.network.counters.messages - messages).toBeLessThan(40 * 20)
})

test('acts begin evenly over their span', async () => {
  const swarm = await growSwarm({ ...small, nodes: 2 })
  const startMs = swarm.clock.elapsedMs
  const begun = await spread(swarm, 4, 1_000, async (index) => [index, swarm.clock.elapsedMs - startMs])
  for (const [index, ms] of begun) expect(Math.abs(ms! - index! * 250)).toBeLessThan(1)
})

test('the load of a hot key is counted where it is answered', async () => {
  const result = await hotKey({ ...small, gets: 400, spanMs: 10_000, otherKeys: 10 })
  const served = result.served.reduce((sum, count) => sum + count, 0)
  const most = Math.max(...result.served)
  expect(result.found).toBe(400)
  expect(result.served).toHaveLength(40)
  expect(result.maxLoadRatio).toBeCloseTo(most / (served / 40))
  expect(result.maxToMeanOfServing).toBeLessThanOrEqual(result.maxLoadRatio)
  expect(served).toBeGreaterThan(100)
  // Of 40 nodes half are among the 20 closest; to ask them takes no link, and the owner is one round trip away.
  expect(result.oracle.directMsP50).toBeGreaterThan(20)
  expect(result.oracle.greedyMsP50).toBeGreaterThan(result.oracle.directMsP50 / 2)
})

test('one key that all read is answered by many more than its holders', async () => {
  const swarm = await growSwarm({ ...small, settings: { k: 3 } })
  const gets = { gets: 600, spanMs: 20_000, otherKeys: 40 }
  const even = await measureHotKey(swarm, { ...gets, hotFraction: 0 })
  const hot = await measureHotKey(swarm, { ...gets, hotFraction: 1 })
  expect(even.maxLoadRatio).toBeGreaterThan(1)
  expect(hot.serving).toBeGreaterThan(swarm.nodes.length / 2)
  expect(hot.maxLoadRatio).toBeLessThan(swarm.nodes.length / 3 / 2)
})
