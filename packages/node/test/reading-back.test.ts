/** What soaks have found in reads, as small as it gets: each test failed when it was written. */
import type { KadRecord } from '@kadrtc/kademlia'
import { expect, test } from 'vitest'
import { hourMs, key, scene } from './hostile-scene.js'
import { signed } from './made-records.js'

test('when the newest version has expired a reader who saw it is not taken back to an older one', async () => {
  const { cluster, node, tell } = await scene()
  const nowMs = cluster.clock.now()
  let nonce = 0
  const store = (record: KadRecord) => tell({ type: 'store', nonce: ++nonce, record, cached: false })
  await store(signed({ seq: nowMs + 1, expiresAtMs: nowMs + 5_000 }))
  const read = () => cluster.run(node.records.get(key))
  expect((await read())?.seq).toBe(nowMs + 1)
  await cluster.clock.advance(6_000)
  expect(await read()).toBeUndefined()
  // A replica had missed it, and kept what came before.
  await store(signed({ seq: nowMs, expiresAtMs: nowMs + hourMs }))
  expect(await read()).toBeUndefined()
  expect((await cluster.run(cluster.node(1).records.get(key)))?.seq).toBe(nowMs)
})
