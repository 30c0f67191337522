import { SeededRandom, StubIdentity } from '@kadrtc/simulator'
import { describe, expect, test } from 'vitest'
import { heardOn, neighbours, oneWayMs } from './neighbours.js'

describe('a link', () => {
  test('delivers in order though the latency varies', async () => {
    const random = new SeededRandom('order')
    const { clock, transports, connect } = neighbours(2, { latencyMs: () => random.integer(50) })
    const { here, there } = await connect(transports[0]!, transports[1]!)
    const heard = heardOn(there)
    for (let i = 0; i < 200; i++) here.send(Uint8Array.of(i))
    await clock.advance(60)
    expect(heard.messages).toEqual(Array.from({ length: 200 }, (_, i) => [i]))
  })

  test('brings what was sent before a close, and nothing after it', async () => {
    const { clock, transports, connect } = neighbours(2)
    const { here, there } = await connect(transports[0]!, transports[1]!)
    const heard = heardOn(there)
    here.send(Uint8Array.of(1))
    there.send(Uint8Array.of(2))
    here.close()
    expect(here.send(Uint8Array.of(3))).toBe(false)
    await clock.advance(oneWayMs)
    expect(heard).toEqual({ messages: [[1]], closes: ['remote'] })
  })

  test('does not share memory with the sender', async () => {
    const { clock, transports, connect } = neighbours(2)
    const { here, there } = await connect(transports[0]!, transports[1]!)
    const heard = heardOn(there)
    const buffer = Uint8Array.of(1)
    here.send(buffer)
    buffer[0] = 2
    await clock.advance(oneWayMs)
    expect(heard.messages).toEqual([[1]])
  })

  test('takes as long as its bandwidth says, and says what waits', async () => {
    const { clock, transports, connect } = neighbours(2, { bytesPerSecond: 1_000_000 })
    const { here, there } = await connect(transports[0]!, transports[1]!)
    const heard = heardOn(there)
    here.send(new Uint8Array(50_000))
    expect(here.bufferedBytes).toBe(50_000)
    await clock.advance(25)
    expect(here.bufferedBytes).toBe(25_000)
    await clock.advance(25 + oneWayMs - 1)
    expect(heard.messages).toHaveLength(0)
    await clock.advance(1)
    expect(heard.messages).toHaveLength(1)
  })

  test('a message beyond the limit is a bug of the sender', async () => {
    const { transports, connect } = neighbours(2)
    const { here } = await connect(transports[0]!, transports[1]!)
    expect(() => here.send(new Uint8Array(96 * 1024 + 1))).toThrow(RangeError)
  })

  test('too much before there is a handler is a violation', async () => {
    const { clock, transports, connect } = neighbours(2, { earlyBytesMax: 100 })
    const { here, there } = await connect(transports[0]!, transports[1]!)
    const closes: string[] = []
    here.onClose((reason) => closes.push(reason))
    there.onClose((reason) => closes.push(reason))
    here.send(new Uint8Array(101))
    await clock.advance(2 * oneWayMs)
    expect(closes).toEqual(['violation', 'remote'])
  })

  test('can be made to lose a message', async () => {
    const { clock, network, transports, connect } = neighbours(2)
    const { here, there } = await connect(transports[0]!, transports[1]!)
    const heard = heardOn(there)
    network.faults.drop = ({ bytes }) => bytes[0] === 2
    for (const byte of [1, 2, 3]) here.send(Uint8Array.of(byte))
    await clock.advance(oneWayMs)
    expect(heard.messages).toEqual([[1], [3]])
  })
})

describe('silence', () => {
  test('a crashed peer is lost after 15 s, and says nothing more', async () => {
    const { clock, network, transports, connect } = neighbours(2)
    const { here, there } = await connect(transports[0]!, transports[1]!)
    const [left, dead] = [heardOn(here), heardOn(there)]
    network.crash(transports[1]!.identity.id)
    expect(there.send(Uint8Array.of(1))).toBe(false)
    expect(here.send(Uint8Array.of(1))).toBe(true)
    await clock.advance(14_999)
    expect(left.closes).toEqual([])
    await clock.advance(1)
    expect(left.closes).toEqual(['lost'])
    await clock.advance(60_000)
    expect(dead).toEqual({ messages: [], closes: [] })
    expect(clock.pendingTimers).toBe(0)
  })

  test('a probe finds a crashed peer in 3 s, and leaves a living one alone', async () => {
    const { clock, network, transports, connect } = neighbours(2)
    const { here } = await connect(transports[0]!, transports[1]!)
    const left = heardOn(here)
    here.probe()
    await clock.advance(60_000)
    expect(left.closes).toEqual([])
    network.crash(transports[1]!.identity.id)
    await clock.advance(1_000)
    here.probe()
    here.probe()
    await clock.advance(2_999)
    expect(left.closes).toEqual([])
    await clock.advance(1)
    expect(left.closes).toEqual(['lost'])
  })

  test('a short cut only delays what was sent', async () => {
    const { clock, network, transports, connect } = neighbours(2)
    const { here, there } = await connect(transports[0]!, transports[1]!)
    const heard = heardOn(there)
    network.cut(() => true)
    here.send(Uint8Array.of(1))
    await clock.advance(10_000)
    expect(heard.messages).toEqual([])
    network.heal()
    await clock.advance(60_000)
    expect(heard).toEqual({ messages: [[1]], closes: [] })
  })

  test('a long cut loses the link at both ends', async () => {
    const { clock, network, transports, connect } = neighbours(2)
    const { here, there } = await connect(transports[0]!, transports[1]!)
    const both = [heardOn(here), heardOn(there)]
    network.cut(() => true)
    await clock.advance(15_000)
    expect(both.map(({ closes }) => closes)).toEqual([['lost'], ['lost']])
  })

  test('a close during a cut is not told: the other end finds silence', async () => {
    const { clock, network, transports, connect } = neighbours(2)
    const { here, there } = await connect(transports[0]!, transports[1]!)
    const heard = heardOn(there)
    network.cut(() => true)
    here.close()
    network.heal()
    await clock.advance(14_999)
    expect(heard.closes).toEqual([])
    await clock.advance(1)
    expect(heard.closes).toEqual(['lost'])
  })

  test('a cut in one direction is found by the side that hears nothing, which tells the other', async () => {
    const { clock, network, transports, connect } = neighbours(2)
    const [a, b] = transports
    const { here, there } = await connect(a!, b!)
    const both = [heardOn(here), heardOn(there)]
    network.cut((from) => from === a!.identity.id)
    await clock.advance(15_000 + oneWayMs)
    expect(both.map(({ closes }) => closes)).toEqual([['remote'], ['lost']])
  })

  test('an id that nobody has can crash', () => {
    const { network, random } = neighbours(1)
    expect(() => network.crash(StubIdentity.random(random).id)).not.toThrow()
  })
})
