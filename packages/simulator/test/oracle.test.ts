import { compareDistances, type Id, idKey } from '@kadrtc/kademlia'
import { SeededRandom } from '@kadrtc/simulator'
import { describe, expect, test } from 'vitest'
import { Oracle, type OracleOptions } from '../src/oracle.js'

/** An id that begins with these eight bits, all others 0. */
function id(bits: string): Id {
  const bytes = new Uint8Array(20)
  bytes[0] = Number.parseInt(bits, 2)
  return bytes as Id
}

const a = id('00000000')
const b = id('01000000')
const d = id('11000000')
const e = id('11100000')
const f = id('11110000')
/** Its owner is f. */
const target = id('11110001')

/** One way, in ms; 100 for all other pairs. */
type Distances = readonly (readonly [x: Id, y: Id, ms: number])[]

function oracle(ids: readonly Id[], distances: Distances, options: Partial<OracleOptions> = {}): Oracle {
  const pair = (x: Id, y: Id) => [idKey(x), idKey(y)].sort().join()
  const known = new Map(distances.map(([x, y, ms]) => [pair(x, y), ms]))
  return new Oracle({
    ids,
    latencyMs: (from, to) => known.get(pair(from, to)) ?? 100,
    random: new FirstOnes(1),
    k: 1,
    linksPerBucket: 1,
    alpha: 1,
    dialRoundTrips: 5,
    ...options,
  })
}

/** Draws nothing by chance: of what there is it takes the first. */
class FirstOnes extends SeededRandom {
  override fork(): SeededRandom {
    return this
  }
  override sample<T>(items: readonly T[], count: number): T[] {
    return items.slice(0, count)
  }
}

describe('the k closest', () => {
  test('are those that sorting all by distance gives', () => {
    const random = new SeededRandom('closest')
    const ids = Array.from({ length: 200 }, () => random.bytes(20) as Id)
    const seen = oracle(ids, [])
    for (let i = 0; i < 50; i++) {
      const key = random.bytes(20) as Id
      const sorted = [...ids].sort((x, y) => compareDistances(key, x, y))
      expect(seen.closest(key, 20)).toEqual(sorted.slice(0, 20))
    }
    expect(seen.closest(target, 500)).toHaveLength(200)
  })
})

describe('greedy routing on perfect tables', () => {
  const near: Distances = [
    [a, b, 5],
    [a, d, 10],
    [d, e, 1],
    [d, f, 7],
    [e, f, 3],
  ]

  test('takes the fastest link of each bucket and the siblings, and goes there and back', () => {
    // a has links to its sibling b and, of the half of d, e and f, to d, the fastest. d has e, e has f.
    expect(oracle([a, b, d, e, f], near).greedy(a, target)).toEqual({ ms: 20 + 2 + 6, hops: 3 })
  })

  test('ends at once where it begins with the owner', () => {
    expect(oracle([a, b, d, e, f], near).greedy(f, target)).toEqual({ ms: 0, hops: 0 })
  })

  test('takes a slower link where it gains bits enough: 45 ms for each', () => {
    // Over d: 10 ms and log2(0x31) = 5.6 bits left, 262.7 ms. Over f: no bit left, so 262 ms are less and 263 are more.
    const ids = [a, d, e, f]
    const wide = { linksPerBucket: 3 }
    const slow = (ms: number) => oracle(ids, [...near, [a, f, ms]], wide).greedy(a, target)
    expect(slow(262)).toEqual({ ms: 524, hops: 1 })
    expect(slow(263)).toEqual({ ms: 20 + 14, hops: 2 })
  })
})

describe('links into a bucket', () => {
  const [slow, slower] = [id('10000000'), id('10100000')]
  const [g, h, i] = [id('11010000'), id('11111000'), id('11111100')]
  const from: Distances = [
    [a, d, 1],
    [a, e, 2],
    [a, f, 3],
    [a, slower, 5],
    [a, slow, 4],
    [a, g, 3.1],
    [a, h, 3.2],
    [a, i, 3.3],
  ]

  test('lead to the fastest, and to the fastest of the other half if all these are in one', () => {
    const into = (linksPerBucket: number, members: readonly Id[]) =>
      oracle([a, ...members], from, { linksPerBucket }).linksInto(a, 159, members)
    expect(into(1, [slower, slow, f, e, d])).toEqual([d])
    // Of the farthest bucket six instead of two. The last place is the other half's.
    expect(into(2, [slower, slow, i, h, g, f, e, d])).toEqual([d, e, f, g, h, slow])
    expect(into(2, [slower, slow, f, e, d])).toEqual([d, e, f, slow, slower])
    expect(into(2, [f, e, d])).toEqual([d, e, f])
    // Fewer than there could be: each once.
    expect(into(2, [slow, d])).toEqual([d, slow])
    expect(into(2, [])).toEqual([])
  })
})

describe('an iterative lookup that dials whom it asks', () => {
  const near: Distances = [
    [a, d, 10],
    [d, f, 7],
    [a, f, 50],
  ]

  test('pays the signal over whoever named a contact, the round trips of a connection, and the question', () => {
    // d is known: 5 connection round trips of 20 ms and one to ask. It names f: 20 + 14 ms of signal, then 6 times 100 ms.
    expect(oracle([a, d, f], near).dialing(a, target)).toBe(6 * 20 + (20 + 14) + 6 * 100)
  })

  test('ends when the first of the k closest has answered', () => {
    // Both are asked; f is the owner, but d is one of the two closest, and nearer to who asks.
    expect(oracle([a, d, f], near, { k: 2, alpha: 2 }).dialing(a, target)).toBe(6 * 20)
    expect(oracle([a, d, f], near, { k: 2, alpha: 1 }).dialing(a, target)).toBe(6 * 100)
  })

  test('asks alpha at once: the sooner answer counts, whoever was asked first', () => {
    const beside = [a, d, e, f]
    const far: Distances = [...near, [a, e, 4], [e, f, 1]]
    // Its bucket holds d and e, of which e is nearer to the target and asked first; then d is asked too.
    const two = { k: 2, alpha: 2 }
    expect(oracle(beside, far, two).dialing(a, target)).toBe(6 * 8)
    const slowFirst: Distances = [...near, [a, e, 400], [e, f, 1]]
    const alone = oracle(beside, slowFirst, { k: 2, alpha: 1 }).dialing(a, target)
    expect(alone).toBe(6 * 800)
    // d answers after 120 ms and names f, whom it signals: before e has its connection.
    expect(oracle(beside, slowFirst, two).dialing(a, target)).toBe(120 + 34 + 600)
  })

  test('takes no time for who is among the k closest', () => {
    expect(oracle([a, d, f], near).dialing(f, target)).toBe(0)
  })
})

test('a round trip is both ways, which may differ', () => {
  const lopsided = oracle([a, b], [], { latencyMs: (from) => (from === a ? 3 : 8) })
  expect(lopsided.roundTripMs(a, b)).toBe(11)
})
