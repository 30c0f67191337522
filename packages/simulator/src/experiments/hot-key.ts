/**
 * A key that nearly everybody wants: whether its holders carry the load alone. Load is the number of FIND_VALUEs that a
 * node answered, and the ratio that of the busiest node to the mean over all nodes of the network.
 *
 *     const { maxLoadRatio } = await hotKey({ seed: 7, nodes: 1_000 })
 */
import { keyIdOf } from '@kadrtc/kademlia'
import { type GrowOptions, growSwarm, type Swarm } from './grow.js'
import { inBatches, quantile, sum, timed } from './measure.js'
import { OracleSample, type OracleTimes } from './oracle-sample.js'

export interface HotKeyOptions {
  readonly gets?: number
  /** Virtual time over which the gets are spread. */
  readonly spanMs?: number
  /** How many gets of 1 go to the one key. */
  readonly hotFraction?: number
  /** The others are spread evenly over so many keys. */
  readonly otherKeys?: number
  readonly valueBytes?: number
}

export interface HotKeyResult {
  readonly gets: number
  readonly found: number
  /** FIND_VALUEs answered by each node during the gets. */
  readonly served: readonly number[]
  /** The busiest node's over the mean of all nodes of the network. */
  readonly maxLoadRatio: number
  /** The busiest node's over the mean of those nodes that answered at least one. */
  readonly maxToMeanOfServing: number
  /** Nodes that answered at least one. */
  readonly serving: number
  readonly getMsP50: number
  readonly getMsP99: number
  /** Of a sample of the gets, as if nobody but the owner had the value. */
  readonly oracle: OracleTimes
}

export async function hotKey(options: GrowOptions & HotKeyOptions): Promise<HotKeyResult> {
  return measureHotKey(await growSwarm(options), options)
}

export async function measureHotKey(swarm: Swarm, options: HotKeyOptions = {}): Promise<HotKeyResult> {
  const { gets = 20_000, spanMs = 60_000, hotFraction = 0.9, otherKeys = 200, valueBytes = 1_024 } = options
  const random = swarm.random.fork('hot key')
  const { nodes } = swarm
  const hot = keyIdOf(`${swarm.seed} hot`)
  const others = Array.from({ length: otherKeys }, (_, i) => keyIdOf(`${swarm.seed} cold ${i}`))
  const value = random.bytes(valueBytes)
  const puts = [hot, ...others].map((key) => () => random.pick(nodes).records.put(key, { value, format: 0 }))
  await inBatches(swarm, puts)
  await swarm.clock.advance(10_000)

  const servedBy = () => nodes.map((node) => node.inspect().counters.findValue ?? 0)
  const before = servedBy()
  const sample = new OracleSample(swarm, { of: gets })
  const ids = nodes.map(({ id }) => id)
  const outcomes = await spread(swarm, gets, spanMs, () => {
    const key = random.fraction() < hotFraction || others.length === 0 ? hot : random.pick(others)
    const reader = random.pick(nodes)
    sample.note(reader.id, key, () => ids)
    return timed(swarm, () => reader.records.get(key))
  })
  const served = servedBy().map((count, index) => count - before[index]!)
  const serving = served.filter((count) => count > 0).length
  const most = Math.max(...served)
  const found = outcomes.filter((outcome) => outcome.value !== undefined)
  const tookMs = found.map(({ ms }) => ms)
  return {
    gets,
    found: found.length,
    served,
    maxLoadRatio: most / (sum(served) / nodes.length),
    maxToMeanOfServing: most / (sum(served) / serving),
    serving,
    getMsP50: quantile(tookMs, 0.5),
    getMsP99: quantile(tookMs, 0.99),
    oracle: sample.result(),
  }
}

/** Begins `count` acts, evenly over `spanMs` of virtual time, and gives what they resolved with. */
export function spread<T>(
  swarm: Swarm,
  count: number,
  spanMs: number,
  act: (index: number) => Promise<T>,
): Promise<T[]> {
  const begin = (index: number) =>
    new Promise<T>((resolve, reject) => {
      swarm.clock.setTimer((index * spanMs) / count, () => act(index).then(resolve, reject))
    })
  const all = Promise.all(Array.from({ length: count }, (_, index) => begin(index)))
  return swarm.run(all, spanMs + 300_000)
}
