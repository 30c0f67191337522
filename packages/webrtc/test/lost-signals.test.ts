import type { SignalPath } from '@kadrtc/node'
import { decodeSignal, type Signal } from '@kadrtc/wire'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { ManualClock } from './manual-clock.js'
import { openConnections, stopNodeWebRtc } from './node-webrtc.js'
import { pathBetween, type TestNode, testNode } from './transport-pair.js'

/** Time passes at each loss: neither a dial nor a link that one side has already may end by that. */
const limits = { dialTimeoutMs: 600_000, heartbeat: { idleMs: 600_000 } }

let clock: ManualClock
const nodes: TestNode[] = []
async function twoNodes(): Promise<[TestNode, TestNode]> {
  clock = new ManualClock(Date.now())
  const pair = await Promise.all([testNode({ clock, limits }), testNode({ clock, limits })])
  nodes.push(...pair)
  return pair
}

afterEach(async () => {
  const closed = Promise.all(nodes.splice(0).map(({ transport }) => transport.close()))
  // A goodbye may take its time.
  clock.pass(1_000)
  await closed
  expect(openConnections.size).toBe(0)
  expect(clock.pendingTimers).toBe(0)
})
afterAll(stopNodeWebRtc)

type Loses = (signal: Signal, again: boolean) => boolean

/** A path that loses signals, and so does the way back. Soon after each loss it is time to say it again. */
function lossyPath(from: TestNode, to: TestNode, loses: Loses): SignalPath {
  return {
    send(bytes, again = false) {
      const isLost = loses(decodeSignal(bytes).signal, again)
      setImmediate(() => {
        if (isLost) clock.pass(1_500)
        else to.transport.receiveSignal(from.identity.id, bytes, lossyPath(to, from, loses))
      })
    },
  }
}

describe('signals that are lost', () => {
  test.each(['request', 'offer', 'answer', 'candidates'] as const)(
    'a lost %s is sent again',
    async (kind) => {
      const [a, b] = await twoNodes()
      let lost = 0
      const path = lossyPath(a, b, (signal, again) => {
        const isLost = signal.kind === kind && !again
        if (isLost) lost++
        return isLost
      })
      const link = await a.transport.dial(b.identity.id, path)
      expect(link.peer).toEqual(b.identity.id)
      expect(lost).toBeGreaterThan(0)
    },
  )

  test('a link comes about if each signal arrives the second time only', async () => {
    const [a, b] = await twoNodes()
    const path = lossyPath(a, b, (_, again) => !again)
    const link = await a.transport.dial(b.identity.id, path)
    expect(link.peer).toEqual(b.identity.id)
  })

  test('what is sent again comes ever more seldom, and ends with the dial', async () => {
    const [a, b] = await twoNodes()
    const beganMs = clock.now()
    const sentAfterMs: number[] = []
    let sent: () => void = () => undefined
    const dial = a.transport.dial(b.identity.id, {
      send: () => {
        sentAfterMs.push(clock.now() - beganMs)
        sent()
      },
    })
    const outcome = expect(dial).rejects.toMatchObject({ code: 'TIMEOUT' })
    await new Promise<void>((resolve) => {
      sent = resolve
    })
    clock.pass(limits.dialTimeoutMs)
    await outcome
    expect(sentAfterMs.slice(0, 4)).toEqual([0, 1_500, 4_500, 10_500])
    expect(clock.pendingTimers).toBe(0)
  })

  test('who relied on the peer’s request asks by itself when the peer gives up', async () => {
    const [a, b] = await twoNodes()
    const cancel = new AbortController()
    const nowhere: SignalPath = { send: () => undefined }
    const unanswered: SignalPath = {
      send: (signal) => a.transport.receiveSignal(b.identity.id, signal, nowhere),
    }
    const fromB = b.transport.dial(a.identity.id, unanswered, { signal: cancel.signal })
    const given = expect(fromB).rejects.toBe('enough')
    while (a.transport.stats().answering === 0) await new Promise((resolve) => setImmediate(resolve))
    const fromA = a.transport.dial(b.identity.id, pathBetween(a, b))
    cancel.abort('enough')
    await given
    expect((await fromA).peer).toEqual(b.identity.id)
  })
})
