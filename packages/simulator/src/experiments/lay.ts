/**
 * A large network in little time. Growing one is true to life and costs some 700 messages a node, most of them for links that
 * the next doubling makes needless. Here nodes begin by the thousand, with the links that growth would have left them: to
 * their k nearest, and in each farther bucket to the fastest of some nodes met by chance. From then on it is the
 * node's own code that keeps, replaces and releases links. How much a laid network resembles a grown one is a test
 * (experiments-lay.test.ts) and a table in the README.
 */
import { commonPrefixLength, type Id, idKey } from '@kadrtc/kademlia'
import { Oracle } from '../oracle.js'
import type { SeededRandom } from '../seeded-random.js'
import type { VirtualTransport } from '../virtual-transport.js'
import { emptySwarm, type GrowOptions, growSwarm, type Swarm } from './grow.js'

/** Of each farther bucket, met while the network grew. With 6 the gets of 1,000 laid nodes take as long as those of grown ones. */
const metPerBucket = 6
/** Nodes begin this far apart: their timers are not to fire together. */
const beginEveryMs = 1
/** So many begin within a second, and the next ones later: who begins asks around, which takes memory while it lasts. */
const laidAtOnceMost = 10_000
const betweenWavesMs = 5_000

export async function laySwarm(options: GrowOptions, laidAtOnce = laidAtOnceMost): Promise<Swarm> {
  const swarm = emptySwarm(options)
  const random = swarm.random.fork('laying')
  const transports = new Map<string, VirtualTransport>()
  while (transports.size < options.nodes) {
    if (transports.size > 0) await swarm.clock.advance(betweenWavesMs)
    const wave = Math.min(options.nodes - transports.size, laidAtOnce)
    await layWave(swarm, transports, wave, random, options.onProgress)
  }
  await swarm.clock.advance(options.settleMs ?? 120_000)
  return swarm
}

/** Adds nodes with links to those who are near among all that there are now. Resolves when all have started. */
async function layWave(
  swarm: Swarm,
  transports: Map<string, VirtualTransport>,
  count: number,
  random: SeededRandom,
  onProgress: GrowOptions['onProgress'],
): Promise<void> {
  const laid = transports.size
  const started: Promise<unknown>[] = []
  for (let i = 0; i < count; i++) {
    const { member, started: start } = swarm.add()
    started.push(start)
    transports.set(idKey(member.node.id), member.ports.transport as VirtualTransport)
  }
  const { k, linksPerBucket } = swarm.nodes[0]!.settings
  const ids = swarm.nodes.map(({ id }) => id)
  const oracle = new Oracle({
    ids,
    latencyMs: (from, to) => swarm.network.latencyMs(from, to),
    random,
    k,
    linksPerBucket,
    alpha: 1,
    dialRoundTrips: 0,
  })
  const lay = (a: Id, b: Id) => {
    const [from, to] = [transports.get(idKey(a))!, transports.get(idKey(b))!]
    if (from.isLinkedTo(b) || to.isLinkedTo(a)) return
    const dialId = swarm.network.newDialId()
    to.agree(a, dialId)
    swarm.network.open(from, b, dialId)
  }
  for (let index = laid; index < ids.length; index++) {
    const id = ids[index]!
    const siblings = oracle.closest(id, k + 1).filter((other) => other !== id)
    const farthest = siblings.at(-1)
    for (const sibling of siblings) lay(id, sibling)
    const farBuckets = siblings.length < k || !farthest ? 0 : commonPrefixLength(id, farthest)
    for (let prefix = 0; prefix < farBuckets; prefix++) {
      const met = oracle.inBucket(id, prefix, metPerBucket, random)
      const rtts = met.map((other) => ({ other, ms: oracle.roundTripMs(id, other) }))
      rtts.sort((a, b) => a.ms - b.ms)
      for (const { other } of rtts.slice(0, linksPerBucket)) lay(id, other)
    }
    if (index % 10 === 9) await swarm.clock.advance(beginEveryMs)
    if (index % 500 === 499) onProgress?.(index + 1, swarm)
  }
  await swarm.run(Promise.all(started))
}

/** Beyond this many nodes growing takes minutes, and more with every node. */
const grownMost = 2_000

/** A warm network: grown where that is quick, laid where it is not. */
export function warmSwarm(options: GrowOptions): Promise<Swarm> {
  return options.nodes > grownMost ? laySwarm(options) : growSwarm(options)
}
