/** Messages that nobody asked for, or that speak in another's name, change nothing. */
import { equalIds, type Id, idToHex, keyIdOf, type SignedRecord } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import { type Cluster, SeededRandom } from '@kadrtc/simulator'
import {
  decodeMessage,
  decodePacket,
  encodeMessage,
  isRequest,
  messageTypes,
  type Packet,
  type Reply,
  type Request,
} from '@kadrtc/wire'
import { describe, expect, test } from 'vitest'
import { keyNumber } from './fake-link.js'
import { key, lie, sampleMessages, scene } from './hostile-scene.js'
import { signed } from './made-records.js'
import { RawPeer } from './raw-peer.js'
import { said, swarm, text } from './swarm.js'

describe('replies that nobody asked for, and answers that are nonsense', () => {
  test('unsolicited replies are counted, and change nothing', async () => {
    const { cluster, node, raw, expectUnharmed } = await scene()
    const replies = sampleMessages(cluster, raw).filter(({ type }) => messageTypes[type] >> 5 === 1)
    for (let i = 0; i < 500; i++) raw.say({ ...replies[i % replies.length]!, nonce: i } as Reply)
    await cluster.clock.advance(500)
    expect(node.inspect().counters.lateReplies).toBe(500)
    expect(raw.closedAs).toBeUndefined()
    await expectUnharmed()
  })

  test('a wrong type of answer, a digest answer of the wrong length, a store that never was', async () => {
    const { cluster, raw, expectUnharmed } = await scene(
      swarm({ settings: { k: 3, digestIntervalMs: 1_000 } }),
    )
    for (const type of ['nodes', 'pong', 'stored', 'wants', 'value', 'unreachable'] as const) {
      raw.answer = (request) => {
        const { nonce } = request
        switch (type) {
          case 'pong':
            return { type, nonce, payload: new Uint8Array(0) }
          case 'unreachable':
            return { type, nonce, hop: raw.id }
          case 'wants':
            return { type, nonce, wanted: [] }
          default:
            return lie({ ...request, type: askedBy[type], records: [] } as never, [])
        }
      }
      await expectUnharmed()
      await cluster.clock.advance(2_000)
    }
    raw.answer = (request) => lie(request, [])
    await cluster.clock.advance(5_000)
    await expectUnharmed()
  })
  const askedBy = { nodes: 'find-node', stored: 'store', value: 'find-value' } as const

  test('invented contacts cost a few dials, no honest link, and no newcomer its place', async () => {
    const { cluster, node, raw, expectUnharmed } = await scene(
      swarm({ settings: { k: 4, refreshIntervalMs: 5_000 } }),
      6,
      'node',
    )
    let invented = 0
    const fresh = () => Array.from({ length: 20 }, () => keyNumber(invented++).id)
    raw.answer = (request) => lie(request, [], fresh())
    for (let second = 0; second < 30; second++) {
      await cluster.clock.advance(1_000)
      expect(node.inspect().dialling).toBeLessThanOrEqual(node.settings.dialsMax)
    }
    expect(invented).toBeGreaterThan(40)
    await expectUnharmed()
    await cluster.grow(1)
    await cluster.clock.advance(30_000)
    expect(said(await cluster.run(cluster.node(6).records.get(keyIdOf('round 1'))))).toBe('value 1')
    expect(cluster.node(6).status).toBe('joined')
  })
})

describe('signals and packets in another’s name', () => {
  test('signals that are forged, late or nonsense open no link and close none', async () => {
    const { cluster, raw, expectUnharmed } = await scene()
    const victim = cluster.node(2)
    const links = cluster.network.counters.linksOpened
    const random = new SeededRandom('signals')
    for (let i = 0; i < 60; i++) {
      const signal = i % 3 === 0 ? random.bytes(40) : Uint8Array.of(0x76, i % 5, ...random.bytes(8))
      const made = encodeMessage({ type: 'signal', nonce: i, signal })
      raw.sendBody(made)
      raw.sendPacket({ kind: 'along', passed: [victim.id], ahead: [], body: made })
      raw.sendPacket({ kind: 'along', passed: [keyNumber(i).id], ahead: [], body: made })
      raw.sendPacket({
        kind: 'toward',
        target: victim.id,
        exact: true,
        hopsLeft: 9,
        path: [cluster.node(4).id],
        body: made,
      })
    }
    await cluster.clock.advance(20_000)
    expect(cluster.network.counters.linksOpened).toBe(links)
    await expectUnharmed()
  })

  test('a question in another’s name sends it no large answers', async () => {
    const { cluster, raw, expectUnharmed } = await scene()
    const victim = cluster.node(1)
    const record = { value: new Uint8Array(65_536), format: 0 }
    await cluster.run(cluster.node(2).records.put(keyIdOf('large'), record, { until: 'all' }))
    const before = victim.inspect().counters.lateReplies!
    const inItsName = { kind: 'along', passed: [victim.id], ahead: [] } as const
    raw.packets.length = 0
    for (let nonce = 1; nonce <= 10; nonce++) {
      const body = encodeMessage({ type: 'find-value', nonce, keyId: keyIdOf('large'), all: false })
      raw.sendPacket({ ...inItsName, body })
    }
    await cluster.clock.advance(3_000)
    expect(victim.inspect().counters.lateReplies).toBe(before)
    // Whoever asked has them.
    const answers = raw.packets.filter(({ body }) => decodeMessage(body).message.type === 'value')
    expect(answers).toHaveLength(10)
    await expectUnharmed()
  })

  test('goodbye and release end the peer’s own link, and nothing more', async () => {
    for (const type of ['goodbye', 'release'] as const) {
      const { cluster, raw, unlinked, expectUnharmed } = await scene(
        swarm({ settings: { greetingMs: 1, k: 1, linksPerBucket: 1 } }),
        3,
      )
      await cluster.clock.advance(1_000)
      raw.say({ type })
      await cluster.clock.advance(100)
      const answered = raw.heard.some((heard) => heard.type === 'keep')
      expect(raw.closedAs !== undefined || answered).toBe(true)
      expect(unlinked.every(({ peer }) => peer === idToHex(raw.id))).toBe(true)
      await expectUnharmed()
    }
  })
})

