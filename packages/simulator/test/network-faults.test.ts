import { describe, expect, test } from 'vitest'
import { heardOn, neighbours, oneWayMs, signalMs } from './neighbours.js'

async function pair() {
  const all = neighbours(2)
  const [a, b] = all.transports
  const { here, there } = await all.connect(a!, b!)
  return { ...all, a: a!, b: b!, here, there }
}

describe('a delay', () => {
  test('holds a message up, and those behind it on its link', async () => {
    const { clock, network, here, there } = await pair()
    const heard = heardOn(there)
    network.faults.delayMs = ({ bytes }) => (bytes[0] === 2 ? 100 : 0)
    for (const byte of [1, 2, 3]) here.send(Uint8Array.of(byte))
    await clock.advance(oneWayMs + 99)
    expect(heard.messages).toEqual([[1]])
    await clock.advance(1)
    expect(heard.messages).toEqual([[1], [2], [3]])
  })

  test('below zero is none: nothing arrives before it was sent', async () => {
    const { clock, network, here, there } = await pair()
    const heard = heardOn(there)
    network.faults.delayMs = () => -1_000
    here.send(Uint8Array.of(1))
    await clock.advance(oneWayMs - 1)
    expect(heard.messages).toEqual([])
  })
})

describe('a replay', () => {
  test('brings a message a second time, later', async () => {
    const { clock, network, a, b, here, there } = await pair()
    const heard = heardOn(there)
    const ways: boolean[] = []
    network.faults.replay = ({ from, to, bytes }) => {
      ways.push(from === a.identity.id && to === b.identity.id)
      return bytes[0] === 1 ? 50 : undefined
    }
    here.send(Uint8Array.of(1))
    here.send(Uint8Array.of(2))
    await clock.advance(oneWayMs + 49)
    expect(heard.messages).toEqual([[1], [2]])
    await clock.advance(1)
    expect(heard.messages).toEqual([[1], [2], [1]])
    expect(ways).toEqual([true, true])
  })

  test('of a message that was dropped brings nothing, nor does one over a link that has closed', async () => {
    const { clock, network, here, there } = await pair()
    const heard = heardOn(there)
    network.faults.replay = () => 50
    network.faults.drop = ({ bytes }) => bytes[0] === 1
    here.send(Uint8Array.of(1))
    await clock.advance(1_000)
    expect(heard.messages).toEqual([])
    here.send(Uint8Array.of(2))
    here.close()
    await clock.advance(1_000)
    expect(heard).toEqual({ messages: [[2]], closes: ['remote'] })
  })
})

describe('a slow node', () => {
  test('gets each message late, is heard as soon as ever, and its links show it', async () => {
    const { clock, transports, connect } = neighbours(2)
    const [a, b] = transports
    b!.slowMs = 100
    const { here, there } = await connect(a!, b!)
    // Two signals, five round trips, and the news of the link.
    expect(clock.elapsedMs).toBe(2 * signalMs + 5 * (2 * oneWayMs + 100) + oneWayMs + 100)
    expect(here.rttMs).toBe(2 * oneWayMs + 100)
    const both = [heardOn(here), heardOn(there)]
    here.send(Uint8Array.of(1))
    there.send(Uint8Array.of(2))
    await clock.advance(oneWayMs)
    expect(both.map(({ messages }) => messages)).toEqual([[[2]], []])
    await clock.advance(100)
    expect(both.map(({ messages }) => messages)).toEqual([[[2]], [[1]]])
  })
})

