/**
 * The sending side of `frame.ts`, one for each link. Give the channel `next()` as long as it has room: what is
 * decided late is decided well, and a ping or a small message waits for one frame at most.
 */
import { WireError } from './errors.js'
import {
  byeFrame,
  firstHeaderBytes,
  frameTypes,
  nextHeaderBytes,
  pingFrame,
  pongFrame,
  severalBytes,
  severalFrame,
  wholeFrame,
} from './frame.js'
import {
  frameBytesMax,
  messageBytesMax,
  overtakesMax,
  partialBytesMax,
  queuedBytesMax,
  queuedMessagesMax,
  wholeMessageBytesMax,
} from './limits.js'

export interface FrameQueueLimits {
  /** Messages waiting, in bytes; beyond it `enqueue` refuses. */
  readonly queuedBytesMax: number
  /** Messages waiting; likewise. */
  readonly queuedMessagesMax: number
}

export const frameQueueLimits: FrameQueueLimits = { queuedBytesMax, queuedMessagesMax }

/** A large message of which at least one fragment has gone. */
interface Fragmenting {
  readonly id: number
  readonly message: Uint8Array
  sentBytes: number
}

/**
 * Order of `next()`: bye, pong, ping; small messages, in their order, as many in one frame as fit; then fragments of the large ones, in turns, as
 * many at once as the receiver will hold. After 32 small messages one fragment has its turn, so that none starves.
 * Small messages keep their order among themselves; a large one may arrive after what was enqueued behind it.
 */
export class FrameQueue {
  readonly #limits: FrameQueueLimits
  readonly #small = new Fifo<Uint8Array>()
  readonly #large = new Fifo<Uint8Array>()
  readonly #fragmenting: Fragmenting[] = []
  #bye: number | undefined
  #pong: number | undefined
  #ping: number | undefined
  #bufferedBytes = 0
  #fragmentingBytes = 0
  #overtakes = 0
  #nextId = 0
  #turn = 0

  constructor(limits: FrameQueueLimits = frameQueueLimits) {
    this.#limits = limits
  }

  /** Bytes of messages accepted and not yet handed out. */
  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  /** False, and nothing is queued, when it would go over the limit. Until a large message has gone, leave its bytes alone. */
  enqueue(message: Uint8Array): boolean {
    if (message.length > messageBytesMax)
      throw new WireError('TOO_LARGE', `a message of ${message.length} bytes`)
    if (this.#bufferedBytes + message.length > this.#limits.queuedBytesMax) return false
    if (this.#small.length + this.#large.length >= this.#limits.queuedMessagesMax) return false
    if (message.length <= wholeMessageBytesMax) this.#small.push(wholeFrame(message))
    else this.#large.push(message)
    this.#bufferedBytes += message.length
    return true
  }

  /** Sends a ping before all messages. One that still waits is replaced. */
  ping(token: number): void {
    this.#ping = token
  }

  /** Answers a ping. One that still waits is replaced, so that a flood of pings costs nothing. */
  pong(token: number): void {
    this.#pong = token
  }

  /** Says goodbye before anything else. */
  bye(reason: number): void {
    this.#bye = reason
  }

  /** The next frame to give to the channel; undefined: nothing waits. */
  next(): Uint8Array | undefined {
    return this.#nextControl() ?? this.#nextMessage()
  }

  #nextControl(): Uint8Array | undefined {
    if (this.#bye !== undefined) {
      const frame = byeFrame(this.#bye)
      this.#bye = undefined
      return frame
    }
    if (this.#pong !== undefined) {
      const frame = pongFrame(this.#pong)
      this.#pong = undefined
      return frame
    }
    if (this.#ping !== undefined) {
      const frame = pingFrame(this.#ping)
      this.#ping = undefined
      return frame
    }
    return undefined
  }

  #nextMessage(): Uint8Array | undefined {
    const largeWaits = this.#fragmenting.length > 0 || this.#large.length > 0
    if (this.#small.length === 0 || (largeWaits && this.#overtakes >= overtakesMax)) {
      this.#overtakes = 0
      return largeWaits ? this.#nextFragment() : undefined
    }
    const first = this.#small.shift()!
    const frames = [first]
    let frameBytes = 1 + severalBytes(first)
    const countMax = largeWaits ? overtakesMax - this.#overtakes : Number.POSITIVE_INFINITY
    for (let next = this.#small.peek(); next && frames.length < countMax; next = this.#small.peek()) {
      frameBytes += severalBytes(next)
      if (frameBytes > frameBytesMax) break
      frames.push(this.#small.shift()!)
    }
    this.#overtakes = largeWaits ? this.#overtakes + frames.length : 0
    for (const { length } of frames) this.#bufferedBytes -= length - 1
    return frames.length === 1 ? first : severalFrame(frames)
  }

  #nextFragment(): Uint8Array {
    const waiting = this.#large.peek()
    if (waiting && this.#fragmentingBytes + waiting.length <= partialBytesMax) return this.#startLarge()
    if (this.#turn >= this.#fragmenting.length) this.#turn = 0
    const { id, message, sentBytes } = this.#fragmenting[this.#turn]!
    const end = Math.min(message.length, sentBytes + frameBytesMax - nextHeaderBytes)
    const frame = new Uint8Array(nextHeaderBytes + end - sentBytes)
    frame[0] = frameTypes.next
    frame[1] = id >>> 8
    frame[2] = id
    frame.set(message.subarray(sentBytes, end), nextHeaderBytes)
    this.#advance(this.#turn, end)
    return frame
  }

  #startLarge(): Uint8Array {
    const message = this.#large.shift()!
    const total = message.length
    const end = frameBytesMax - firstHeaderBytes
    const id = this.#drawId()
    const frame = new Uint8Array(frameBytesMax)
    frame.set([frameTypes.first, id >>> 8, id, total >>> 24, total >>> 16, total >>> 8, total])
    frame.set(message.subarray(0, end), firstHeaderBytes)
    this.#fragmentingBytes += total
    this.#fragmenting.push({ id, message, sentBytes: 0 })
    this.#advance(this.#fragmenting.length - 1, end)
    return frame
  }

  /** A message is longer than its first fragment, so that only a later one ends it. */
  #advance(at: number, end: number): void {
    const fragmenting = this.#fragmenting[at]!
    this.#bufferedBytes -= end - fragmenting.sentBytes
    fragmenting.sentBytes = end
    if (end < fragmenting.message.length) {
      this.#turn = at + 1
      return
    }
    this.#fragmentingBytes -= fragmenting.message.length
    this.#fragmenting.splice(at, 1)
    this.#turn = at
  }

  /** Ids go round. At most 16 messages are under way and all take their turns, so that none is met again. */
  #drawId(): number {
    const id = this.#nextId
    this.#nextId = (id + 1) & 0xffff
    return id
  }
}

/** First in, first out, at constant cost; bounded by who pushes. */
class Fifo<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  push(item: T): void {
    this.#items.push(item)
  }

  peek(): T | undefined {
    return this.#items[this.#head]
  }

  shift(): T | undefined {
    const item = this.#items[this.#head]
    if (this.length === 0) return undefined
    this.#items[this.#head++] = undefined
    if (this.#head === this.#items.length || this.#head >= 1_024) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}
