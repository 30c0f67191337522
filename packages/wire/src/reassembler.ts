/** The receiving side of `frame.ts`, one for each link. */
import { WireError } from './errors.js'
import { type FrameEvent, firstHeaderBytes, frameTypes, nextHeaderBytes } from './frame.js'
import { frameBytesMax, messageBytesMax, partialBytesMax } from './limits.js'
import { Reader } from './reader.js'

export interface ReassemblerLimits {
  readonly frameBytesMax: number
  readonly messageBytesMax: number
  /** Announced lengths of all messages under way, together. */
  readonly partialBytesMax: number
}

export const reassemblerLimits: ReassemblerLimits = { frameBytesMax, messageBytesMax, partialBytesMax }

/** A message of which fragments are still to come. */
interface Partial {
  readonly totalBytes: number
  /** Grows with what arrives, up to `totalBytes`: an announcement alone costs nothing. */
  buffer: Uint8Array
  receivedBytes: number
}

/**
 * Puts messages together again. Holds at most `partialBytesMax` bytes, and as many messages as fit into that at
 * more than a frame each. After an error it is in no state to go on: the link is closed.
 */
export class Reassembler {
  readonly #limits: ReassemblerLimits
  readonly #partials = new Map<number, Partial>()
  #announcedBytes = 0

  constructor(limits: ReassemblerLimits = reassemblerLimits) {
    this.#limits = limits
  }

  /**
   * Takes the next frame in the order of the channel. Throws WireError for what no honest peer sends: TOO_LARGE for a
   * frame, message or sum of messages beyond its limit; OUT_OF_PLACE for a fragment of no message or a second first
   * one; BAD_VALUE for an empty fragment or message, for more than was announced, and for fragments of a small message.
   */
  push(frame: Uint8Array): FrameEvent {
    if (frame.length > this.#limits.frameBytesMax) {
      throw new WireError('TOO_LARGE', `a frame of ${frame.length} bytes`)
    }
    switch (frame[0]) {
      case frameTypes.whole:
        if (frame.length === 1) throw new WireError('BAD_VALUE', 'an empty message')
        return { type: 'message', bytes: frame.subarray(1) }
      case frameTypes.several:
        return readSeveral(frame)
      case frameTypes.first:
        return this.#start(frame)
      case frameTypes.next:
        return this.#append(frame)
      case undefined:
        throw new WireError('TRUNCATED', 'an empty frame')
      default:
        return readControl(frame)
    }
  }

  #start(frame: Uint8Array): FrameEvent {
    const reader = new Reader(frame)
    reader.u8()
    const messageId = reader.u16()
    const totalBytes = reader.u32()
    if (totalBytes > this.#limits.messageBytesMax)
      throw new WireError('TOO_LARGE', `a message of ${totalBytes} bytes`)
    if (totalBytes < this.#limits.frameBytesMax)
      throw new WireError('BAD_VALUE', 'fragments of a small message')
    if (this.#partials.has(messageId)) throw new WireError('OUT_OF_PLACE', `a second start of ${messageId}`)
    if (this.#announcedBytes + totalBytes > this.#limits.partialBytesMax) {
      throw new WireError('TOO_LARGE', 'too much in fragments')
    }
    const partial = { totalBytes, buffer: new Uint8Array(0), receivedBytes: 0 }
    this.#partials.set(messageId, partial)
    this.#announcedBytes += totalBytes
    return this.#add(messageId, partial, frame.subarray(firstHeaderBytes))
  }

  #append(frame: Uint8Array): FrameEvent {
    const reader = new Reader(frame)
    reader.u8()
    const messageId = reader.u16()
    const partial = this.#partials.get(messageId)
    if (!partial) throw new WireError('OUT_OF_PLACE', `a fragment of no message, ${messageId}`)
    return this.#add(messageId, partial, frame.subarray(nextHeaderBytes))
  }

  #add(messageId: number, partial: Partial, fragment: Uint8Array): FrameEvent {
    const { totalBytes, receivedBytes } = partial
    const end = receivedBytes + fragment.length
    if (fragment.length === 0) throw new WireError('BAD_VALUE', 'an empty fragment')
    if (end > totalBytes) throw new WireError('BAD_VALUE', 'more fragments than announced')
    if (end > partial.buffer.length) {
      const grown = new Uint8Array(Math.min(totalBytes, Math.max(end, 2 * partial.buffer.length)))
      grown.set(partial.buffer)
      partial.buffer = grown
    }
    partial.buffer.set(fragment, receivedBytes)
    partial.receivedBytes = end
    if (end < totalBytes) return { type: 'partial' }
    this.#partials.delete(messageId)
    this.#announcedBytes -= totalBytes
    return { type: 'message', bytes: partial.buffer }
  }
}

/** Views of the frame: two messages or more, none of them empty. */
function readSeveral(frame: Uint8Array): FrameEvent {
  const reader = new Reader(frame)
  reader.u8()
  const messages: Uint8Array[] = []
  while (reader.remaining > 0) {
    const length = reader.u16()
    if (length === 0) throw new WireError('BAD_VALUE', 'an empty message')
    messages.push(reader.take(length))
  }
  if (messages.length < 2) throw new WireError('BAD_VALUE', 'several messages are two or more')
  return { type: 'messages', messages }
}

function readControl(frame: Uint8Array): FrameEvent {
  const reader = new Reader(frame)
  const type = reader.u8()
  const event = readControlFields(reader, type)
  reader.end()
  return event
}

function readControlFields(reader: Reader, type: number): FrameEvent {
  switch (type) {
    case frameTypes.ping:
      return { type: 'ping', token: reader.u32() }
    case frameTypes.pong:
      return { type: 'pong', token: reader.u32() }
    case frameTypes.bye:
      return { type: 'bye', reason: reader.u8() }
    default:
      throw new WireError('UNKNOWN_TYPE', `frame type ${type}`)
  }
}
