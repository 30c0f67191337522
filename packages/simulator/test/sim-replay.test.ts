import { replayScenario } from '@kadrtc/simulator'
import { expect, test } from 'vitest'

test('one seed gives one trace of a life with churn and a partition, another seed another', async () => {
  const [one, again, other] = [await replayScenario(7), await replayScenario(7), await replayScenario(8)]
  expect(again).toEqual(one)
  expect(other.digest).not.toBe(one.digest)
  // The run shows something: there was traffic, people left, and values were found.
  expect(one.events).toBeGreaterThan(5_000)
  expect(one.departures).toBeGreaterThan(5)
  expect(one.found).toBeGreaterThan(one.gets / 2)
})
