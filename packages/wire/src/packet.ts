/**
 * Packets: what one link carries to the next, around a message's bytes (see `message.ts`).
 *
 * - `direct` is for the other end of the link.
 * - `toward` goes greedily to whoever is closest to `target`. Each receiver learns the way back: it takes the
 *   packet's path and the peer at whose authenticated link it came, never what a packet says of its sender.
 * - `along` follows a source route. It names neither the sender nor the receiver, who are known at both ends of the link.
 */
import { asId, type Id, idBytes } from '@kadrtc/kademlia'
import { briefMemory } from './brief-memory.js'
import { WireError } from './errors.js'
import { readIds } from './ids.js'
import { bodyBytesMax, hopsMax, messageBytesMax, pathNodesMax } from './limits.js'
import { Reader } from './reader.js'
import { assertUint, Writer } from './writer.js'

export type Packet =
  | { readonly kind: 'direct'; readonly body: Uint8Array }
  | {
      readonly kind: 'toward'
      readonly target: Id
      /** Only `target` itself may handle it, not the node closest to it. */
      readonly exact: boolean
      /** How many more times it may be passed on: 15 at the origin, 0 at the end of the sixteenth link. */
      readonly hopsLeft: number
      /** Nodes passed, the origin first, without the last one: the receiver knows that one by its link. */
      readonly path: readonly Id[]
      readonly body: Uint8Array
    }
  | {
      readonly kind: 'along'
      /** Nodes passed, the origin first, without the last one: the receiver knows that one by its link. */
      readonly passed: readonly Id[]
      /** Nodes after the receiver, the destination last. None: the receiver is the destination. At most 15 with those passed. */
      readonly ahead: readonly Id[]
      readonly body: Uint8Array
    }

const directKind = 0x01
const towardKind = 0x02
const exactKind = 0x03
const alongKind = 0x04

// kind, hops left, nodes on the path, target, path, body
const hopsLeftAt = 1
const pathLengthAt = 2
const towardHeaderBytes = 3 + idBytes
const alongHeaderBytes = 3

/** To be sent or copied: see `brief-memory.ts`. Throws WireError BAD_VALUE (hops, path), TOO_LARGE (body). */
export function encodePacket(packet: Packet): Uint8Array {
  const { body } = packet
  if (body.length > bodyBytesMax) {
    throw new WireError('TOO_LARGE', `a body of ${body.length} bytes, ${bodyBytesMax} allowed`)
  }
  switch (packet.kind) {
    case 'direct': {
      const bytes = briefMemory(1 + body.length)
      bytes[0] = directKind
      bytes.set(body, 1)
      return bytes
    }
    case 'toward': {
      const { path, hopsLeft, target, exact } = packet
      checkHops(path.length, hopsLeft)
      const size = towardHeaderBytes + path.length * idBytes + body.length
      const writer = new Writer(size, size, briefMemory)
      writer.u8(exact ? exactKind : towardKind)
      writer.u8(hopsLeft)
      writer.u8(path.length)
      writer.fixed(target, idBytes)
      writer.ids(path)
      writer.bytes(body)
      return writer.finish()
    }
    case 'along': {
      const { passed, ahead } = packet
      checkRoute(passed.length, ahead.length)
      const size = alongHeaderBytes + (passed.length + ahead.length) * idBytes + body.length
      const writer = new Writer(size, size, briefMemory)
      writer.u8(alongKind)
      writer.u8(passed.length)
      writer.u8(ahead.length)
      writer.ids(passed)
      writer.ids(ahead)
      writer.bytes(body)
      return writer.finish()
    }
  }
}

/** The packet that `bytes` are; its body is a view of them. Throws WireError. */
export function decodePacket(bytes: Uint8Array): Packet {
  const reader = new Reader(bytes)
  const kind = reader.u8()
  switch (kind) {
    case directKind:
      return { kind: 'direct', body: reader.rest(bodyBytesMax) }
    case towardKind:
    case exactKind: {
      const hopsLeft = reader.u8()
      const pathLength = reader.u8()
      checkHops(pathLength, hopsLeft)
      const target = reader.id()
      const path = readIds(reader, pathLength)
      const body = reader.rest(bodyBytesMax)
      return { kind: 'toward', target, exact: kind === exactKind, hopsLeft, path, body }
    }
    case alongKind: {
      const passedLength = reader.u8()
      const aheadLength = reader.u8()
      checkRoute(passedLength, aheadLength)
      const passed = readIds(reader, passedLength)
      const ahead = readIds(reader, aheadLength)
      return { kind: 'along', passed, ahead, body: reader.rest(bodyBytesMax) }
    }
    default:
      throw new WireError('UNKNOWN_TYPE', `packet kind ${kind}`)
  }
}

/**
 * The encoded `toward` packet `bytes`, which came over the link to `from`, as it goes on: `from` at the end of its
 * path, one hop fewer. Throws WireError BAD_VALUE if no hop is left, or if the bytes are no such packet.
 */
export function forwardToward(bytes: Uint8Array, from: Id): Uint8Array {
  const kind = bytes[0]
  const hopsLeft = bytes[hopsLeftAt] ?? 0
  const pathLength = bytes[pathLengthAt] ?? 0
  const end = towardHeaderBytes + pathLength * idBytes
  if ((kind !== towardKind && kind !== exactKind) || end > bytes.length) {
    throw new WireError('BAD_VALUE', 'not a toward packet')
  }
  if (hopsLeft === 0) throw new WireError('BAD_VALUE', 'no hop is left')
  checkHops(pathLength, hopsLeft)
  const size = bytes.length + idBytes
  if (size > messageBytesMax) throw new WireError('TOO_LARGE', `a packet of ${size} bytes`)
  const onward = briefMemory(size)
  onward.set(bytes.subarray(0, end))
  onward[hopsLeftAt] = hopsLeft - 1
  onward[pathLengthAt] = pathLength + 1
  onward.set(asId(from), end)
  onward.set(bytes.subarray(end), end + idBytes)
  return onward
}

/** Honest packets are born with 15 hops left and no path, and trade one for the other. */
function checkHops(pathLength: number, hopsLeft: number): void {
  assertUint(hopsLeft, hopsMax - 1)
  if (pathLength + hopsLeft > hopsMax - 1) {
    throw new WireError('BAD_VALUE', `${pathLength} nodes passed and ${hopsLeft} hops left`)
  }
}

/** The sender and the receiver belong to the route, too. */
function checkRoute(passedLength: number, aheadLength: number): void {
  const nodes = passedLength + aheadLength + 2
  if (nodes > pathNodesMax) throw new WireError('BAD_VALUE', `a route of ${nodes}`)
}
