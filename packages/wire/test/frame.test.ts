import {
  byeFrame,
  type FrameEvent,
  FrameQueue,
  frameBytesMax,
  messageBytesMax,
  partialBytesMax,
  pingFrame,
  pongFrame,
  Reassembler,
  wholeFrame,
} from '@kadrtc/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codeOf } from './code-of.js'

/** A message that shows where each of its bytes belongs. */
function messageOf(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) + seed * 17) & 0xff)
}

const sameBytes = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0

/** Everything the queue has, through a reassembler: the messages in the order in which they became whole. */
function drain(queue: FrameQueue, reassembler: Reassembler): Uint8Array[] {
  const messages: Uint8Array[] = []
  for (let frame = queue.next(); frame; frame = queue.next()) {
    messages.push(...messagesOf(reassembler.push(frame)))
  }
  return messages
}

function messagesOf(event: FrameEvent): readonly Uint8Array[] {
  if (event.type === 'messages') return event.messages
  return event.type === 'message' ? [event.bytes] : []
}

/** How many bytes of messages a frame holds. */
function payloadOf(frame: Uint8Array): number {
  const headers: Record<number, number> = { 0: 1, 1: 7, 2: 3 }
  if (frame[0] !== 0x06) return frame.length - headers[frame[0]!]!
  const view = new DataView(frame.buffer)
  let bytes = 0
  for (let at = 1; at < frame.length; at += 2 + view.getUint16(at)) bytes += view.getUint16(at)
  return bytes
}

const first = (id: number, totalBytes: number, payload: number) => {
  const frame = new Uint8Array(7 + payload)
  frame[0] = 0x01
  new DataView(frame.buffer).setUint16(1, id)
  new DataView(frame.buffer).setUint32(3, totalBytes)
  return frame
}

const next = (id: number, payload: number) => {
  const frame = new Uint8Array(3 + payload)
  frame[0] = 0x02
  new DataView(frame.buffer).setUint16(1, id)
  return frame
}

const sizes = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 2_000 }) },
  fc.integer({ min: 16_370, max: 16_400 }),
  fc.integer({ min: 16_384, max: messageBytesMax }),
  fc.constant(messageBytesMax),
)

