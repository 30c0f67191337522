/** Records that are forged, foreign or out of bounds are kept by nobody. */
import type { KadRecord, SignedRecord } from '@kadrtc/kademlia'
import { decodeMessage, encodeMessage, recordVersion } from '@kadrtc/wire'
import { describe, expect, test } from 'vitest'
import { hourMs, key, lie, scene } from './hostile-scene.js'
import { author, content, signed } from './made-records.js'
import { RawPeer } from './raw-peer.js'
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
    const record = forge(cluster.clock.wallMs())
    for (const cached of [false, true]) {
      const [reply] = await tell({ type: 'store', nonce: cached ? 2 : 1, record, cached })
      expect(reply).toMatchObject({ type: 'stored', status })
    }
    expect(node.inspect().records.count).toBe(0)
    expect(await cluster.run(node.records.get(record.keyId))).toBeUndefined()
    expect(raw.closedAs).toBeUndefined()
    await expectUnharmed()
  })

  test('a forged one is not taken for the one that is held, though it has the same version', async () => {
    const { cluster, node, tell } = await scene()
    const held = good(cluster.clock.wallMs())
    expect(await tell({ type: 'store', nonce: 1, record: held, cached: false })).toMatchObject([
      { status: 'stored' },
    ])
    await cluster.clock.advance(20_000)
    const wanted = recordVersion(held)
    // Two bytes of a version come of the signature.
    const signature = new Uint8Array(64)
    const forged = { ...held, value: new Uint8Array(60_000), signature }
    for (let number = 0; !recordVersion(forged).every((byte, i) => byte === wanted[i]); number++)
      new DataView(signature.buffer).setUint32(0, number)
    const before = node.inspect().counters.relayed
    for (const record of [forged, held]) {
      const nonce = record === held ? 2 : 3
      const [reply] = await tell({ type: 'store', nonce, record, cached: false, spread: true })
      expect(reply).toMatchObject({ status: record === held ? 'same' : 'invalid' })
      if (record === forged) expect(node.inspect().counters.relayed).toBe(before)
    }
    expect(node.inspect().counters.relayed).toBeGreaterThan(before!)
  })

  test('the good one is, which shows that the test can fail', async () => {
    const { cluster, node, tell } = await scene(undefined, 3)
    const record = good(cluster.clock.wallMs())
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
      const record = forge(cluster.clock.wallMs() + 1_000)
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
    const nowMs = cluster.clock.wallMs()
    const elsewhere = signed({ key: 'other', seq: nowMs, expiresAtMs: nowMs + hourMs })
    const byAnna = signed({ seq: nowMs, expiresAtMs: nowMs + hourMs })
    raw.answer = (request) => lie(request, [elsewhere])
    expect(await cluster.run(node.records.get(key))).toBeUndefined()
    raw.answer = (request) => lie(request, [byAnna])
    expect(await cluster.run(node.records.get(key, { author: author('bob').id }))).toBeUndefined()
  })
})

test('an old version that somebody leaves with all nodes is read by nobody', async () => {
  const cluster = swarm({ settings: { k: 8 }, seed: 3 })
  await cluster.grow(40)
  await cluster.clock.advance(60_000)
  const writer = cluster.node(5)
  await cluster.run(writer.records.put(key, text('old'), { until: 'all' }))
  const record = (await cluster.run(cluster.node(7).records.get(key)))!
  await cluster.run(writer.records.put(key, text('new'), { until: 'all' }))
  await cluster.clock.advance(60_000)
  const raw = await RawPeer.dial(cluster, 0)
  const body = encodeMessage({ type: 'store', nonce: 1, record, cached: true })
  for (const reader of cluster.nodes.filter((_, index) => index !== 7)) {
    raw.sendBody(body)
    for (const { id } of cluster.nodes) {
      raw.sendPacket({ kind: 'toward', target: id, exact: true, hopsLeft: 15, path: [], body })
    }
    await cluster.clock.advance(600)
    expect(said(await cluster.run(reader.records.get(key)))).toBe('new')
  }
})

test('of content anybody may leave a copy on the way, and of no signed record', async () => {
  const { cluster, raw } = await scene(swarm({ settings: { k: 2 } }), 12)
  const nowMs = cluster.clock.wallMs()
  const record = content(Uint8Array.of(1), nowMs + hourMs)
  const old = signed({ by: raw.identity, keyId: record.keyId, seq: nowMs, expiresAtMs: nowMs + hourMs })
  let nonce = 0
  // Over a relay, as readers leave it.
  const relayed = async (given: KadRecord) => {
    const target = cluster.node(5).id
    const body = encodeMessage({ type: 'store', nonce: ++nonce, cached: true, record: given })
    raw.packets.length = 0
    raw.sendPacket({ kind: 'toward', target, exact: true, hopsLeft: 15, path: [], body })
    await cluster.clock.advance(500)
    return raw.packets
      .map((packet) => decodeMessage(packet.body).message)
      .find(({ type }) => type === 'stored')
  }
  expect(await relayed(record)).toMatchObject({ status: 'stored' })
  expect(await relayed(old)).toMatchObject({ status: 'not-near' })
  expect(cluster.node(5).inspect().records.count).toBe(1)
})
