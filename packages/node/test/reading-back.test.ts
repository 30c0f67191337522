/** What soaks have found in reads, as small as it gets: each test failed when it was written. */
import type { KadRecord } from '@kadrtc/kademlia'
import { expect, test } from 'vitest'
import { hourMs, key, scene } from './hostile-scene.js'
import { author, signed } from './made-records.js'

test('when the newest version has expired a reader who saw it is not taken back to an older one', async () => {
  const { cluster, node, tell } = await scene()
  const nowMs = cluster.clock.wallMs()
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

test('who has a copy of one author’s record is no holder of all that is under the key', async () => {
  const { cluster, tell } = await scene(undefined, 1)
  const expiresAtMs = cluster.clock.wallMs() + hourMs
  const record = signed({ by: author('anna'), seq: cluster.clock.wallMs(), expiresAtMs })
  await tell({ type: 'store', nonce: 1, record, cached: true })
  const records = async (nonce: number, all: boolean) => {
    const [reply] = await tell({ type: 'find-value', nonce, keyId: key, all })
    return reply?.type === 'value' ? reply.records.length : undefined
  }
  expect(await records(2, false)).toBe(1)
  expect(await records(3, true)).toBe(0)
  await tell({ type: 'store', nonce: 4, record, cached: false })
  expect(await records(5, true)).toBe(1)
})
