/**
 * A short life of a small network with a bit of everything in it: jitter, churn, a partition that heals, puts and
 * gets. Two engines that give the same digest for a seed agree about every message of it, byte for byte and to
 * the microsecond.
 */
import { type Id, keyIdOf } from '@kadrtc/kademlia'
import { KadNode } from '@kadrtc/node'
import { Churn } from './churn/churn.js'
import { weibull } from './churn/session-lengths.js'
import { Cluster } from './cluster.js'
import { latencyPlane } from './latency-plane.js'

export interface Replay {
  /** Of everything that happened on the network. */
  readonly digest: string
  readonly events: number
  readonly departures: number
  /** Gets that found the value, of `gets`. */
  readonly found: number
  readonly gets: number
}

const size = 24
const keys = Array.from({ length: 8 }, (_, i) => `replayed ${i}`)

export async function replayScenario(seed: string | number): Promise<Replay> {
  const cluster = new Cluster({
    seed,
    createNode: (ports) => new KadNode(ports),
    start: (node) => node.start({ allowAlone: true }),
    stop: (node) => node.close(),
    latency: (random) => latencyPlane(random, { jitter: 0.2 }),
  })
  for (let grown = 0; grown < size; grown += 8) {
    await cluster.run(Promise.all(Array.from({ length: 8 }, () => cluster.add().started)))
  }
  await cluster.clock.advance(20_000)
  for (const key of keys) {
    const value = cluster.random.bytes(100)
    await cluster.run(cluster.pick().records.put(keyIdOf(key), { value, format: 0 }))
  }
  const lengths = weibull({ meanMs: 120_000, shape: 0.6 })
  const churn = new Churn(cluster, { lengths, crashFraction: 0.7 })
  churn.start()
  let found = await getAll(cluster)
  const isLow = (id: Id) => id[0]! < 128
  cluster.network.cut((from, to) => isLow(from) !== isLow(to))
  await cluster.clock.advance(20_000)
  found += await getAll(cluster)
  cluster.network.heal()
  await cluster.clock.advance(20_000)
  found += await getAll(cluster)
  churn.stop()
  await cluster.clock.advance(10_000)
  const { trace } = cluster
  const { departures } = churn.counters
  return { digest: trace.digest(), events: trace.events, departures, found, gets: 3 * keys.length }
}

/** How many of the values were found. Under a cut, and for a node that departs meanwhile, a get may fail. */
async function getAll(cluster: Cluster<KadNode>): Promise<number> {
  let found = 0
  for (const key of keys) {
    const get = cluster.pick().records.get(keyIdOf(key), { timeoutMs: 5_000 })
    const outcome = get.then(
      (record) => record !== undefined,
      () => false,
    )
    if (await cluster.run(Promise.race([outcome, after(cluster, 6_000)]))) found++
  }
  return found
}

/** A node that crashes never answers, so that its promises need an end of their own. */
function after(cluster: Cluster<KadNode>, delayMs: number): Promise<false> {
  return new Promise((resolve) => cluster.clock.setTimer(delayMs, () => resolve(false)))
}
