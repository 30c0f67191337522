/** Lists of ids: the contacts of a reply, the path of a packet. */
import { asId, type Id, idBytes } from '@kadrtc/kademlia'
import { WireError } from './errors.js'
import type { Reader } from './reader.js'
import type { Writer } from './writer.js'

/** Above this size a message's ids are copied out of it, so that whoever keeps one does not keep the message. */
const sharedBytesMax = 1_024

/** `count` ids as views of one piece of memory, of the message itself if that is small. */
export function readIds(reader: Reader, count: number): Id[] {
  const block = reader.take(count * idBytes)
  const shared = block.buffer.byteLength <= sharedBytesMax ? block : new Uint8Array(block)
  const { buffer, byteOffset } = shared
  const ids: Id[] = []
  // Twice as fast as `subarray`, and so is growing the array.
  for (let i = 0; i < count; i++) ids.push(asId(new Uint8Array(buffer, byteOffset + i * idBytes, idBytes)))
  return ids
}

/** Number of ids in one byte, then the ids; TOO_LARGE beyond `countMax`. */
export function writeIdList(writer: Writer, ids: readonly Id[], countMax: number): void {
  if (ids.length > countMax) throw new WireError('TOO_LARGE', `${ids.length} ids, ${countMax} allowed`)
  writer.u8(ids.length)
  writer.ids(ids)
}

export function readIdList(reader: Reader, countMax: number): Id[] {
  const count = reader.u8()
  if (count > countMax) throw new WireError('TOO_LARGE', `${count} ids, ${countMax} allowed`)
  return readIds(reader, count)
}
