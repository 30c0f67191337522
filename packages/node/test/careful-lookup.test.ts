import { equalIds, type Id, idToHex } from '@kadrtc/kademlia'
import { VirtualClock } from '@kadrtc/simulator'
import { describe, expect, test } from 'vitest'
import { KadrtcError } from '../src/errors.js'
import { carefulLookup, type Findings } from '../src/lookups/careful-lookup.js'
import type { Contact } from '../src/lookups/contact.js'
import { LinkTable } from '../src/overlay/link-table.js'
import type { Rpc } from '../src/rpc/rpc.js'
import type { Way } from '../src/rpc/way.js'
import { FakeLink, settingsWith, tinyId } from './fake-link.js'

const own = tinyId('10000000')
const target = tinyId('0')
const wanted = tinyId('1')
const [alive, dead] = [tinyId('10'), tinyId('11')]
const hedgeAfterMs = 100
const timeoutMs = 4_000

/**
 * A lookup of `wanted`, which `dead` has named; `answersAfterMs` of each route, and the others never answer, or a relay says that
 * it cannot reach the next. Packets that find their way themselves have the route of none.
 */
function looking(
  answersAfterMs: (route: readonly Id[]) => number | 'unreachable' | undefined,
  seeds: readonly Contact[],
  k = 3,
) {
  const clock = new VirtualClock()
  const relayed = { hedgeAfterMs }
  const rpc = { roundTrips: { direct: relayed, relayed }, noteSilence: () => undefined, isLively: () => true }
  const asked: string[] = []
  const short = (id: Id) => idToHex(id).slice(-2)
  const ask = ({ id }: Contact, way: Way): Promise<Findings> => {
    const route = way.kind === 'route' ? way.route : []
    asked.push(way.kind === 'toward' ? `${short(way.link.peer)}..${short(id)}` : route.map(short).join('>'))
    return new Promise((resolve, reject) => {
      const afterMs = answersAfterMs(route)
      if (afterMs === undefined) clock.setTimer(timeoutMs, () => reject(new Error('TIMEOUT')))
      else if (afterMs === 'unreachable')
        clock.setTimer(20, () => reject(new KadrtcError('UNREACHABLE', 'no link to the next')))
      else clock.setTimer(afterMs, () => resolve({ contacts: [], route: route.length > 0 ? route : [id] }))
    })
  }
  const settings = settingsWith({ k, requestTimeoutMs: timeoutMs })
  const abort = new AbortController()
  const options = { target, own, seeds, ask, paths: 1, signal: abort.signal }
  const links = new LinkTable(own, settings)
  const linked = seeds.filter(({ route }) => route.length === 1).map(({ id }) => id)
  for (const peer of new Set([dead, alive, ...linked])) links.add(new FakeLink(peer), 0)
  const found = carefulLookup({ clock, rpc: rpc as unknown as Rpc, links, settings }, options)
  return { clock, found, asked, abort, links }
}

const seeds = [
  { id: alive, route: [alive] },
  { id: wanted, route: [dead, wanted] },
]

