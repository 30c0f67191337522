import { expect, test, vi } from 'vitest'
import { durability, growSwarm, massDeparture, putValues } from '../src/experiments/index.js'
import { copiesOf } from '../src/experiments/mass-departure.js'

// Seconds each, and more on a machine that has other work.
vi.setConfig({ testTimeout: 60_000 })

const small = { seed: 7, nodes: 40, settleMs: 20_000 }
/** Replication that is broken: one copy of each value, and nobody repairs while the experiment lasts. */
const broken = { k: 1, handoverStepMs: 10_000_000, digestIntervalMs: 100_000_000 }

test('no value is lost when half of the nodes die', async () => {
  const result = await massDeparture({ ...small, values: 60 })
  expect(result).toMatchObject({ values: 60, departed: 20, lost: 0, withoutCopy: 0 })
  expect(result.copiesBefore).toBeGreaterThanOrEqual(20)
  expect(result.copiesAfter).toBeLessThan(result.copiesBefore * 0.7)
  expect(result.copiesAtEnd).toBeGreaterThan(result.copiesAfter)
})

test('with one copy each, as many values are lost as copies', async () => {
  const result = await massDeparture({ ...small, settings: broken, values: 60 })
  expect(result.copiesBefore).toBeLessThan(3)
  expect(result.lost).toBeGreaterThan(5)
  expect(result.lost).toBe(result.withoutCopy)
  expect(result.lost).toBe(result.lostWithoutCopy)
})

test('copies are counted on living nodes alone', async () => {
  const swarm = await growSwarm({ ...small, nodes: 12, settings: { k: 4 } })
  const keys = await putValues(swarm, { values: 5, valueBytes: 10, random: swarm.random.fork('test') })
  const before = await copiesOf(swarm, keys)
  for (const copies of before) expect(copies).toBeGreaterThanOrEqual(4)
  for (let index = 0; index < 12; index++) swarm.crash(index)
  expect(await copiesOf(swarm, keys)).toEqual([0, 0, 0, 0, 0])
})

const churned = {
  ...small,
  nodes: 30,
  values: 60,
  meanSessionMs: 60_000,
  forMs: 120_000,
  surveyEveryMs: 30_000,
}

test('values outlive the nodes that hold them, and repair costs about what was lost', async () => {
  const result = await durability(churned)
  expect(result.departures).toBeGreaterThan(40)
  expect(result).toMatchObject({ values: 60, lost: 0, failedStarts: 0 })
  expect(result.surveys.map(({ atMs }) => atMs)).toEqual([30_000, 60_000, 90_000, 120_000])
  const { heldBytes, storeBytes } = result
  expect(result.surveys.at(-1)).toMatchObject({ heldBytes, storeBytes })
  expect(result.surveys[0]!.storeBytes).toBeLessThan(storeBytes)
  expect(storeBytes).toBeGreaterThan(result.stores * 1_024)
  expect(result.repairRatio).toBeGreaterThan(0.3)
  // It was 1.6 where records went to newcomers over relays, before their links stood.
  expect(result.repairRatio).toBeLessThan(1.3)
})

test('values are lost when nobody repairs', async () => {
  const result = await durability({ ...churned, settings: broken })
  expect(result.lost).toBeGreaterThan(20)
  expect(result.surveys.at(-1)!.withoutCopy).toBeGreaterThan(20)
  expect(result.storeBytes).toBeLessThan(result.heldBytes)
})
