import { compareDistances, idToHex, keyIdOf } from '@kadrtc/kademlia'
import { latencyPlane } from '@kadrtc/simulator'
import { expect, test, vi } from 'vitest'
import { swarm, text } from './swarm.js'

// Seconds, and more on a machine that has other work.
vi.setConfig({ testTimeout: 60_000 })

const size = 60
const k = 6

async function network() {
  const settings = { k, linksMax: 24, linksPerBucket: 2, refreshIntervalMs: 10_000 }
  const cluster = swarm({ settings, latency: (random) => latencyPlane(random) })
  await cluster.grow(size)
  await cluster.clock.advance(60_000)
  return cluster
}

// The last of the k closest may be nodes that the closest one has no link to; and links that are needed no more close at just
// this time, while records are on their way over them. One put in thirty missed somebody.
test('a put brings the record to all of the true k closest, whether it waits for them or for a majority', async () => {
  const cluster = await network()
  for (const until of ['all', 'majority'] as const) {
    const keys = Array.from({ length: 150 }, (_, i) => keyIdOf(`${until} ${i}`))
    const puts = keys.map((key, i) => cluster.node(i % size).records.put(key, text('value'), { until }))
    await cluster.run(Promise.all(puts))
    // Holders begin to see to each other after one and a half seconds.
    if (until === 'majority') await cluster.clock.advance(500)
    const missed = keys.flatMap((key) => {
      const nearestFirst = [...cluster.nodes].sort((a, b) => compareDistances(key, a.id, b.id))
      const isHeld = ({ records }: (typeof nearestFirst)[0]) =>
        [...records.ports.shelf.entries()].some(({ keyId }) => idToHex(keyId) === idToHex(key))
      return nearestFirst.slice(0, k).flatMap((node, rank) => (isHeld(node) ? [] : [`rank ${rank + 1}`]))
    })
    expect(missed, until).toEqual([])
  }
})
