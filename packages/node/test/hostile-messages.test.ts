/** Messages that nobody asked for, or that speak in another's name, change nothing. */
import { idToHex, keyIdOf } from '@kadrtc/kademlia'
import { SeededRandom } from '@kadrtc/simulator'
import { encodeMessage, encodePacket, messageTypes, type Reply } from '@kadrtc/wire'
import { describe, expect, test } from 'vitest'
import { keyNumber } from './fake-link.js'
import { key, lie, sampleMessages, scene } from './hostile-scene.js'
import { said, swarm } from './swarm.js'

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
    const { cluster, node, raw, expectUnharmed } = await scene()
    const victim = cluster.node(2)
    const links = cluster.network.counters.linksOpened
    const random = new SeededRandom('signals')
    for (let i = 0; i < 60; i++) {
      const signal = i % 3 === 0 ? random.bytes(40) : Uint8Array.of(0x76, i % 5, ...random.bytes(8))
      const made = encodeMessage({ type: 'signal', nonce: i, signal })
      raw.sendBody(made)
      raw.sendPacket({ kind: 'along', path: [victim.id, raw.id, node.id], index: 2, body: made })
      raw.sendPacket({ kind: 'along', path: [keyNumber(i).id, raw.id, node.id], index: 2, body: made })
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

  test('a packet whose last hop is not the link it came over is dropped', async () => {
    const { cluster, node, raw, tell, expectUnharmed } = await scene()
    const before = node.inspect().counters.malformed!
    const asked = encodeMessage({ type: 'find-node', nonce: 9, target: key })
    const [a, b] = [cluster.node(1).id, cluster.node(2).id]
    for (const path of [
      [a, b, node.id],
      [a, node.id, b],
      [raw.id, a, b],
    ]) {
      raw.link.send(encodePacket({ kind: 'along', path, index: 1, body: asked }))
    }
    await cluster.clock.advance(200)
    expect(node.inspect().counters.malformed! - before).toBe(3)
    expect(raw.closedAs).toBeUndefined()
    expect(await tell({ type: 'ping', nonce: 3, payload: new Uint8Array(0) })).toHaveLength(1)
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
