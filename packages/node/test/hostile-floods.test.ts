/** A peer that asks without end is answered within bounds, and others are served meanwhile. */
import { equalIds, idToHex } from '@kadrtc/kademlia'
import { type Identity, KadNode } from '@kadrtc/node'
import { Cluster, type StubIdentity } from '@kadrtc/simulator'
import { decodePacket, encodeMessage, slotHash } from '@kadrtc/wire'
import { describe, expect, test } from 'vitest'
import { hourMs, key, scene } from './hostile-scene.js'
import { author, signed } from './made-records.js'
import { RawPeer } from './raw-peer.js'
import { said, swarm, text } from './swarm.js'

describe('floods', () => {
  /** A cluster whose nodes take a second to verify a signature, as a busy tab would. */
  function slowCluster(counts: { now: number; most: number }) {
    const slow = (identity: StubIdentity, later: (done: () => void) => void): Identity => ({
      publicKey: identity.publicKey,
      id: identity.id,
      sign: (bytes) => identity.sign(bytes),
      verify: (publicKey, bytes, signature) => {
        counts.now += 1
        counts.most = Math.max(counts.most, counts.now)
        return new Promise((resolve) =>
          later(() => {
            counts.now -= 1
            resolve(identity.verify(publicKey, bytes, signature))
          }),
        )
      },
    })
    return new Cluster<KadNode>({
      seed: process.env.SEED ?? 1,
      createNode: (ports) =>
        new KadNode({
          ...ports,
          identity: slow(ports.identity, (done) => ports.clock.setTimer(1_000, done)),
          settings: { pendingPerLinkMax: 16 },
        }),
      start: (node) => node.start(),
      stop: (node) => node.close(),
    })
  }

  test('of stores: no more are verified at once than the bound of the link, the rest are told busy', async () => {
    const counts = { now: 0, most: 0 }
    const cluster = slowCluster(counts)
    await cluster.grow(3)
    // What the nodes verify while they join is over by then.
    await cluster.clock.advance(2_000)
    const raw = await RawPeer.dial(cluster, 0)
    const nowMs = cluster.clock.wallMs()
    for (let i = 0; i < 200; i++) {
      const record = signed({ key: `${i}`, by: raw.identity, seq: nowMs, expiresAtMs: nowMs + hourMs })
      raw.say({ type: 'store', nonce: i, record, cached: false })
    }
    await cluster.clock.advance(500)
    expect(counts.most).toBe(16)
    expect(raw.heard.filter(({ type }) => type === 'error')).toHaveLength(184)
    await cluster.clock.advance(2_000)
    expect(raw.heard.filter(({ type }) => type === 'stored')).toHaveLength(16)
    await cluster.run(cluster.node(1).records.put(key, text('fine'), { until: 'all' }))
    expect(said(await cluster.run(cluster.node(0).records.get(key)))).toBe('fine')
  })

  test('of requests, digests and channels: answered or refused, each in its turn, and the others are served', async () => {
    const { cluster, node, raw, expectUnharmed } = await scene()
    node.on('channel', () => undefined)
    const entries = Array.from({ length: 512 }, (_, i) => ({
      slotHash: slotHash(`${i}`),
      version: new Uint8Array(8),
    }))
    for (let i = 0; i < 60; i++) {
      raw.say({ type: 'digest', nonce: 4 * i, entries })
      raw.say({ type: 'find-node', nonce: 4 * i + 1, target: key })
      raw.say({ type: 'find-value', nonce: 4 * i + 2, keyId: key, all: true })
      raw.say({ type: 'channel-open', nonce: 4 * i + 3, channel: i, label: '' })
    }
    await cluster.clock.advance(1_000)
    const heard = (wanted: string) => raw.heard.filter(({ type }) => type === wanted).length
    expect([heard('wants'), heard('nodes'), heard('value')]).toEqual([60, 60, 60])
    expect(heard('channel-opened')).toBe(node.settings.channelsPerLinkMax)
    expect(heard('error')).toBe(60 - node.settings.channelsPerLinkMax)
    await expectUnharmed()
  })

  test('of packets to relay: the ration passes, the rest is dropped, and others’ packets go on', async () => {
    const settings = { relayedPerSecond: 10, relayedBurst: 20, signalsPerSecond: 1, signalsBurst: 5 }
    const { cluster, raw, expectUnharmed } = await scene(swarm({ settings }))
    const other = cluster.node(3).id
    let relayed = 0
    cluster.network.faults.drop = ({ to, bytes }) => {
      const packet = decodePacket(bytes)
      const isTheirs = packet.kind === 'along' && packet.passed[0] && equalIds(packet.passed[0], raw.id)
      if (isTheirs && idToHex(to) === idToHex(other)) relayed += 1
      return false
    }
    const send = (made: Uint8Array) =>
      raw.sendPacket({ kind: 'along', passed: [], ahead: [other], body: made })
    for (let i = 0; i < 200; i++) send(encodeMessage({ type: 'find-node', nonce: i, target: key }))
    await cluster.clock.advance(1_000)
    expect(relayed).toBeGreaterThanOrEqual(20)
    expect(relayed).toBeLessThanOrEqual(30)
    relayed = 0
    for (let i = 0; i < 50; i++) send(encodeMessage({ type: 'signal', nonce: i, signal: Uint8Array.of(i) }))
    await cluster.clock.advance(1_000)
    expect(relayed).toBeGreaterThanOrEqual(5)
    expect(relayed).toBeLessThanOrEqual(6)
    expect(raw.closedAs).toBeUndefined()
    await expectUnharmed()
  })

  test('of records under one key: the bound of the key holds', async () => {
    const { cluster, node, raw, expectUnharmed } = await scene(swarm({ settings: { recordsPerKeyMax: 8 } }))
    const nowMs = cluster.clock.wallMs()
    for (let i = 0; i < 40; i++) {
      const record = signed({ by: author(`${i}`), seq: nowMs, expiresAtMs: nowMs + hourMs })
      raw.say({ type: 'store', nonce: i, record, cached: i % 2 === 0 })
    }
    await cluster.clock.advance(1_000)
    expect(node.inspect().records.count).toBe(8)
    await expectUnharmed()
  })
})