describe('a relay that changes what it passes on', () => {
  /** Nodes 0 and 1 have no link but those to the relay; it answers for itself, and node 1 gets what `twist` makes of node 0's requests. */
  async function between(twist: (request: Request, relay: RawPeer) => Request) {
    const cluster = swarm({ allowAlone: true })
    cluster.network.faults.canConnect = () => false
    await cluster.grow(2)
    const [a, b] = [cluster.node(0).id, cluster.node(1).id]
    const isEnd = (id: Id) => equalIds(id, a) || equalIds(id, b)
    cluster.network.faults.canConnect = (one, other) => !(isEnd(one) && isEnd(other))
    const toA = await RawPeer.dial(cluster, 0)
    const toB = await toA.again(cluster, 1)
    const onward = (packet: Extract<Packet, { kind: 'along' }>, from: Id) => ({
      ...packet,
      passed: [...packet.passed, from],
      ahead: packet.ahead.slice(1),
    })
    let twisted = 0
    toA.link.onMessage((bytes: Uint8Array) => {
      const packet = decodePacket(bytes)
      const { message } = decodeMessage(packet.body)
      if (!isRequest(message)) return
      const reply = packet.kind === 'along' ? undefined : lie(message, [], [b])
      if (reply) toA.say(reply)
      if (packet.kind !== 'along') return
      const asked = twist(message, toA)
      if (asked !== message) twisted += 1
      toB.sendPacket({ ...onward(packet, a), body: encodeMessage(asked) })
    })
    toB.link.onMessage((bytes: Uint8Array) => {
      const packet = decodePacket(bytes)
      if (packet.kind === 'along') toA.sendPacket(onward(packet, b))
    })
    return { cluster, node: cluster.node(0), relay: toA, twisted: () => twisted }
  }

  const putByNode0 = (cluster: Cluster<KadNode>) =>
    cluster.run(cluster.node(0).records.put(key, text('mine'), { until: 'all' }))

  test('one that changes nothing is answered by the node behind it', async () => {
    const { cluster, node } = await between((request) => request)
    expect(await putByNode0(cluster)).toMatchObject({ stored: 3, wanted: 3 })
    expect(node.inspect().counters.rogueReplies).toBe(0)
  })

  test('one that exchanges the record of a store gets it acknowledged by nobody', async () => {
    const { cluster, node, twisted } = await between((request, { identity }) => {
      if (request.type !== 'store') return request
      const { seq, expiresAtMs } = request.record as SignedRecord
      return { ...request, record: signed({ by: identity, keyId: key, seq, expiresAtMs }) }
    })
    // The relay says that it has stored it; the node behind it is not believed to have.
    expect(await putByNode0(cluster)).toMatchObject({ stored: 2, wanted: 3 })
    expect(twisted()).toBeGreaterThan(0)
    expect(node.inspect().counters.rogueReplies).toBeGreaterThan(0)
  })

  test('one that asks for another key or id gets no answer that is believed', async () => {
    const { cluster, node, twisted } = await between((request) => {
      if (request.type === 'find-value') return { ...request, keyId: keyIdOf('another') }
      return request.type === 'find-node' ? { ...request, target: keyIdOf('another') } : request
    })
    expect(await cluster.run(node.records.get(key))).toBeUndefined()
    expect(twisted()).toBeGreaterThan(0)
    expect(node.inspect().counters.rogueReplies).toBe(twisted())
  })
})