describe('whom a dead relay has named', () => {
  for (const [when, aliveMs, ways] of [
    ['before', 20, ['03>01', '02', '02>01']],
    ['after', 3 * hedgeAfterMs, ['03>01', '02', '02..01', '02>01']],
  ] as const) {
    test(`is asked through who has answered, be it ${when} the answer is late`, async () => {
      const { clock, found, asked } = looking(
        ([first, last]) => (first !== alive ? undefined : last ? 40 : aliveMs),
        seeds,
      )
      const { closest } = await clock.settle(found, { withinMs: 1_000 })
      expect(closest.map(({ id }) => id)).toEqual([wanted, alive])
      expect(asked).toEqual(ways)
      expect(clock.pendingTimers).toBeLessThanOrEqual(2)
    })
  }

  test('is asked by packets that find their way when the other relay is dead as well', async () => {
    const { clock, found, asked } = looking(
      ([first, last]) => (first === undefined ? 40 : last ? undefined : 20),
      seeds,
    )
    const { closest } = await clock.settle(found, { withinMs: 2 * hedgeAfterMs + 50 })
    expect(closest.map(({ id }) => id)).toEqual([wanted, alive])
    expect(asked).toEqual(['03>01', '02', '02>01', '02..01'])
  })

  test('is asked through somebody near who has answered, and not before that through who is far', async () => {
    const far = tinyId('100000000')
    const answersAfterMs = ([first, last]: readonly Id[]) => {
      if (last) return first === alive ? 10 : 'unreachable'
      if (first === undefined) return undefined
      return first === alive ? 250 : 10
    }
    const { clock, found, asked } = looking(answersAfterMs, [...seeds, { id: far, route: [far] }], 2)
    const { closest } = await clock.settle(found, { withinMs: 4 * hedgeAfterMs })
    expect(closest.map(({ id }) => id)).toEqual([wanted, alive])
    expect(asked).toEqual(['03>01', '02', '00', '02..01', '02>01'])
  })

  for (const { closer, isLinked, more } of [
    { closer: 5, isLinked: true, more: ['08>40', '09>40', '0a>40', '02..40'] },
    { closer: 6, isLinked: true, more: [] },
    { closer: 6, isLinked: false, more: ['02..40'] },
  ]) {
    const what = `${isLinked ? 'two relays' : 'one relay'} cannot reach it${isLinked ? '' : ', the link to the other closed,'} and ${closer} are closer`
    test(`is asked by ${more.length} more ways when ${what}`, async () => {
      const near = Array.from({ length: closer - 1 }, (_, i) => tinyId((8 + i).toString(2)))
      const far = tinyId('1000000')
      const { clock, found, asked, links } = looking(
        ([, last]) => (last ? 'unreachable' : 10),
        [...[alive, ...near].map((id) => ({ id, route: [id] })), { id: far, route: [dead, far] }],
        closer + 1,
      )
      if (!isLinked) links.remove(links.get(dead)!)
      const { closest } = await clock.settle(found, { withinMs: 4 * hedgeAfterMs })
      expect(closest.map(({ id }) => id)).toEqual([alive, ...near, ...(more.length > 0 ? [far] : [])])
      expect(asked.filter((way) => way.endsWith('40'))).toEqual(['03>40', '02>40', ...more])
    })
  }

  test('is asked by no way twice, and waited for no longer than half of the time of a request', async () => {
    const { clock, found, asked } = looking(
      (route) => (route.length === 1 ? 20 : undefined),
      [
        { id: dead, route: [dead] },
        { id: wanted, route: [dead, wanted] },
      ],
    )
    const { closest } = await clock.settle(found, { withinMs: timeoutMs / 2 + 10 })
    expect(closest.map(({ id }) => id)).toEqual([dead])
    expect(asked).toEqual(['03>01', '03', '02..01'])
  })

  test('is given up when nobody near answers while the answer is late four times, all ways being closed', async () => {
    const { clock, found, asked } = looking(() => 'unreachable', [seeds[1]!])
    await expect(clock.settle(found, { withinMs: 4 * hedgeAfterMs + 50 })).resolves.toEqual({
      closest: [],
      heard: 'nobody',
    })
    expect(asked).toEqual(['03>01', '02..01'])
    expect(clock.elapsedMs).toBeGreaterThan(4 * hedgeAfterMs)
  })

  for (const [relays, linked, is] of [
    [3, '100', 'is'],
    [4, '111', 'is'],
    [5, '110', 'is not'],
  ] as const) {
    test(`${is} asked through the one of ${relays} near it that can reach it`, async () => {
      const near = ['100', '101', '110', '111'].map(tinyId)
      const { clock, found, asked } = looking(
        ([first, last]) => {
          if (!last) return first ? 20 : undefined
          return equalIds(first!, tinyId(linked)) ? 40 : 'unreachable'
        },
        [...seeds, ...near.map((id) => ({ id, route: [id] }))],
        6,
      )
      const { closest } = await clock.settle(found, { withinMs: timeoutMs })
      expect(closest.some(({ id }) => equalIds(id, wanted))).toBe(is === 'is')
      expect(asked.filter((way) => way.endsWith('>01'))).toHaveLength(1 + Math.min(relays, 4))
    })
  }

  for (const [others, overMs, closest, more] of [
    ['have not answered', undefined, [wanted, alive], ['02..01', '02>01']],
    ['are out of reach', 'unreachable', [wanted, alive], ['02..01', '02>01']],
    ['are out of reach, as is this one', 'unreachable', [alive], ['02..01', '02>01']],
  ] as const) {
    test(`is asked through the first near it who answers, however late, when all other ways ${others}`, async () => {
      const lateMs = 6 * hedgeAfterMs
      const isThere = closest.length > 1
      const { clock, found, asked } = looking(([first, last]) => {
        if (first !== alive) return overMs
        if (!last) return lateMs
        return isThere ? 40 : undefined
      }, seeds)
      const result = await clock.settle(found, { withinMs: lateMs + 2 * hedgeAfterMs + 10 })
      expect(result.closest.map(({ id }) => id)).toEqual(closest)
      expect(asked).toEqual(['03>01', '02', ...more])
      expect(clock.elapsedMs).toBeGreaterThan(lateMs)
    })
  }

  test('is not asked through who answers late when enough are closer', async () => {
    const near = Array.from({ length: 6 }, (_, i) => tinyId((8 + i).toString(2)))
    const [far, late] = [tinyId('100000000'), tinyId('100000001')]
    const { clock, found, asked } = looking(
      ([first, last]) => {
        if (last || !first) return 'unreachable'
        return first === late ? 6 * hedgeAfterMs : 10
      },
      [...[...near, late].map((id) => ({ id, route: [id] })), { id: far, route: [dead, far] }],
      8,
    )
    const { closest } = await clock.settle(found, { withinMs: 6 * hedgeAfterMs + 50 })
    expect(closest.map(({ id }) => id)).toEqual([...near, late])
    expect(asked.filter((way) => way.endsWith('01>00'))).toEqual([])
  })

  test('is not asked by the way of a link that is silent', async () => {
    const { clock, found, asked, links } = looking(([, last]) => (last ? undefined : 20), [seeds[1]!])
    links.neighbour(alive)!.silent = true
    await expect(clock.settle(found, { withinMs: timeoutMs / 2 + 10 })).resolves.toEqual({
      closest: [],
      heard: 'nobody',
    })
    expect(asked).toEqual(['03>01'])
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

describe('what has been heard', () => {
  const others = ['100', '101', '110', '111'].map((id) => tinyId(id))
  for (const [answering, of, isLinked, heard] of [
    [3, 5, true, 'enough'],
    [2, 4, true, 'enough'],
    [1, 4, true, 'few'],
    [2, 4, false, 'few'],
    [3, 4, false, 'enough'],
    [0, 4, true, 'nobody'],
  ] as const) {
    test(`is ${heard} when ${answering} of ${of} answer, of whom three are wanted, ${isLinked ? 'and' : 'and no'} links stand`, async () => {
      const known = [alive, ...others].slice(0, of)
      const answers = new Set(known.slice(0, answering))
      const { clock, found, links } = looking(
        ([first]) => (answers.has(first!) ? 20 : 'unreachable'),
        known.map((id) => ({ id, route: [id] })),
      )
      if (!isLinked) for (const link of links.links()) links.remove(link)
      expect((await clock.settle(found, { withinMs: timeoutMs })).heard).toBe(heard)
    })
  }
})
