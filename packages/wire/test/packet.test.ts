import { asId } from '@kadrtc/kademlia'
import {
  bodyBytesMax,
  decodePacket,
  encodePacket,
  forwardToward,
  hopsMax,
  type Packet,
  packetHeaderBytesMax,
} from '@kadrtc/wire'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as any from './arbitraries.js'
import { codeOf } from './code-of.js'

const id = (fill: number) => asId(new Uint8Array(20).fill(fill))
const ids = (count: number) => Array.from({ length: count }, (_, i) => id(i))
const body = Uint8Array.of(1, 2, 3)

test('a direct packet takes one byte, and its body is a view', () => {
  const bytes = encodePacket({ kind: 'direct', body })
  expect(bytes.length).toBe(4)
  expect(decodePacket(bytes).body.buffer).toBe(bytes.buffer)
})

test('forwarding is decoding, noting where it came from, and encoding again', () => {
  fc.assert(
    fc.property(any.toward, any.id, (packet, from) => {
      const bytes = encodePacket(packet)
      if (packet.hopsLeft === 0) {
        expect(codeOf(() => forwardToward(bytes, from))).toBe('BAD_VALUE')
        return
      }
      const slow = { ...packet, hopsLeft: packet.hopsLeft - 1, path: [...packet.path, from] }
      expect(forwardToward(bytes, from)).toEqual(encodePacket(slow))
    }),
  )
})

test('forwarding of any bytes gives a packet or a WireError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), any.id, (bytes, from) => {
      bytes[0] = 2
      if (codeOf(() => forwardToward(bytes, from)) === 'none') decodePacket(forwardToward(bytes, from))
    }),
    { numRuns: 1_000 },
  )
})

test('a packet crosses 16 links and no more', () => {
  let bytes = encodePacket({
    kind: 'toward',
    target: id(1),
    exact: false,
    hopsLeft: hopsMax - 1,
    path: [],
    body,
  })
  let links = 1
  while (codeOf(() => forwardToward(bytes, id(links))) === 'none') {
    bytes = forwardToward(bytes, id(links))
    links++
  }
  expect(links).toBe(16)
  const last = decodePacket(bytes)
  if (last.kind !== 'toward') throw new Error('not toward')
  // The way back: the nodes passed; the receiver, and whose link it came over, are not named.
  const back: Packet = { kind: 'along', passed: [], ahead: last.path, body }
  expect(decodePacket(encodePacket(back))).toEqual(back)
})

test('the largest body in the largest header is within the limit of a message', () => {
  const largest = new Uint8Array(bodyBytesMax)
  const packet = encodePacket({ kind: 'along', passed: ids(15), ahead: [], body: largest })
  expect(packet.length).toBeLessThanOrEqual(bodyBytesMax + packetHeaderBytesMax)
  expect(codeOf(() => encodePacket({ kind: 'direct', body: new Uint8Array(bodyBytesMax + 1) }))).toBe(
    'TOO_LARGE',
  )
  const toward = encodePacket({
    kind: 'toward',
    target: id(1),
    exact: true,
    hopsLeft: 1,
    path: ids(14),
    body: largest,
  })
  expect(decodePacket(forwardToward(toward, id(9))).body.length).toBe(bodyBytesMax)
})

const impossible: [string, Packet][] = [
  ['more hops than there are', { kind: 'toward', target: id(1), exact: false, hopsLeft: 16, path: [], body }],
  [
    'more hops than are left after the path',
    { kind: 'toward', target: id(1), exact: false, hopsLeft: 15, path: ids(1), body },
  ],
  ['a route of 18 nodes', { kind: 'along', passed: ids(1), ahead: ids(15), body }],
]

test.each(impossible)('%s cannot be encoded', (_, packet) => {
  expect(codeOf(() => encodePacket(packet))).toBe('BAD_VALUE')
})

const refused: [string, string, number[]][] = [
  ['16 hops left', 'BAD_VALUE', [2, 16, 0, ...id(1)]],
  ['16 hops in all', 'BAD_VALUE', [2, 15, 1, ...id(1), ...id(2)]],
  ['a path that is not there', 'TRUNCATED', [2, 0, 15, ...id(1)]],
  ['a route of 257 nodes', 'BAD_VALUE', [4, 0, 255]],
  ['a route of 18 nodes', 'BAD_VALUE', [4, 8, 8]],
  ['a route that is not there', 'TRUNCATED', [4, 1, 1, ...id(1)]],
  ['an unknown kind', 'UNKNOWN_TYPE', [5]],
]

test.each(refused)('%s is refused: %s', (_, code, bytes) => {
  expect(codeOf(() => decodePacket(Uint8Array.from(bytes)))).toBe(code)
})

test('a packet with too large a body is refused', () => {
  const bytes = new Uint8Array(bodyBytesMax + 2)
  bytes[0] = 1
  expect(codeOf(() => decodePacket(bytes))).toBe('TOO_LARGE')
})
