import { type Id, idToHex } from '@kadrtc/kademlia'
import type { Link, SignalPath } from '@kadrtc/node'
import { SeededRandom, type VirtualTransport } from '@kadrtc/simulator'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { heardOn, neighbours, oneWayMs, signalMs } from './neighbours.js'

const rttMs = 2 * oneWayMs
const nowhere: SignalPath = { send: () => {} }
const compareIds = (a: Id, b: Id) => (idToHex(a) < idToHex(b) ? -1 : 1)

describe('dialling', () => {
  test('takes a signal there and back and five round trips more', async () => {
    const { clock, transports, dial } = neighbours(2)
    const [a, b] = transports
    let openedThereMs: number | undefined
    b!.onLink(() => {
      openedThereMs = clock.elapsedMs
    })
    const link = await clock.settle(dial(a!, b!), { withinMs: 1_000 })
    expect(clock.elapsedMs).toBe(2 * signalMs + 5 * rttMs)
    expect(link.rttMs).toBe(rttMs)
    await clock.advance(100)
    expect(openedThereMs).toBe(2 * signalMs + 5 * rttMs + oneWayMs)
    expect(clock.pendingTimers).toBe(0)
  })

  test('nobody answers: TIMEOUT after 15 s', async () => {
    const { clock, transports } = neighbours(2)
    const dial = transports[0]!.dial(transports[1]!.identity.id, nowhere)
    await expect(clock.settle(dial, { withinMs: 20_000 })).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(clock.elapsedMs).toBe(15_000)
  })

  test('they agree but cannot connect: UNREACHABLE after 15 s', async () => {
    const { clock, network, transports, dial } = neighbours(2)
    network.faults.canConnect = () => false
    await expect(
      clock.settle(dial(transports[0]!, transports[1]!), { withinMs: 20_000 }),
    ).rejects.toMatchObject({
      code: 'UNREACHABLE',
    })
    expect(clock.elapsedMs).toBe(15_000)
  })

  test('a dial leaves no listener behind, however it ends', async () => {
    const { clock, transports, path } = neighbours(2)
    const [a, b] = transports
    const listeners = new Set<() => void>()
    const signal = {
      aborted: false,
      reason: undefined,
      addEventListener: (_type: 'abort', listener: () => void) => void listeners.add(listener),
      removeEventListener: (_type: 'abort', listener: () => void) => void listeners.delete(listener),
    }
    const inVain = a!.dial(b!.identity.id, nowhere, { signal })
    await expect(clock.settle(inVain, { withinMs: 20_000 })).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(listeners.size).toBe(0)
    const dial = a!.dial(b!.identity.id, path(a!, b!), { signal })
    expect(listeners.size).toBe(1)
    await clock.settle(dial, { withinMs: 1_000 })
    expect(listeners.size).toBe(0)
  })

  test('more dials than allowed are BUSY, at either side', async () => {
    const { clock, transports, dial } = neighbours(4, { dialsMax: 2 })
    const [a, b, c, d] = transports
    const outgoing = [dial(a!, b!), dial(a!, c!), dial(a!, d!)]
    await expect(clock.settle(outgoing[2]!, { withinMs: 10 })).rejects.toMatchObject({ code: 'BUSY' })
    await clock.settle(Promise.all(outgoing.slice(0, 2)), { withinMs: 1_000 })
    const incoming = neighbours(4, { dialsMax: 2 })
    const [target, ...callers] = incoming.transports
    const answers = Promise.allSettled(callers.map((caller) => incoming.dial(caller, target!)))
    const outcomes = await incoming.clock.settle(answers, { withinMs: 1_000 })
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(outcomes[2]).toMatchObject({ reason: { code: 'BUSY' } })
  })

  test('whenever two peers dial each other, each gets one link, and it is the same', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(400), fc.boolean(), async (gapMs, isLowFirst) => {
        const { clock, transports, dial } = neighbours(2)
        const [first, second] = isLowFirst ? transports : [...transports].reverse()
        const opened = new Map<unknown, string[]>(transports.map((transport) => [transport, []]))
        for (const transport of transports) {
          transport.onLink((link) => opened.get(transport)!.push(link.connectionId))
        }
        const one = dial(first!, second!)
        await clock.advance(gapMs)
        const links = await clock.settle(Promise.all([one, dial(second!, first!)]), { withinMs: 2_000 })
        await clock.advance(20_000)
        expect(links[0].connectionId).toBe(links[1].connectionId)
        for (const ids of opened.values()) expect(ids).toEqual([links[0].connectionId])
        expect(transports.map((transport) => transport.links.length)).toEqual([1, 1])
        expect(clock.pendingTimers).toBe(0)
      }),
      { numRuns: 100 },
    )
  })

  test('glare gives one link even if one of the two paths is dead', async () => {
    for (const deadFrom of [0, 1]) {
      const { clock, transports, path } = neighbours(2)
      const dials = transports.map((transport, i) => {
        const peer = transports[1 - i]!
        const way = i === deadFrom ? nowhere : path(transport, peer)
        return transport.dial(peer.identity.id, way)
      })
      const links = await clock.settle(Promise.all(dials), { withinMs: 1_000 })
      expect(links[0]!.connectionId).toBe(links[1]!.connectionId)
    }
  })

  test('replayed signals open no second link', async () => {
    const { clock, transports, path } = neighbours(2)
    const [a, b] = transports
    const seen: Uint8Array[] = []
    const dial = a!.dial(b!.identity.id, {
      send(signal) {
        seen.push(signal)
        path(a!, b!).send(signal)
      },
    })
    const link = await clock.settle(dial, { withinMs: 1_000 })
    for (const signal of seen) b!.receiveSignal(a!.identity.id, signal, path(b!, a!))
    await clock.advance(30_000)
    expect(a!.links).toEqual([link])
    expect(b!.links.map(({ connectionId }) => connectionId)).toEqual([link.connectionId])
    expect(a!.signalsDropped).toBe(1)
  })

  test('glare gives one link whatever the delays of signals and messages', async () => {
    const scenario = fc.record({ seed: fc.nat(), gapMs: fc.nat(300), isLowFirst: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(scenario, async ({ seed, gapMs, isLowFirst }) => {
        const random = new SeededRandom(seed)
        const { clock, transports } = neighbours(2, {
          latencyMs: () => random.integer(60),
          dialRoundTrips: 1,
        })
        const path = (from: VirtualTransport, to: VirtualTransport): SignalPath => ({
          send: (signal) =>
            void clock.setTimer(random.integer(200), () =>
              to.receiveSignal(from.identity.id, signal, path(to, from)),
            ),
        })
        const [first, second] = isLowFirst ? transports : [...transports].reverse()
        const one = first!.dial(second!.identity.id, path(first!, second!))
        await clock.advance(gapMs)
        const two = second!.dial(first!.identity.id, path(second!, first!))
        const links = await clock.settle(Promise.all([one, two]), { withinMs: 20_000 })
        await clock.advance(20_000)
        expect(transports.map((transport) => transport.links.length)).toEqual([1, 1])
        expect(
          new Set([...links, ...transports.flatMap((t) => t.links)].map((l) => l.connectionId)).size,
        ).toBe(1)
      }),
      { numRuns: 300 },
    )
  })

  test('links that cross, which takes a replayed signal, become the one that the lower id opened', async () => {
    const { clock, transports } = neighbours(2)
    const [low, high] = [...transports].sort((a, b) => compareIds(a.identity.id, b.identity.id))
    const requests: Uint8Array[] = []
    const atOnce: SignalPath = {
      send: (signal) => high!.receiveSignal(low!.identity.id, signal, nowhere),
    }
    const fromHigh = high!.dial(low!.identity.id, { send: (signal) => void requests.push(signal) })
    low!.receiveSignal(high!.identity.id, requests[0]!, atOnce)
    const fromLow = low!.dial(high!.identity.id, nowhere)
    low!.receiveSignal(high!.identity.id, requests[0]!, nowhere)
    const link = await clock.settle(fromLow, { withinMs: 1_000 })
    await clock.settle(fromHigh, { withinMs: 1_000 })
    await clock.advance(100)
    expect(low!.links).toEqual([link])
    expect(high!.links.map(({ connectionId }) => connectionId)).toEqual([link.connectionId])
  })

  test('a higher id that has yielded opens the link after all when the lower one gives up', async () => {
    const { clock, transports, path, dial } = neighbours(2)
    const [low, high] = [...transports].sort((a, b) => compareIds(a.identity.id, b.identity.id))
    const fromHigh = dial(high!, low!)
    await clock.advance(signalMs)
    const cancel = new AbortController()
    const fromLow = low!.dial(high!.identity.id, path(low!, high!), { signal: cancel.signal })
    await clock.advance(signalMs + 1)
    cancel.abort('enough')
    await expect(fromLow).rejects.toBe('enough')
    const link = await clock.settle(fromHigh, { withinMs: 1_000 })
    await clock.advance(100)
    expect(low!.links.map(({ connectionId }) => connectionId)).toEqual([link.connectionId])
  })

  test('a link that the other side no longer expects is closed by it', async () => {
    const { clock, transports, path } = neighbours(2)
    const [a, b] = transports
    const dial = a!.dial(b!.identity.id, {
      send(request) {
        path(a!, b!).send(request)
        const cancel = request.slice()
        cancel[1] = 4
        path(a!, b!).send(cancel)
      },
    })
    const heard = heardOn(await clock.settle(dial, { withinMs: 1_000 }))
    await clock.advance(2 * oneWayMs)
    expect(heard.closes).toEqual(['remote'])
    expect([a!.links, b!.links]).toEqual([[], []])
  })

  test('signals with a wrong mark, kind or length are counted and dropped', () => {
    const { transports, path } = neighbours(2)
    const [a, b] = transports
    const bad = [[], [0x76, 0], [0, 0, 1, 2, 3, 4, 5, 6, 7, 8], [0x76, 5, 1, 2, 3, 4, 5, 6, 7, 8]]
    for (const bytes of bad) b!.receiveSignal(a!.identity.id, Uint8Array.from(bytes), path(b!, a!))
    expect(b!.signalsDropped).toBe(4)
  })

  test('any bytes as a signal do no harm', async () => {
    const { clock, transports, path, connect } = neighbours(2)
    const [a, b] = transports
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        b!.receiveSignal(a!.identity.id, bytes, path(b!, a!))
      }),
    )
    await connect(a!, b!)
    await clock.advance(20_000)
    expect(clock.pendingTimers).toBe(0)
  })

  test('a node that comes back with its id gets a new link, which the end of the old one does not touch', async () => {
    const { clock, network, transports, path, connect } = neighbours(2)
    const [a, b] = transports
    const old = heardOn((await connect(a!, b!)).there)
    network.crash(a!.identity.id)
    const reloaded = network.transport(a!.identity)
    const fresh: Link[] = []
    b!.onLink((link) => fresh.push(link))
    await clock.settle(reloaded.dial(b!.identity.id, path(reloaded, b!)), { withinMs: 1_000 })
    await clock.advance(oneWayMs)
    expect(old.closes).toEqual(['lost'])
    await clock.advance(60_000)
    expect(b!.links).toEqual(fresh)
    expect(fresh).toHaveLength(1)
  })

  test('two living nodes cannot have one id', () => {
    const { network, transports } = neighbours(1)
    expect(() => network.transport(transports[0]!.identity)).toThrow('alive')
  })
})