describe('a frozen tab', () => {
  test('hears after a short freeze all that was sent, in order, and keeps its links', async () => {
    const { clock, network, b, here, there } = await pair()
    const both = [heardOn(here), heardOn(there)]
    network.freeze(b.identity.id)
    for (const byte of [1, 2, 3]) here.send(Uint8Array.of(byte))
    await clock.advance(10_000)
    expect(both[1]!.messages).toEqual([])
    network.thaw(b.identity.id)
    here.send(Uint8Array.of(4))
    await clock.advance(60_000)
    expect(both[1]).toEqual({ messages: [[1], [2], [3], [4]], closes: [] })
    expect(both[0]!.closes).toEqual([])
  })

  test('is lost after 15 s like a crashed one, and learns of it when it thaws', async () => {
    const { clock, network, b, here, there } = await pair()
    const both = [heardOn(here), heardOn(there)]
    network.freeze(b.identity.id)
    await clock.advance(14_999)
    expect(both[0]!.closes).toEqual([])
    await clock.advance(10_000)
    expect(both.map(({ closes }) => closes)).toEqual([['lost'], []])
    network.thaw(b.identity.id)
    await clock.advance(0)
    expect(both[1]!.closes).toEqual(['remote'])
  })

  test('is found by a probe in 3 s', async () => {
    const { clock, network, b, here } = await pair()
    const heard = heardOn(here)
    network.freeze(b.identity.id)
    here.probe()
    await clock.advance(3_000)
    expect(heard.closes).toEqual(['lost'])
  })

  test('whose peer crashed finds it out when it thaws', async () => {
    const { clock, network, a, b, there } = await pair()
    const heard = heardOn(there)
    network.freeze(b.identity.id)
    network.crash(a.identity.id)
    await clock.advance(60_000)
    expect(heard.closes).toEqual([])
    network.thaw(b.identity.id)
    await clock.advance(0)
    expect(heard.closes).toEqual(['lost'])
  })

  test('takes the link that was opened to it meanwhile, or finds that its dialler gave it up', async () => {
    for (const [frozenMs, taken] of [
      [5_000, true],
      [30_000, false],
    ] as const) {
      const { clock, network, transports, dial } = neighbours(2)
      const [a, b] = transports
      const told: unknown[] = []
      b!.onLink((link) => told.push(link))
      const dialled = dial(a!, b!)
      // Both have agreed; the link is not yet open.
      await clock.advance(100)
      network.freeze(b!.identity.id)
      await clock.settle(dialled, { withinMs: 1_000 })
      await clock.advance(frozenMs)
      expect(told).toHaveLength(0)
      network.thaw(b!.identity.id)
      await clock.advance(60_000)
      expect([a!.links.length, b!.links.length]).toEqual(taken ? [1, 1] : [0, 0])
    }
  })

  test('answers the signals that came meanwhile', async () => {
    const { clock, network, transports, dial } = neighbours(2)
    const [a, b] = transports
    network.freeze(b!.identity.id)
    const dialled = dial(a!, b!)
    await clock.advance(5_000)
    expect(network.counters.linksOpened).toBe(0)
    network.thaw(b!.identity.id)
    await clock.settle(dialled, { withinMs: 1_000 })
  })

  test('that never thaws leaves nothing behind with its peers', async () => {
    const { clock, network, a, b, here } = await pair()
    network.freeze(b.identity.id)
    here.send(Uint8Array.of(1))
    await clock.advance(60_000)
    expect(a.links).toHaveLength(0)
    network.crash(b.identity.id)
    await clock.advance(60_000)
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a cut that heals', () => {
  test('in one direction brings late what was sent into it', async () => {
    const { clock, network, a, here, there } = await pair()
    const both = [heardOn(here), heardOn(there)]
    network.cut((from) => from === a.identity.id)
    here.send(Uint8Array.of(1))
    there.send(Uint8Array.of(2))
    await clock.advance(10_000)
    expect(both.map(({ messages }) => messages)).toEqual([[[2]], []])
    network.heal()
    await clock.advance(60_000)
    expect(both).toEqual([
      { messages: [[2]], closes: [] },
      { messages: [[1]], closes: [] },
    ])
  })

  test('lets those it parted link again', async () => {
    for (const isCut of [() => true, (from: unknown, first: unknown) => from === first]) {
      const { clock, network, a, b, dial } = await pair()
      network.cut((from) => isCut(from, a.identity.id))
      await clock.advance(20_000)
      expect([a.links.length, b.links.length]).toEqual([0, 0])
      network.heal()
      await clock.settle(dial(a, b), { withinMs: 1_000 })
    }
  })
})
