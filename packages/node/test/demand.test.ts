import { type Id, keyIdOf } from '@kadrtc/kademlia'
import { keptRecords, SeededRandom } from '@kadrtc/simulator'
import { describe, expect, test } from 'vitest'
import { copyLifeMsMost, Demand } from '../src/records/demand.js'
import { said, swarm, text } from './swarm.js'

const key = keyIdOf('everybody reads this')

const node = (number: number): Id => keyIdOf(`node ${number}`)

describe('of a key', () => {
  function demandAt() {
    const clock = { ms: 1_000_000 }
    return { clock, demand: new Demand(() => clock.ms, new SeededRandom(1)) }
  }

  test('32 nodes that ask in ten seconds are many, and count as many for ten more', () => {
    const { clock, demand } = demandAt()
    const many = Array.from({ length: 32 }, (_, i) => demand.onAsked(key, node(i)))
    expect(many.indexOf(true)).toBe(31)
    clock.ms += 9_999
    expect(demand.onAsked(key, node(0))).toBe(true)
    clock.ms += 10_000
    expect(demand.onAsked(key, node(0))).toBe(false)
  })

  test('a few that ask often are not, nor are many that ask seldom, or for different keys', () => {
    const { clock, demand } = demandAt()
    for (let i = 0; i < 1_000; i++) {
      expect(demand.onAsked(key, node(i % 31))).toBe(false)
      expect(demand.onAsked(keyIdOf(`other ${i}`), node(i))).toBe(false)
      expect(demand.onAsked(keyIdOf('seldom'), node(i))).toBe(false)
      clock.ms += 400
    }
  })

  test('copies are about for a minute after a holder said so, or until nobody tells of any', () => {
    const { clock, demand } = demandAt()
    expect(demand.hasCopies(key)).toBe(false)
    demand.onAnswered(key, copyLifeMsMost - 1, false)
    expect(demand.hasCopies(key)).toBe(false)
    demand.onAnswered(key, copyLifeMsMost, false)
    clock.ms += 59_999
    demand.onAnswered(key, copyLifeMsMost, false)
    expect(demand.hasCopies(key)).toBe(true)
    clock.ms += 1
    expect(demand.hasCopies(key)).toBe(false)
    demand.onAnswered(key, copyLifeMsMost, false)
    demand.onAnswered(key, copyLifeMsMost / 2, false)
    expect(demand.hasCopies(key)).toBe(true)
    demand.onAnswered(key, undefined, false)
    expect(demand.hasCopies(key)).toBe(false)
  })

  test('of those that read copies about to end a few ask the holders again, and of those that read young ones nobody', () => {
    const keys = Array.from({ length: 200 }, (_, i): Id => keyIdOf(`key ${i}`))
    const asking = (copyMs: number) => {
      const { demand } = demandAt()
      return keys.filter((one) => {
        demand.onAnswered(one, copyLifeMsMost, false)
        demand.onAnswered(one, copyMs, false)
        return !demand.hasCopies(one)
      }).length
    }
    expect(asking(20_000)).toBe(0)
    expect(asking(5_000)).toBeGreaterThan(10)
    expect(asking(5_000)).toBeLessThan(50)
  })

  test('a key that many ask for is spread at once and then every 20 s, and no more than four keys at a time', () => {
    const { clock, demand } = demandAt()
    const keys = Array.from({ length: 6 }, (_, i): Id => keyIdOf(`busy ${i}`))
    const askAll = () => {
      for (const one of keys) for (let i = 0; i < 32; i++) demand.onAsked(one, node(i))
    }
    const spread = () => keys.filter((one) => demand.mustSpread(one)).length
    expect(spread()).toBe(0)
    askAll()
    expect(spread()).toBe(4)
    clock.ms += 9_000
    askAll()
    clock.ms += 9_000
    askAll()
    expect(spread()).toBe(0)
    clock.ms += 2_000
    expect(spread()).toBe(4)
    clock.ms += 30_000
    expect(spread()).toBe(0)
  })

  test('the latest 256 keys are kept', () => {
    const { demand } = demandAt()
    const keys = Array.from({ length: 300 }, (_, i): Id => keyIdOf(`key ${i}`))
    for (const one of keys) demand.onAnswered(one, copyLifeMsMost, false)
    expect(keys.filter((one) => demand.hasCopies(one))).toEqual(keys.slice(-256))
  })

  test('those who are asked take turns', () => {
    const { demand } = demandAt()
    const turns = Array.from({ length: 5 }, () => demand.inTurn(['a', 'b', 'c', 'd', 'e'], 3))
    expect(turns.flat().sort().join('')).toBe('aaabbbcccdddeee')
    expect(demand.inTurn(['a'], 3)).toEqual(['a'])
    expect(demand.inTurn([], 3)).toEqual([])
  })
})

describe('of a network', () => {
  const nodes = 40

  async function reading() {
    const cluster = swarm({ settings: { k: 4 } })
    await cluster.grow(nodes)
    await cluster.clock.advance(10_000)
    const author = cluster.node(0)
    await cluster.run(author.records.put(key, text('old')))
    /** Every node reads the key once a second, at moments of its own. */
    const readAll = (seconds: number) => {
      const reads: Promise<string | undefined>[] = []
      for (let i = 0; i < nodes * seconds; i++) {
        const reader = cluster.node(i % nodes)
        if (cluster.members[i % nodes]!.state !== 'up') continue
        const read = new Promise<string | undefined>((resolve, reject) => {
          const get = () => reader.records.get(key).then((record) => resolve(said(record)), reject)
          cluster.clock.setTimer((1_000 * i) / nodes, get)
        })
        reads.push(read)
      }
      return cluster.run(Promise.all(reads), 1_000 * seconds + 60_000)
    }
    const served = () => cluster.nodes.map((node) => node.inspect().counters.findValue ?? 0)
    return { cluster, author, readAll, served }
  }

  test('a key that all read is answered by all, and not by its k holders alone', async () => {
    const { readAll, served } = await reading()
    await readAll(5)
    const before = served()
    const said = await readAll(60)
    expect(new Set(said)).toEqual(new Set(['old']))
    const loads = served().map((count, i) => count - before[i]!)
    const mean = loads.reduce((sum, load) => sum + load, 0) / nodes
    // Four holders alone would serve ten times the mean each.
    expect(Math.max(...loads) / mean).toBeLessThan(5)
  })

  test('a key that many begin to read is handed to those on the way to its holders', async () => {
    const { cluster, readAll } = await reading()
    const copies = () => cluster.nodes.filter((node) => node.inspect().records.count > 0).length
    const holders = copies()
    // Each has read it once by then, most of them before anybody knew that many do.
    await readAll(1)
    expect(copies()).toBeGreaterThan(holders + nodes / 2)
  })

  test('what is put while copies are about is read by all as soon as they have ended', async () => {
    const { author, cluster, readAll } = await reading()
    await readAll(10)
    await cluster.run(author.records.put(key, text('new')))
    await readAll(copyLifeMsMost / 1_000)
    expect(new Set(await readAll(5))).toEqual(new Set(['new']))
  })

  test('copies of copies end with the first one, and nobody reads what no holder has any more', async () => {
    const { cluster, readAll } = await reading()
    await readAll(10)
    for (const [{ index }, kept] of (await keptRecords(cluster)).byMember) {
      if (kept.size > 0) cluster.crash(index)
    }
    expect(await readAll(5)).toContain('old')
    await readAll(copyLifeMsMost / 1_000)
    expect(new Set(await readAll(5))).toEqual(new Set([undefined]))
  })
})
