import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MessagesInFlight } from '../src/messages-in-flight.js'

const lengths = fc.oneof(
  fc.integer({ min: 0, max: 70 }),
  fc.constantFrom(127, 128, 129, 1_023, 1_024, 1_025, 5_000),
)

describe('MessagesInFlight', () => {
  test('a message arrives as it was sent, whatever its sender and other receivers do', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(lengths, fc.nat()), { maxLength: 60 }), (sent) => {
        const inFlight = new MessagesInFlight()
        const waiting: { kept: ReturnType<typeof inFlight.keep>; length: number; fill: number }[] = []
        const arrived: { message: Uint8Array; fill: number }[] = []
        for (const [index, [length, draw]] of sent.entries()) {
          const fill = (index % 255) + 1
          const message = new Uint8Array(length).fill(fill)
          waiting.push({ kept: inFlight.keep(message), length, fill })
          message.fill(0)
          while (draw % 3 > 0 && waiting.length > draw % 5) {
            const [{ kept, length, fill }] = waiting.splice(draw % waiting.length, 1) as [(typeof waiting)[0]]
            arrived.push({ message: inFlight.take(kept, length), fill })
          }
        }
        for (const { kept, length, fill } of waiting)
          arrived.push({ message: inFlight.take(kept, length), fill })
        expect(arrived).toHaveLength(sent.length)
        for (const { message, fill } of arrived) expect(message.every((byte) => byte === fill)).toBe(true)
        expect(arrived.map(({ message }) => message.length).sort()).toEqual(
          sent.map(([length]) => length).sort(),
        )
      }),
    )
  })

  test('slots are used again: what arrives makes room for what is sent', () => {
    const inFlight = new MessagesInFlight()
    const message = new Uint8Array(100)
    const slots = new Set<unknown>()
    for (let i = 0; i < 10_000; i++) {
      const kept = inFlight.keep(message)
      slots.add(kept)
      inFlight.take(kept, message.length)
    }
    expect(slots.size).toBe(1)
  })

  test('slots fill many chunks without running into one another', () => {
    const inFlight = new MessagesInFlight()
    const kept = Array.from({ length: 3_000 }, (_, i) => inFlight.keep(new Uint8Array(200).fill(i % 251)))
    for (const [i, slot] of kept.entries()) {
      expect(inFlight.take(slot, 200).every((byte) => byte === i % 251)).toBe(true)
    }
  })
})
