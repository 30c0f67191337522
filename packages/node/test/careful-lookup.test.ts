import { type Id, idToHex } from '@kadrtc/kademlia'
import { VirtualClock } from '@kadrtc/simulator'
import { describe, expect, test } from 'vitest'
import { carefulLookup, type Findings } from '../src/lookups/careful-lookup.js'
import type { Contact } from '../src/lookups/contact.js'
import type { Rpc } from '../src/rpc/rpc.js'
import { settingsWith, tinyId } from './fake-link.js'

const own = tinyId('10000000')
const target = tinyId('0')
const wanted = tinyId('1')
const [alive, dead] = [tinyId('10'), tinyId('11')]
const hedgeAfterMs = 100
const timeoutMs = 4_000

/** A lookup of `wanted`, which `dead` has named; `answersAfterMs` of each route, and the others never answer. */
function looking(answersAfterMs: (route: readonly Id[]) => number | undefined, seeds: readonly Contact[]) {
  const clock = new VirtualClock()
  const relayed = { hedgeAfterMs }
  const rpc = { roundTrips: { direct: relayed, relayed }, noteSilence: () => undefined, isLively: () => true }
  const asked: string[] = []
  const ask = ({ route }: Contact): Promise<Findings> => {
    asked.push(route.map((id) => idToHex(id).slice(-2)).join('>'))
    return new Promise((resolve, reject) => {
      const afterMs = answersAfterMs(route)
      if (afterMs === undefined) clock.setTimer(timeoutMs, () => reject(new Error('TIMEOUT')))
      else clock.setTimer(afterMs, () => resolve({ contacts: [], route }))
    })
  }
  const settings = settingsWith({ k: 3, requestTimeoutMs: timeoutMs })
  const abort = new AbortController()
  const options = { target, own, seeds, ask, paths: 1, signal: abort.signal }
  const found = carefulLookup({ clock, rpc: rpc as unknown as Rpc, settings }, options)
  return { clock, found, asked, abort }
}

const seeds = [
  { id: alive, route: [alive] },
  { id: wanted, route: [dead, wanted] },
]

describe('whom a dead relay has named', () => {
  for (const [when, aliveMs] of [
    ['before', 20],
    ['after', 3 * hedgeAfterMs],
  ] as const) {
    test(`is asked through who has answered, be it ${when} the answer is late`, async () => {
      const { clock, found, asked } = looking(
        (route) => (route[0] === dead ? undefined : route[0] === alive && route[1] ? 40 : aliveMs),
        seeds,
      )
      const closest = await clock.settle(found, { withinMs: 1_000 })
      expect(closest.map(({ id }) => id)).toEqual([wanted, alive])
      expect(asked).toEqual(['03>01', '02', '02>01'])
      expect(clock.pendingTimers).toBeLessThanOrEqual(1)
    })
  }

  test('is not asked the same way again', async () => {
    const { clock, found, asked } = looking(
      (route) => (route[1] ? undefined : 20),
      [
        { id: dead, route: [dead] },
        { id: wanted, route: [dead, wanted] },
      ],
    )
    const closest = await clock.settle(found, { withinMs: timeoutMs + 10 })
    expect(closest.map(({ id }) => id)).toEqual([dead])
    expect(asked).toEqual(['03>01', '03'])
  })

  test('is asked no more once nobody waits', async () => {
    const { clock, found, asked, abort } = looking((route) => (route[0] === dead ? undefined : 20), seeds)
    await clock.advance(50)
    abort.abort(new Error('enough'))
    await expect(clock.settle(found, { withinMs: 1 })).rejects.toThrow('enough')
    await clock.advance(timeoutMs)
    expect(asked).toEqual(['03>01', '02'])
    expect(clock.pendingTimers).toBe(0)
  })
})
