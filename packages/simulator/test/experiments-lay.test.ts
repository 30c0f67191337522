import { bucketIndex, type Id, idBits, idFromHex } from '@kadrtc/kademlia'
import { expect, test } from 'vitest'
import { growSwarm } from '../src/experiments/grow.js'
import { laySwarm, laySwarmInOrder } from '../src/experiments/lay.js'
import { median, sum } from '../src/experiments/measure.js'
import { measureRouting } from '../src/experiments/routing.js'
import { nearestLinks } from '../src/invariants.js'

const options = { seed: 3, nodes: 120, settings: { k: 8 }, settleMs: 90_000, unconnectable: 0 }
const sizes = { keys: 20, getsPerKey: 3, valueBytes: 100 }

for (const [how, lay] of [
  ['at once', laySwarm],
  ['in the order of ids', laySwarmInOrder],
] as const) {
  test(`a network that is laid ${how} is whole, and as good as a grown one`, async () => {
    const [laid, grown] = [await lay(options), await growSwarm(options)]
    expect(nearestLinks(laid)).toEqual([])
    const [ofLaid, ofGrown] = [await measureRouting(laid, sizes), await measureRouting(grown, sizes)]
    expect(ofLaid.gets.every(({ found }) => found)).toBe(true)
    expect(ofLaid.recall).toBeGreaterThanOrEqual(0.99)
    const apart = (of: (result: typeof ofLaid) => number) => Math.abs(of(ofLaid) / of(ofGrown) - 1)
    // With other seeds 0.04, 0.04 and 0.2 at most.
    expect(apart(({ links }) => median(links))).toBeLessThan(0.1)
    expect(apart(({ hops }) => sum(hops) / hops.length)).toBeLessThan(0.1)
    expect(apart(({ gets }) => median(gets.map(({ ms }) => ms)))).toBeLessThan(0.3)
  })
}

test('a network that is laid in the order of ids begins with the links that it keeps', async () => {
  // Links on trial are not what is counted here.
  const settings = { ...options.settings, trialIntervalMs: 3_600_000 }
  const swarm = await laySwarmInOrder({ ...options, settings, settleMs: 2_000 })
  expect(swarm.nodes).toHaveLength(options.nodes)
  expect(nearestLinks(swarm)).toEqual([])
  const opened = swarm.network.counters.linksOpened
  await swarm.clock.advance(options.settleMs)
  expect(swarm.network.counters.linksOpened / opened).toBeLessThan(1.05)
})

test('the links that are laid lead to fast nodes, and into both halves of the farthest bucket', async () => {
  const { nodes, network } = await laySwarm({ ...options, settleMs: 0 })
  const farthest = idBits - 1
  const far = nodes.map(({ id }) =>
    nodes.map((other) => other.id).filter((other) => bucketIndex(id, other) === farthest),
  )
  const linked = nodes.map((node) =>
    node
      .inspect()
      .links.filter(({ bucket }) => bucket === farthest)
      .map(({ peer }) => idFromHex(peer)),
  )
  for (const peers of linked) expect(new Set(peers.map((peer) => peer[0]! & 0x40)).size).toBe(2)
  const meanMs = (peersOf: readonly Id[][]) =>
    sum(nodes.flatMap(({ id }, i) => peersOf[i]!.map((peer) => network.latencyMs(id, peer)))) /
    peersOf.flat().length
  expect(meanMs(linked) / meanMs(far)).toBeLessThan(0.8)
})

test('the longer a network stands, the faster are the links into its far buckets', async () => {
  const { nodes, clock } = await growSwarm({ ...options, settleMs: 5_000 })
  const farMs = () => {
    const far = nodes.flatMap((node) => node.inspect().links.filter(({ bucket }) => bucket >= idBits - 2))
    return sum(far.map(({ rttMs }) => rttMs ?? Number.NaN)) / far.length
  }
  const whenYoung = farMs()
  await clock.advance(600_000)
  expect(farMs() / whenYoung).toBeLessThan(0.9)
})
