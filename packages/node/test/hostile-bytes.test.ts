/** Bytes that no honest peer sends cost the link they came on, and nothing else. */
import { idToHex } from '@kadrtc/kademlia'
import { SeededRandom } from '@kadrtc/simulator'
import { encodeMessage, messageTypes } from '@kadrtc/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { body, findNode, sampleMessages, scene, zeros } from './hostile-scene.js'
import { honestPeers } from './raw-peer.js'
import { swarm } from './swarm.js'

describe('bytes that no honest peer sends', () => {
  const malformed: [name: string, packet: Uint8Array][] = [
    ['nothing at all', new Uint8Array(0)],
    ['a packet of no kind', Uint8Array.of(0x77, 1, 2, 3)],
    ['a packet cut in its header', Uint8Array.of(2, 15, 0, 1, 2, 3)],
    ['a path longer than the packet', Uint8Array.of(4, 1, 17, ...zeros(40))],
    ['more hops than there may be', Uint8Array.of(2, 255, 0, ...zeros(20), ...findNode)],
    ['an empty message', Uint8Array.of(1)],
    ['a message of no type', Uint8Array.of(1, 0x1f, ...zeros(20))],
    ['a message cut short', Uint8Array.of(1, ...findNode.slice(0, -1))],
    ['a message with a tail', Uint8Array.of(1, ...findNode, 0)],
    ['a request with a proof', Uint8Array.of(1, 0x82, ...findNode.slice(1), ...zeros(96))],
    ['a count of 255 contacts', Uint8Array.of(1, ...body('nodes', 255))],
    ['a count of 255 records', Uint8Array.of(1, ...body('value', 0, 0, 255))],
    ['a count of 255 links', Uint8Array.of(1, ...body('links', 255))],
    ['bucket 160', Uint8Array.of(1, ...body('find-links', 160))],
    ['a digest of 65,535 entries', Uint8Array.of(1, ...body('digest', 255, 255))],
    ['65,535 bits', Uint8Array.of(1, ...body('wants', 255, 255))],
    [
      'a value of 4 GiB',
      Uint8Array.of(1, ...body('store', 0, 1, ...zeros(20), ...zeros(6), 255, 255, 255, 255)),
    ],
    [
      'a value of 64 KiB and a byte',
      Uint8Array.of(1, ...body('store', 0, 1, ...zeros(26), 0, 1, 0, 1), ...zeros(65_537)),
    ],
    ['a ping of 2 KiB', Uint8Array.of(1, ...body('ping', ...zeros(2_048)))],
    ['a label of 255 bytes', Uint8Array.of(1, ...body('channel-open', 0, 0, 0, 1, 255), ...zeros(255))],
    ['a label that is no UTF-8', Uint8Array.of(1, ...body('channel-open', 0, 0, 0, 1, 2, 0xff, 0xfe))],
    ['a notice with a tail', Uint8Array.of(1, messageTypes.goodbye, 0)],
    ['a megabyte of text', new TextEncoder().encode('GET / HTTP/1.1\r\n'.repeat(6_000))],
  ]
  test.each(malformed)('%s: the link is closed as a violation, and no other', async (_name, packet) => {
    const { cluster, raw, unlinked, expectUnharmed } = await scene(undefined, 4)
    raw.link.send(packet)
    await cluster.clock.advance(100)
    expect(unlinked).toEqual([{ peer: idToHex(raw.id), reason: 'violation' }])
    expect(raw.closedAs).toBe('remote')
    expect(raw.heard.filter(({ type }) => type === 'nodes' || type === 'value')).toEqual([])
    await expectUnharmed()
  })

  test('any bytes, bodies and mutilated messages: nothing throws, and no other link falls', async () => {
    const stage = await scene(swarm({ allowAlone: true }), 4)
    const { cluster, node, unlinked } = stage
    let { raw } = stage
    const peers = honestPeers(node, raw)
    const random = new SeededRandom('hostile')
    const messages = sampleMessages(cluster, raw).map((message) => encodeMessage(message))
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 200 }).map((rest) => Uint8Array.of(1, ...rest)),
      fc
        .tuple(fc.constantFrom(...Object.values(messageTypes)), fc.uint8Array({ maxLength: 120 }))
        .map(([type, rest]) => Uint8Array.of(1, type, ...rest)),
      fc
        .tuple(fc.constantFrom(...messages), fc.nat(), fc.integer({ min: 0, max: 255 }), fc.boolean())
        .map(([message, at, byte, cut]) => {
          const packet = Uint8Array.of(1, ...message)
          packet[1 + (at % message.length)] = byte
          return cut ? packet.slice(0, 1 + (at % message.length)) : packet
        }),
      fc
        .tuple(fc.constantFrom(2, 3, 4), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }))
        .map(([kind, a, b]) => Uint8Array.of(kind, a, b, ...random.bytes(20 * (b + 1)), ...findNode)),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { minLength: 1, maxLength: 8 }), async (packets) => {
        if (raw.closedAs) raw = await raw.again(cluster, 0)
        for (const packet of packets) raw.link.send(packet)
        await cluster.clock.advance(200)
        expect(honestPeers(node, raw)).toEqual(peers)
        expect(unlinked.filter(({ peer }) => peer !== idToHex(raw.id))).toEqual([])
        expect(node.status).toBe('joined')
      }),
      { numRuns: 150 },
    )
    expect(unlinked.some(({ reason }) => reason === 'violation')).toBe(true)
    await stage.expectUnharmed()
  })
})
