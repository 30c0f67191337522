/** What the command says a get could take, beside the oracle asked for itself. */
import { keyIdOf } from '@kadrtc/kademlia'
import { KadNode } from '@kadrtc/node'
import { Cluster, type LatencyModel, latencyPlane, Oracle, SeededRandom } from '@kadrtc/simulator'
import { expect, test } from 'vitest'
import { Ideal, idealEvery } from '../command/ideal.js'

const latency: LatencyModel = latencyPlane(new SeededRandom(3))
const key = keyIdOf('key')

/** Nodes that are never started: an oracle looks at their ids only. */
function clusterOf(nodes: number): Cluster<KadNode> {
  const cluster = new Cluster<KadNode>({ seed: 7, createNode: (ports) => new KadNode(ports) })
  for (let i = 0; i < nodes; i++) cluster.add()
  return cluster
}

const oracleOf = (cluster: Cluster<KadNode>) =>
  new Oracle({
    ids: cluster.nodes.map(({ id }) => id),
    latencyMs: latency,
    random: cluster.random.fork('ideal'),
    k: 20,
    linksPerBucket: 3,
    alpha: 3,
    dialRoundTrips: 5,
  })

test('the ideal is what the oracle says of those that are up at that moment', () => {
  const cluster = clusterOf(150)
  const ideal = new Ideal(cluster, latency)
  const node = cluster.node(3)
  const asked = () => {
    const oracle = oracleOf(cluster)
    const { greedyMs, dialingMs } = ideal.of(node, key)
    expect(greedyMs).toBe(oracle.greedy(node.id, key).ms)
    expect(dialingMs).toBe(oracle.dialing(node.id, key))
    return greedyMs
  }
  const before = asked()
  expect(asked()).toBe(before)
  // The owner, and all that are near it, crash.
  const near = oracleOf(cluster).closest(key, 40)
  cluster.crashMany(cluster.members.filter(({ node: { id } }) => near.includes(id)).map(({ index }) => index))
  cluster.crash(3)
  expect(asked()).not.toBe(before)
})

test('of many gets among many nodes it is worked out for some', () => {
  expect(idealEvery(50, 1_000)).toBe(1)
  expect(idealEvery(500, 1_000)).toBe(5)
  expect(idealEvery(500, 10_000)).toBe(5)
  expect(idealEvery(500, 100_000)).toBe(50)
})
