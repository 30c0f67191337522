/** Records that are forged, foreign or out of bounds are kept by nobody. */
import type { KadRecord, SignedRecord } from '@kadrtc/kademlia'
import { describe, expect, test } from 'vitest'
import { hourMs, key, lie, scene } from './hostile-scene.js'
import { author, content, signed } from './made-records.js'
import { said, swarm, text } from './swarm.js'

describe('records that are not what they say', () => {
  const forgeries: [name: string, status: string, record: (nowMs: number) => KadRecord][] = [
    ['a signature of nobody', 'invalid', (now) => ({ ...good(now), signature: new Uint8Array(64) })],
    ['another value than was signed', 'invalid', (now) => ({ ...good(now), value: Uint8Array.of(6) })],
    [
      'another key than was signed',
      'invalid',
      (now) => ({ ...signed({ ...fields(now), key: 'else' }), keyId: key }),
    ],
    ['another author', 'invalid', (now) => ({ ...good(now), author: author('else').publicKey })],
    ['a higher sequence number', 'invalid', (now) => ({ ...good(now), seq: now + 1 })],
    ['a longer life', 'invalid', (now) => ({ ...good(now), expiresAtMs: now + 2 * hourMs })],
    ['a signature for another network', 'invalid', (now) => signed({ ...fields(now), network: 'else' })],
    ['a tombstone with a value', 'invalid', (now) => signed({ ...fields(now), deleted: true })],
    [
      'content of another hash',
      'invalid',
      (now) => ({ ...content(Uint8Array.of(1), now + hourMs), keyId: key }),
    ],
    [
      'a sequence number of next week',
      'future-seq',
      (now) => signed({ ...fields(now), seq: now + 168 * hourMs }),
    ],
    ['a life of eight days', 'invalid', (now) => signed({ ...fields(now), expiresAtMs: now + 192 * hourMs })],
    ['a life that is over', 'expired', (now) => signed({ ...fields(now), expiresAtMs: now - 1 })],
  ]
  const fields = (nowMs: number) => ({ seq: nowMs, expiresAtMs: nowMs + hourMs, value: Uint8Array.of(7) })
  const good = (nowMs: number): SignedRecord => signed(fields(nowMs))

  test.each(forgeries)('%s is not stored (%s)', async (_name, status, forge) => {
    const { cluster, node, raw, tell, expectUnharmed } = await scene(undefined, 3)
    const record = forge(cluster.clock.now())
    for (const cached of [false, true]) {
      const [reply] = await tell({ type: 'store', nonce: cached ? 2 : 1, record, cached })
      expect(reply).toMatchObject({ type: 'stored', status })
    }
    expect(node.inspect().records.count).toBe(0)
    expect(await cluster.run(node.records.get(record.keyId))).toBeUndefined()
    expect(raw.closedAs).toBeUndefined()
    await expectUnharmed()
  })

  test('the good one is, which shows that the test can fail', async () => {
    const { cluster, node, tell } = await scene(undefined, 3)
    const record = good(cluster.clock.now())
    expect(await tell({ type: 'store', nonce: 1, record, cached: false })).toMatchObject([
      { status: 'stored' },
    ])
    expect((await cluster.run(node.records.get(key)))?.value).toEqual(Uint8Array.of(7))
  })

  test.each(forgeries.slice(0, 9))(
    '%s in an answer does not mislead a reader',
    async (_name, _status, forge) => {
      const { cluster, node, raw, expectUnharmed } = await scene(swarm({ settings: { k: 3 } }), 5)
      await cluster.run(cluster.node(1).records.put(key, text('true'), { until: 'all' }))
      const record = forge(cluster.clock.now() + 1_000)
      raw.answer = (request) => lie(request, [record])
      for (const reader of cluster.nodes) {
        expect(said(await cluster.run(reader.records.get(key)))).toBe('true')
        expect((await cluster.run(reader.records.getAll(key))).map(said)).toEqual(['true'])
      }
      expect(raw.heard.filter(({ type }) => type === 'find-value').length).toBeGreaterThan(0)
      expect(await cluster.run(node.records.fetch(new Uint8Array(32)))).toBeUndefined()
      await expectUnharmed()
    },
  )

  test('a true record of another key or another author is no answer', async () => {
    const { cluster, node, raw } = await scene()
    const nowMs = cluster.clock.now()
    const elsewhere = signed({ key: 'other', seq: nowMs, expiresAtMs: nowMs + hourMs })
    const byAnna = signed({ seq: nowMs, expiresAtMs: nowMs + hourMs })
    raw.answer = (request) => lie(request, [elsewhere])
    expect(await cluster.run(node.records.get(key))).toBeUndefined()
    raw.answer = (request) => lie(request, [byAnna])
    expect(await cluster.run(node.records.get(key, { author: author('bob').id }))).toBeUndefined()
  })
})
