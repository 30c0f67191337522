import { Channel, channelMessageBytesMax } from '@kadrtc/node'
import { channelDataBytesMax } from '@kadrtc/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { heardBy, isPatterned, patterned } from './channel-messages.js'
import { tinyId } from './fake-link.js'

describe('the end of a channel alone', () => {
  /** A channel over a carrier that takes what `room` says, and writes it down. */
  function channelOver(room: { left: number }) {
    const sent: { data: Uint8Array; more: boolean }[] = []
    let closes = 0
    const channel = new Channel(tinyId('1'), '', {
      send: (data, more) => {
        if (room.left <= 0) return false
        room.left -= 1
        sent.push({ data, more })
        return true
      },
      close: () => {
        closes += 1
      },
    })
    return { channel, sent, closes: () => closes }
  }
  const failure = (run: () => void) => {
    try {
      run()
    } catch (error) {
      return (error as { code: unknown }).code
    }
    return undefined
  }

  test('refuses what is too large, what is no bytes, and what would wait beyond 4 MiB', () => {
    const { channel } = channelOver({ left: 0 })
    expect(failure(() => channel.send(new Uint8Array(channelMessageBytesMax + 1)))).toBe('VALUE_TOO_LARGE')
    expect(failure(() => channel.send('text' as never))).toBe('INVALID_ARGUMENT')
    for (let i = 0; i < 16; i++) channel.send(new Uint8Array(channelMessageBytesMax))
    expect(channel.bufferedBytes).toBe(4 * 2 ** 20)
    expect(failure(() => channel.send(Uint8Array.of(1)))).toBe('BUSY')
    channel.close()
    expect(channel.bufferedBytes).toBe(0)
    expect(failure(() => channel.send(Uint8Array.of(1)))).toBe('CLOSED')
  })

  test('what waits is bounded in messages too, empty ones included', () => {
    const { channel } = channelOver({ left: 0 })
    const refused = () => {
      for (let i = 0; i < 100_000; i++) channel.send(new Uint8Array(0))
    }
    expect(failure(refused)).toBe('BUSY')
  })

  test('the sender may write over its buffer at once, though the message still waits', () => {
    const room = { left: 0 }
    const { channel, sent } = channelOver(room)
    const buffer = Uint8Array.of(1, 2, 3)
    channel.send(buffer)
    buffer.fill(9)
    room.left = 1
    channel.pump()
    expect(sent).toEqual([{ data: Uint8Array.of(1, 2, 3), more: false }])
  })

  test('drain comes after a wait, and only then', () => {
    const room = { left: 2 }
    const { channel, sent } = channelOver(room)
    let drains = 0
    channel.on('drain', () => {
      drains += 1
      if (drains < 5) channel.send(Uint8Array.of(9))
    })
    channel.send(Uint8Array.of(1))
    channel.send(Uint8Array.of(2))
    expect(drains).toBe(0)
    channel.send(Uint8Array.of(3))
    room.left = 10
    channel.pump()
    expect(drains).toBe(1)
    expect(sent.map(({ data }) => data[0])).toEqual([1, 2, 3, 9])
  })

  test('whatever the sizes, and however the link stalls, the same messages come out', () => {
    const sizes = fc.array(fc.constantFrom(0, 1, channelDataBytesMax - 1, channelDataBytesMax, 40_000), {
      maxLength: 8,
    })
    fc.assert(
      fc.property(sizes, fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 20 }), (list, stalls) => {
        const room = { left: 0 }
        const { channel, sent } = channelOver(room)
        const other = channelOver({ left: 0 }).channel
        const heard = heardBy(other)
        for (const size of list) channel.send(patterned(size))
        for (const left of [...stalls, 1_000]) {
          room.left = left
          channel.pump()
        }
        for (const { data, more } of sent) {
          expect(data.length).toBeLessThanOrEqual(channelDataBytesMax)
          expect(other.received(data, more)).toBe(true)
        }
        expect(heard.map(({ length }) => length)).toEqual(list)
        expect(heard.every((data) => isPatterned(data))).toBe(true)
        expect(channel.bufferedBytes).toBe(0)
      }),
      { numRuns: 40 },
    )
  })

  test('is told of its end once, and keeps no more from then on', () => {
    const { channel, closes } = channelOver({ left: 9 })
    const ends: string[] = []
    channel.on('close', (reason) => ends.push(reason))
    channel.ended('lost')
    channel.ended('remote')
    channel.close()
    expect(ends).toEqual(['lost'])
    expect(closes()).toBe(0)
    expect(channel.received(Uint8Array.of(1), false)).toBe(true)
    expect(heardBy(channel)).toEqual([])
  })
})
