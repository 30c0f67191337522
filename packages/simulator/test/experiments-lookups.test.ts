import { expect, test, vi } from 'vitest'
import { churnLookups, hardToReach, meanOfMedian, partition, unreachable } from '../src/experiments/index.js'
import { SeededRandom } from '../src/seeded-random.js'
import { StubIdentity } from '../src/stub-identity.js'

// Seconds each, and more on a machine that has other work.
vi.setConfig({ testTimeout: 60_000 })

const small = { seed: 7, nodes: 40, settleMs: 20_000 }

test('two halves are cut, heal, and find what the other wrote', async () => {
  const result = await partition({
    ...small,
    settings: { reintroductionMs: 20_000 },
    values: 20,
    probes: 20,
    cutMs: 180_000,
    healMs: 120_000,
  })
  expect(result.recallBefore).toBeGreaterThan(0.99)
  expect(result.crossLinksWhileCut).toBe(0)
  expect(result.crossLinks).toBeGreaterThan(0)
  expect(result).toMatchObject({ otherHalfGets: 40, updatedGets: 40, sequenceRegressions: 0 })
  expect(result.recall).toBeGreaterThan(0.9)
  expect(result.otherHalfFound).toBeGreaterThan(30)
})

test('halves that never meet again do not find what the other wrote', async () => {
  const result = await partition({
    ...small,
    settings: { k: 5, reintroductionMs: 1e12 },
    values: 20,
    probes: 20,
    cutMs: 120_000,
    healMs: 1_000,
  })
  expect(result.crossLinks).toBe(0)
  expect(result.recall).toBeLessThan(0.8)
  expect(result.otherHalfFound).toBeLessThan(10)
  expect(result.updatedFound).toBeLessThan(35)
})

const churning = { ...small, warmUpMs: 10_000, quietMs: 10_000, forMs: 60_000, lookups: 100, traces: 100 }

test('without churn every lookup ends at the closest node, and no link need be opened for it', async () => {
  const result = await churnLookups({
    ...churning,
    meanSessionMs: 1e12,
    values: 20,
    gets: 50,
    unconnectable: 0,
  })
  expect(result).toMatchObject({ lookupSuccess: 1, retriedSuccess: 1, plainSuccess: 1, getSuccess: 1 })
  expect(result.lookups).toEqual({ lookups: 100, right: 100, wrong: 0, unanswered: 0 })
  expect(result).toMatchObject({ gets: 50, departures: 0, joinedShare: 1 })
  expect(result.handshakesPerNodeAndMinute).toBeLessThan(1)
  for (const { directMsP50, dialingMsP50 } of [result.lookupOracle, result.getOracle]) {
    expect(directMsP50).toBeGreaterThan(20)
    expect(dialingMsP50).toBeGreaterThanOrEqual(0)
  }
})

test('churn costs links and bytes, and single packets get lost', async () => {
  const calm = await churnLookups({ ...churning, meanSessionMs: 1e12 })
  const busy = await churnLookups({ ...churning, meanSessionMs: meanOfMedian(30_000) })
  expect(busy.departures).toBeGreaterThan(30)
  expect(busy.linksOpened).toBeGreaterThan(calm.linksOpened + 100)
  expect(busy.bytesPerNodeAndSecond).toBeGreaterThan(calm.bytesPerNodeAndSecond)
  expect(busy.plainSuccess).toBeLessThan(1)
  expect(busy.lookupSuccess).toBeGreaterThan(busy.plainSuccess)
  expect(busy.getSuccess).toBeNaN()
})

test('the median of an exponential distribution is ln 2 of its mean', () => {
  expect(meanOfMedian(84_000)).toBeCloseTo(121_186.4, 0)
})

test('who is hard to reach is the same from both ends, and about as many as was asked for', () => {
  const random = new SeededRandom(1)
  const ids = Array.from({ length: 300 }, (_, i) => StubIdentity.random(random.fork(`${i}`)).id)
  const { isHard, isBlocked } = hardToReach(7, 0.3, 0.6)
  const hard = ids.filter(isHard)
  expect(hard.length / ids.length).toBeGreaterThan(0.22)
  expect(hard.length / ids.length).toBeLessThan(0.38)
  let blocked = 0
  for (const a of hard) {
    for (const b of ids) {
      expect(isBlocked(a, b)).toBe(isBlocked(b, a))
      if (isBlocked(a, b)) blocked++
    }
  }
  expect(blocked / (hard.length * ids.length)).toBeCloseTo(0.6, 1)
  const easy = ids.filter((id) => !isHard(id))
  expect(easy.some((a) => easy.some((b) => isBlocked(a, b)))).toBe(false)
})

test('values are found though some nodes can open few links', async () => {
  const result = await unreachable({ ...small, values: 20, gets: 200, spanMs: 10_000 })
  expect(result.hard).toBeGreaterThan(4)
  expect(result.blockedPairs).toBeGreaterThan(0.15)
  expect(result.linksOfHardP50).toBeLessThan(result.linksOfOthersP50)
  expect(result.oracle.directMsP50).toBeGreaterThan(20)
  expect(result.getSuccess).toBeGreaterThan(0.98)
})

test('next to nothing is found when nobody can open a link', async () => {
  const result = await unreachable({
    ...small,
    hardFraction: 1,
    blockedFraction: 1,
    values: 20,
    gets: 200,
    spanMs: 10_000,
  })
  expect(result).toMatchObject({ hard: 40, blockedPairs: 1, linksOfHardP50: 0 })
  // What an author has kept itself.
  expect(result.getSuccess).toBeLessThan(0.2)
})