describe('queue and reassembler', () => {
  test('any messages, enqueued and sent in any interleaving, arrive whole', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(sizes, fc.nat(6)), { maxLength: 12 }), (steps) => {
        const queue = new FrameQueue({ queuedBytesMax: 2 ** 21, queuedMessagesMax: 100 })
        const reassembler = new Reassembler()
        const sent = steps.map(([size], seed) => messageOf(size, seed))
        const arrived: Uint8Array[] = []
        const step = () => {
          const frame = queue.next()
          if (!frame) return
          expect(frame.length).toBeLessThanOrEqual(frameBytesMax)
          arrived.push(...messagesOf(reassembler.push(frame)))
        }
        steps.forEach(([, frames], i) => {
          expect(queue.enqueue(sent[i]!)).toBe(true)
          for (let n = 0; n < frames; n++) step()
        })
        arrived.push(...drain(queue, reassembler))
        expect(arrived.length).toBe(sent.length)
        for (const message of sent) {
          const at = arrived.findIndex((candidate) => sameBytes(candidate, message))
          expect(at).toBeGreaterThanOrEqual(0)
          arrived.splice(at, 1)
        }
        expect(queue.bufferedBytes).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  test('bufferedBytes is what was accepted less what was handed out', () => {
    fc.assert(
      fc.property(fc.array(sizes, { minLength: 1, maxLength: 6 }), (lengths) => {
        const queue = new FrameQueue({ queuedBytesMax: 2 ** 21, queuedMessagesMax: 100 })
        let expected = 0
        for (const length of lengths) {
          queue.enqueue(new Uint8Array(length))
          expected += length
          expect(queue.bufferedBytes).toBe(expected)
        }
        for (let frame = queue.next(); frame; frame = queue.next()) {
          expected -= payloadOf(frame)
          expect(queue.bufferedBytes).toBe(expected)
        }
        expect(expected).toBe(0)
      }),
      { numRuns: 40 },
    )
  })

  test('small messages keep their order', () => {
    const queue = new FrameQueue()
    for (let i = 0; i < 3_000; i++) queue.enqueue(Uint8Array.of(i >> 8, i & 0xff))
    const arrived = drain(queue, new Reassembler())
    expect(arrived.map(([high, low]) => high! * 256 + low!)).toEqual(
      Array.from({ length: 3_000 }, (_, i) => i),
    )
  })

  test('a small message overtakes a large one that is under way', () => {
    const queue = new FrameQueue()
    const large = messageOf(messageBytesMax, 1)
    queue.enqueue(large)
    const reassembler = new Reassembler()
    expect(reassembler.push(queue.next()!).type).toBe('partial')
    queue.enqueue(Uint8Array.of(7))
    expect(reassembler.push(queue.next()!)).toEqual({ type: 'message', bytes: Uint8Array.of(7) })
    const rest = drain(queue, reassembler)
    expect(rest.length).toBe(1)
    expect(sameBytes(rest[0]!, large)).toBe(true)
  })

  test('an endless run of small messages lets a fragment through after 32', () => {
    const queue = new FrameQueue()
    queue.enqueue(messageOf(40_000, 1))
    const types: number[] = []
    for (let i = 0; i < 100; i++) {
      queue.enqueue(Uint8Array.of(1))
      types.push(queue.next()![0]!)
    }
    // A fragment leaves one small message behind, which then shares a frame with the next one.
    const isFragment = (type: number) => type === 0x01 || type === 0x02
    expect(types.flatMap((type, i) => (isFragment(type) ? [i] : []))).toEqual([32, 64, 96])
  })

  test('large messages take turns', () => {
    const queue = new FrameQueue()
    queue.enqueue(messageOf(96_000, 1))
    queue.enqueue(messageOf(40_000, 2))
    const reassembler = new Reassembler()
    expect(drain(queue, reassembler).map((message) => message.length)).toEqual([40_000, 96_000])
  })

  test('no more large messages are started than the receiver will hold', () => {
    const queue = new FrameQueue({ queuedBytesMax: 2 ** 21, queuedMessagesMax: 100 })
    for (let i = 0; i < 10; i++) queue.enqueue(messageOf(messageBytesMax, i))
    for (let i = 0; i < 40; i++) queue.enqueue(messageOf(16_384, i))
    const lengths = drain(queue, new Reassembler()).map((message) => message.length)
    expect(lengths.length).toBe(50)
  })

  test('pong, then ping, then messages; bye before all', () => {
    const queue = new FrameQueue()
    queue.enqueue(Uint8Array.of(9))
    queue.ping(1)
    queue.pong(0xffff_ffff)
    queue.bye(3)
    const reassembler = new Reassembler()
    const events = [0, 1, 2, 3].map(() => reassembler.push(queue.next()!))
    expect(events).toEqual([
      { type: 'bye', reason: 3 },
      { type: 'pong', token: 0xffff_ffff },
      { type: 'ping', token: 1 },
      { type: 'message', bytes: Uint8Array.of(9) },
    ])
    expect(queue.next()).toBeUndefined()
  })

  test('a flood of pings queues one pong', () => {
    const queue = new FrameQueue()
    for (let token = 0; token < 1_000; token++) queue.pong(token)
    expect(queue.next()).toEqual(pongFrame(999))
    expect(queue.next()).toBeUndefined()
  })

  test('past its limit of bytes or messages the queue refuses, and takes again when there is room', () => {
    const queue = new FrameQueue({ queuedBytesMax: 10, queuedMessagesMax: 3 })
    expect(queue.enqueue(new Uint8Array(11))).toBe(false)
    expect([1, 2, 3, 4].map(() => queue.enqueue(Uint8Array.of(1)))).toEqual([true, true, true, false])
    queue.next()
    expect(queue.bufferedBytes).toBe(0)
    expect(queue.enqueue(new Uint8Array(9))).toBe(true)
    expect(queue.enqueue(new Uint8Array(2))).toBe(false)
    expect(queue.enqueue(new Uint8Array(1))).toBe(true)
    expect(queue.bufferedBytes).toBe(10)
  })

  test('small messages that wait together share frames, as many as fit', () => {
    const queue = new FrameQueue()
    for (let i = 0; i < 5; i++) queue.enqueue(messageOf(5_000, i))
    const frames: Uint8Array[] = []
    for (let frame = queue.next(); frame; frame = queue.next()) frames.push(frame)
    expect(frames.map((frame) => [frame[0], frame.length])).toEqual([
      [0x06, 1 + 3 * 5_002],
      [0x06, 1 + 2 * 5_002],
    ])
    const reassembler = new Reassembler()
    const arrived = frames.flatMap((frame) => messagesOf(reassembler.push(frame)))
    arrived.forEach((message, i) => {
      expect(sameBytes(message, messageOf(5_000, i))).toBe(true)
    })
  })

  test('what no receiver takes is never queued', () => {
    const queue = new FrameQueue()
    expect(codeOf(() => queue.enqueue(new Uint8Array(messageBytesMax + 1)))).toBe('TOO_LARGE')
    expect(codeOf(() => queue.enqueue(new Uint8Array(0)))).toBe('BAD_VALUE')
    expect(codeOf(() => wholeFrame(new Uint8Array(frameBytesMax)))).toBe('TOO_LARGE')
    expect(queue.next()).toBeUndefined()
  })

  test('a large message is not starved by an endless run of others, whose ids differ from its own', () => {
    const queue = new FrameQueue({ queuedBytesMax: 2 ** 21, queuedMessagesMax: 100 })
    const reassembler = new Reassembler()
    queue.enqueue(messageOf(messageBytesMax, 1))
    let messages = 0
    for (let round = 0; round < 20; round++) {
      queue.enqueue(messageOf(16_384, round))
      for (let n = 0; n < 3; n++) {
        const frame = queue.next()
        if (frame && reassembler.push(frame).type === 'message') messages++
      }
    }
    expect(messages + drain(queue, reassembler).length).toBe(21)
  })
})

describe('what no honest peer sends', () => {
  const cases: readonly [string, string, readonly Uint8Array[]][] = [
    ['an empty frame', 'TRUNCATED', [new Uint8Array(0)]],
    ['a frame of more than 16 KiB', 'TOO_LARGE', [new Uint8Array(frameBytesMax + 1)]],
    ['an unknown frame type', 'UNKNOWN_TYPE', [Uint8Array.of(0x07)]],
    ['several messages that are none', 'BAD_VALUE', [Uint8Array.of(0x06)]],
    ['several messages that are one', 'BAD_VALUE', [Uint8Array.of(0x06, 0, 1, 9)]],
    ['an empty one of several', 'BAD_VALUE', [Uint8Array.of(0x06, 0, 1, 9, 0, 0)]],
    ['several messages, cut short', 'TRUNCATED', [Uint8Array.of(0x06, 0, 1, 9, 0, 2, 9)]],
    ['an empty message', 'BAD_VALUE', [Uint8Array.of(0x00)]],
    ['a ping cut short', 'TRUNCATED', [pingFrame(1).subarray(0, 4)]],
    ['a bye with more behind it', 'TRAILING', [Uint8Array.of(...byeFrame(1), 0)]],
    ['a first fragment cut within its header', 'TRUNCATED', [first(0, 20_000, 0).subarray(0, 6)]],
    ['a giant total length', 'TOO_LARGE', [first(0, 0xffff_ffff, 100)]],
    ['one byte more than the largest message', 'TOO_LARGE', [first(0, messageBytesMax + 1, 100)]],
    ['fragments of a message that fits a frame', 'BAD_VALUE', [first(0, 16_383, 100)]],
    ['a fragment of no message', 'OUT_OF_PLACE', [next(0, 10)]],
    ['a second start of one message', 'OUT_OF_PLACE', [first(5, 20_000, 10), first(5, 20_000, 10)]],
    ['an empty first fragment', 'BAD_VALUE', [first(5, 20_000, 0)]],
    ['an empty next fragment', 'BAD_VALUE', [first(5, 20_000, 10), next(5, 0)]],
    ['more bytes than announced', 'BAD_VALUE', [first(5, 16_385, 16_377), next(5, 9)]],
    ['a fragment after the last one', 'OUT_OF_PLACE', [first(5, 16_385, 16_377), next(5, 8), next(5, 1)]],
    [
      'more announced than may be under way',
      'TOO_LARGE',
      [
        first(1, messageBytesMax, 1),
        first(2, messageBytesMax, 1),
        first(3, partialBytesMax - 2 * messageBytesMax + 1, 1),
      ],
    ],
  ]

  test.each(cases)('%s is %s', (_, code, frames) => {
    const reassembler = new Reassembler()
    for (const frame of frames.slice(0, -1)) reassembler.push(frame)
    expect(codeOf(() => reassembler.push(frames.at(-1)!))).toBe(code)
  })

  test('any frames at all give an event or a WireError', () => {
    const frame = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .tuple(fc.constantFrom(1, 2), fc.nat(2), fc.nat(200_000), fc.nat(50))
        .map(([type, id, total, payload]) => (type === 1 ? first(id, total, payload) : next(id, payload))),
    )
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 40 }), (frames) => {
        const reassembler = new Reassembler()
        for (const some of frames) codeOf(() => reassembler.push(some))
      }),
      { numRuns: 300 },
    )
  })

  test('an announcement costs what has arrived, not what was announced', () => {
    const reassembler = new Reassembler()
    const allocated: number[] = []
    const { Uint8Array: Original } = globalThis
    class Counting extends Original {
      constructor(...args: [number]) {
        super(...args)
        if (typeof args[0] === 'number') allocated.push(args[0])
      }
    }
    const announcement = first(1, messageBytesMax, 1)
    globalThis.Uint8Array = Counting as unknown as typeof Original
    try {
      reassembler.push(announcement)
    } finally {
      globalThis.Uint8Array = Original
    }
    expect(Math.max(0, ...allocated)).toBeLessThanOrEqual(16)
  })
})
