/**
 * Half of all nodes die within a second: which values can still be read. Every one is asked for at once, by a random
 * survivor, and again until a minute has passed; what has not been read by then is lost.
 *
 *     const { lost } = await massDeparture({ seed: 7, nodes: 2_000, values: 10_000 })
 */
import { type Id, idToHex, keyIdOf } from '@kadrtc/kademlia'
import type { SeededRandom } from '../seeded-random.js'
import { type GrowOptions, growSwarm, type Swarm } from './grow.js'
import { spread } from './hot-key.js'
import { inBatches, sum } from './measure.js'
import { heldKeys } from './routing.js'

export interface MassDepartureOptions {
  readonly values?: number
  readonly valueBytes?: number
  /** How many nodes of 1 depart. Default: half of them. */
  readonly fraction?: number
  /** Departures are spread over this time. Default: a second. */
  readonly withinMs?: number
  /** A value that cannot be read so long after the last departure is lost. Default: a minute. */
  readonly patienceMs?: number
}

export interface MassDepartureResult {
  readonly values: number
  readonly departed: number
  /** Not readable by the end. */
  readonly lost: number
  /** Of the lost ones those of which no copy was left when the last node had gone: nobody could have read them. */
  readonly lostWithoutCopy: number
  /** Values of which no living node had a copy right after the departures. */
  readonly withoutCopy: number
  /** Read by the first get, right after the departures. */
  readonly readAtOnce: number
  /** Mean number of living nodes that have a value: before, right after, and at the end. */
  readonly copiesBefore: number
  readonly copiesAfter: number
  readonly copiesAtEnd: number
}

/** Between two gets of one value. */
const retryMs = 2_000

export async function massDeparture(
  options: GrowOptions & MassDepartureOptions,
): Promise<MassDepartureResult> {
  return measureMassDeparture(await growSwarm(options), options)
}

export async function measureMassDeparture(
  swarm: Swarm,
  options: MassDepartureOptions = {},
): Promise<MassDepartureResult> {
  const { values = 10_000, valueBytes = 1_024, fraction = 0.5 } = options
  const { withinMs = 1_000, patienceMs = 60_000 } = options
  const random = swarm.random.fork('mass departure')
  const keys = await putValues(swarm, { values, valueBytes, random })
  const before = await copiesOf(swarm, keys)

  const members = swarm.members.filter(({ state }) => state === 'up')
  const departing = random.sample(members, Math.floor(members.length * fraction))
  for (const { index } of departing) {
    swarm.clock.setTimer(withinMs * random.fraction(), () => swarm.crash(index))
  }
  await swarm.clock.advance(withinMs)

  const after = await copiesOf(swarm, keys)
  const endMs = swarm.clock.elapsedMs + patienceMs
  const reads = await readUntil(swarm, keys, endMs, random)
  await swarm.clock.advance(Math.max(0, endMs - swarm.clock.elapsedMs))
  const atEnd = await copiesOf(swarm, keys)
  return {
    values: keys.length,
    departed: departing.length,
    lost: reads.filter((tries) => tries === undefined).length,
    lostWithoutCopy: reads.filter((tries, index) => tries === undefined && after[index] === 0).length,
    withoutCopy: after.filter((copies) => copies === 0).length,
    readAtOnce: reads.filter((tries) => tries === 1).length,
    copiesBefore: sum(before) / keys.length,
    copiesAfter: sum(after) / keys.length,
    copiesAtEnd: sum(atEnd) / keys.length,
  }
}

export interface PutValuesOptions {
  readonly values: number
  readonly valueBytes: number
  readonly random: SeededRandom
  /** How long they live unless they are republished. */
  readonly lifeMs?: number
  /** Puts under way at once. */
  readonly atOnce?: number
}

/** Puts values under keys of their own, by random nodes, and waits until holders have seen to the replica sets. */
export async function putValues(swarm: Swarm, options: PutValuesOptions): Promise<Id[]> {
  const { values, valueBytes, random, lifeMs, atOnce = 400 } = options
  const { nodes } = swarm
  const keys = Array.from({ length: values }, (_, index) => keyIdOf(`${swarm.seed} value ${index}`))
  const life = lifeMs === undefined ? {} : { lifeMs }
  const puts = keys.map((key) => async () => {
    const content = { value: random.bytes(valueBytes), format: 0 }
    await random.pick(nodes).records.put(key, content, life)
  })
  await inBatches(swarm, puts, atOnce)
  await swarm.clock.advance(30_000)
  return keys
}

/** How many living nodes have each key's record in their store. */
export async function copiesOf(swarm: Swarm, keys: readonly Id[]): Promise<number[]> {
  const copies = new Map(keys.map((key) => [idToHex(key), 0]))
  for (const held of (await heldKeys(swarm)).values()) {
    for (const key of held) {
      const count = copies.get(key)
      if (count !== undefined) copies.set(key, count + 1)
    }
  }
  return [...copies.values()]
}

/**
 * Asks for every key, within a second, each time by another random node, again and again until it is read or time is up.
 * Gives the number of gets that each took; undefined: it was not read.
 */
export async function readUntil(
  swarm: Swarm,
  keys: readonly Id[],
  endMs: number,
  random: SeededRandom,
): Promise<(number | undefined)[]> {
  const { clock } = swarm
  const { nodes } = swarm
  const read = async (key: Id): Promise<number | undefined> => {
    for (let tries = 1; ; tries++) {
      const timeoutMs = Math.max(1, Math.min(15_000, endMs - clock.elapsedMs))
      const record = await random
        .pick(nodes)
        .records.get(key, { timeoutMs })
        .catch(() => undefined)
      if (record) return tries
      if (clock.elapsedMs + retryMs >= endMs) return undefined
      await new Promise<void>((resolve) => clock.setTimer(retryMs, resolve))
    }
  }
  return spread(swarm, keys.length, 1_000, (index) => read(keys[index]!))
}
