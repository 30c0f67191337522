/** What a shelf has no room for: limits, which records go first, and copies kept on the way. */
import { compareDistances, idKey, type KadRecord, keyIdOf, slotOf } from '@kadrtc/kademlia'
import { encodedRecordBytes } from '@kadrtc/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tinyId } from './fake-link.js'
import { author, content, signed } from './made-records.js'
import { at, own, record, rig, seqsHeld, settled, slots } from './shelf-rig.js'

describe('limits', () => {
  test('records of one key, over all authors', () => {
    const { shelf } = rig({ recordsPerKeyMax: 2 })
    expect(shelf.offer(record({ by: author('a') })).status).toBe('stored')
    expect(shelf.offer(record({ by: author('b') })).status).toBe('stored')
    expect(shelf.offer(record({ by: author('c') })).status).toBe('full')
    expect(shelf.offer(record({ by: author('b'), seq: 9 })).status).toBe('stored')
    expect(shelf.offer(at('1', { by: author('c') })).status).toBe('stored')
  })

  test('records of one author, over all keys', () => {
    const { shelf } = rig({ recordsPerAuthorMax: 2 })
    expect(['1', '10', '11'].map((bits) => shelf.offer(at(bits)).status)).toEqual([
      'stored',
      'stored',
      'full',
    ])
    expect(shelf.offer(at('11', { by: author('bob') })).status).toBe('stored')
    expect(shelf.offer(at('10', { seq: 9 })).status).toBe('stored')
  })

  test('in all: the farthest from this node goes first, and what is farther still is not taken', async () => {
    const { shelf, store } = rig({ recordsMax: 3 })
    for (const bits of ['100', '001', '111']) shelf.offer(at(bits))
    expect(shelf.offer(at('1000')).status).toBe('full')
    expect(shelf.offer(at('010')).status).toBe('stored')
    await settled()
    expect(await slots(store)).toEqual(['001', '010', '100'].map((bits) => slotOf(at(bits))).sort())
    expect(shelf.count).toBe(3)
  })

  test('bytes: a large record may cost several small ones', () => {
    const large = at('001', { value: new Uint8Array(300) })
    const recordBytesMax = 4 * encodedRecordBytes(at('1'))
    const { shelf } = rig({ recordBytesMax })
    for (const bits of ['010', '011', '100', '101']) shelf.offer(at(bits))
    expect(shelf.offer(large).status).toBe('stored')
    expect(shelf.bytes).toBeLessThanOrEqual(recordBytesMax)
    expect(shelf.has(tinyId('101'))).toBe(false)
    expect(shelf.has(tinyId('001'))).toBe(true)
  })

  test('a record that finds no room costs none of those that are held', () => {
    const recordBytesMax = 4 * encodedRecordBytes(at('1'))
    const { shelf } = rig({ recordBytesMax })
    for (const bits of ['001', '010', '101', '110']) shelf.offer(at(bits))
    expect(shelf.offer(at('100', { value: new Uint8Array(300) })).status).toBe('full')
    for (const bits of ['001', '010', '101', '110']) expect(shelf.has(tinyId(bits)), bits).toBe(true)
  })

  test('what has expired makes way before anything that lives', () => {
    const rigged = rig({ recordsMax: 2, recordsPerKeyMax: 2, recordsPerAuthorMax: 2 })
    const { shelf } = rigged
    shelf.offer(at('001', { expiresAtMs: 2_000 }))
    shelf.offer(at('010'))
    rigged.nowMs = 2_000
    expect(shelf.offer(at('011')).status).toBe('stored')
    expect([shelf.has(tinyId('010')), shelf.has(tinyId('011')), shelf.count]).toEqual([true, true, 2])

    const crowd = rig({ recordsPerKeyMax: 1 })
    crowd.shelf.offer(record({ by: author('a'), expiresAtMs: 2_000 }))
    crowd.nowMs = 2_000
    expect(crowd.shelf.offer(record({ by: author('b') })).status).toBe('stored')
  })

  test('a version that outgrows the shelf is refused, and the one held stays', () => {
    const recordBytesMax = 2 * encodedRecordBytes(at('1'))
    const { shelf } = rig({ recordBytesMax })
    shelf.offer(at('1', { seq: 5 }))
    expect(shelf.offer(at('1', { seq: 6, value: new Uint8Array(1_000) })).status).toBe('full')
    expect(seqsHeld(shelf, tinyId('1'))).toEqual([5])
  })
})

describe('copies kept on the way', () => {
  const cached = { cachedUntilMs: 5_000 }

  test('live shortly, in memory alone', async () => {
    const rigged = rig()
    const { shelf, store } = rigged
    expect(shelf.offer(record(), cached).status).toBe('stored')
    await settled()
    expect(await slots(store)).toEqual([])
    expect(shelf.has(keyIdOf('key'))).toBe(true)
    expect(shelf.has(keyIdOf('key'), { skipCache: true })).toBe(false)
    rigged.nowMs = 5_000
    expect(shelf.has(keyIdOf('key'))).toBe(false)
  })

  test('live as long as the youngest of them, and turn no replica into a copy', () => {
    const rigged = rig()
    const { shelf } = rigged
    shelf.offer(record(), cached)
    shelf.offer(record(), { cachedUntilMs: 8_000 })
    shelf.offer(record(), { cachedUntilMs: 3_000 })
    rigged.nowMs = 7_999
    expect(shelf.has(keyIdOf('key'))).toBe(true)
    rigged.nowMs = 8_000
    expect(shelf.has(keyIdOf('key'))).toBe(false)
    shelf.offer(record())
    shelf.offer(record(), { cachedUntilMs: 9_000 })
    rigged.nowMs = 9_000
    expect(shelf.has(keyIdOf('key'))).toBe(true)
  })

  test('never outlive their record', () => {
    const rigged = rig()
    rigged.shelf.offer(record({ expiresAtMs: 3_000 }), cached)
    rigged.nowMs = 3_000
    expect(rigged.shelf.has(keyIdOf('key'))).toBe(false)
  })

  test('with no time to live are not kept at all', () => {
    const { shelf } = rig()
    expect(shelf.offer(record(), { cachedUntilMs: 1_000 }).status).not.toBe('stored')
    expect(shelf.count).toBe(0)
  })

  test('become a replica when the record is stored, and no copy makes a replica less', async () => {
    const { shelf, store } = rig()
    shelf.offer(record(), cached)
    expect(shelf.offer(record()).status).toBe('stored')
    expect(shelf.has(keyIdOf('key'), { skipCache: true })).toBe(true)
    shelf.offer(record({ seq: 2 }), cached)
    expect(shelf.has(keyIdOf('key'), { skipCache: true })).toBe(true)
    expect(seqsHeld(shelf)).toEqual([2])
    await settled()
    expect(await slots(store)).toEqual([slotOf(record())])
  })

  test('are never taken back to an older version by a replica that missed the news', () => {
    const { shelf } = rig()
    shelf.offer(record({ seq: 5 }), cached)
    expect(shelf.offer(record({ seq: 3 }))).toEqual({ status: 'stale', seq: 5 })
    expect(seqsHeld(shelf)).toEqual([5])
  })

  test('go first, near or far, and displace no replica', () => {
    const { shelf } = rig({ recordsMax: 20 })
    for (let i = 2; i < 20; i++) shelf.offer(at(i.toString(2)))
    expect(shelf.offer(at('1', { by: author('bob') }), cached).status).toBe('stored')
    expect(shelf.offer(at('11111')).status).toBe('stored')
    expect(shelf.offer(at('111111')).status).toBe('stored')
    expect(shelf.has(tinyId('1'))).toBe(false)
    expect(shelf.offer(at('1', { by: author('bob') }), cached).status).toBe('full')
    expect(shelf.count).toBe(20)
  })

  test('leave room under a key and for an author', () => {
    const { shelf } = rig({ recordsPerKeyMax: 1, recordsPerAuthorMax: 1 })
    shelf.offer(record({ by: author('a') }), cached)
    expect(shelf.offer(record({ by: author('b') })).status).toBe('stored')
    expect(shelf.has(keyIdOf('key'), { author: idKey(author('a').id) })).toBe(false)
    shelf.offer(at('1', { by: author('c') }), cached)
    expect(shelf.offer(at('10', { by: author('c') })).status).toBe('stored')
  })

  test('take no more than a tenth of the shelf', () => {
    const { shelf } = rig({ recordsMax: 30 })
    for (let i = 1; i < 30; i++) shelf.offer(at(i.toString(2)), cached)
    expect(shelf.count).toBe(3)
    for (const bits of ['1', '10', '11']) expect(shelf.has(tinyId(bits))).toBe(true)
  })
})

describe('laws over any sequence of offers', () => {
  const limits = { recordsMax: 12, recordBytesMax: 2_600, recordsPerKeyMax: 3, recordsPerAuthorMax: 6 }
  const authors = ['a', 'b', 'c', 'd'].map(author)
  const steps = fc.array(
    fc.record({
      key: fc.integer({ min: 1, max: 15 }),
      by: fc.integer({ min: 0, max: 3 }),
      seq: fc.integer({ min: 1, max: 4 }),
      lifeMs: fc.constantFrom(0, 1, 20, 100_000),
      bytes: fc.constantFrom(0, 1, 100, 700),
      isContent: fc.boolean(),
      cachedMs: fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined }),
      ifSeq: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }),
      passMs: fc.integer({ min: 0, max: 10 }),
    }),
    { maxLength: 60 },
  )
  type Step = (typeof steps extends fc.Arbitrary<(infer T)[]> ? T : never) & object

  const made = (step: Step, nowMs: number): KadRecord => {
    const value = new Uint8Array(step.bytes).fill(step.key)
    const expiresAtMs = nowMs + step.lifeMs
    if (step.isContent) return content(value, expiresAtMs)
    const by = authors[step.by]!
    return signed({ keyId: tinyId(step.key.toString(2)), by, seq: step.seq, value, expiresAtMs })
  }

  test('no limit is ever passed, and the counts are those of what is held', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const rigged = rig(limits)
        const { shelf } = rigged
        for (const step of list) {
          rigged.nowMs += step.passMs
          const cachedUntilMs = step.cachedMs === undefined ? undefined : rigged.nowMs + step.cachedMs
          const offered = made(step, rigged.nowMs)
          const { status } = shelf.offer(offered, { cachedUntilMs, ifSeq: step.ifSeq })
          const entries = [...shelf.entries()]
          const count = (same: (entry: (typeof entries)[0]) => unknown) => {
            const counts = new Map<unknown, number>()
            for (const entry of entries) counts.set(same(entry), (counts.get(same(entry)) ?? 0) + 1)
            return counts
          }
          expect(shelf.count).toBe(entries.length)
          expect(shelf.count).toBeLessThanOrEqual(limits.recordsMax)
          expect(shelf.bytes).toBe(entries.reduce((sum, { bytes }) => sum + bytes, 0))
          expect(shelf.bytes).toBeLessThanOrEqual(limits.recordBytesMax)
          expect(count(({ cached }) => cached).get(true) ?? 0).toBeLessThanOrEqual(2)
          for (const [, size] of count(({ keyId }) => idKey(keyId)))
            expect(size).toBeLessThanOrEqual(limits.recordsPerKeyMax)
          for (const [by, size] of count((entry) => entry.author))
            if (by !== undefined) expect(size).toBeLessThanOrEqual(limits.recordsPerAuthorMax)
          const held = shelf.entry(slotOf(offered))
          if (status === 'stored') expect(held?.record).toEqual(offered)
        }
      }),
    )
  })

  test('a replica gives way only to replicas that are nearer', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const rigged = rig(limits)
        const { shelf } = rigged
        for (const step of list) {
          const offered = made({ ...step, lifeMs: 100_000 }, rigged.nowMs)
          const cachedUntilMs = step.cachedMs === undefined ? undefined : rigged.nowMs + 1 + step.cachedMs
          const before = [...shelf.entries()].filter(({ cached }) => !cached)
          shelf.offer(offered, { cachedUntilMs, ifSeq: step.ifSeq })
          for (const entry of before) {
            if (shelf.entry(entry.slot)) continue
            expect(cachedUntilMs).toBeUndefined()
            expect(compareDistances(own, offered.keyId, entry.keyId)).toBeLessThan(0)
          }
        }
      }),
    )
  })

  test('what the store holds in the end is what the shelf holds as replicas', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const rigged = rig(limits)
        const { shelf, store } = rigged
        for (const step of list) {
          rigged.nowMs += step.passMs
          const cachedUntilMs = step.cachedMs === undefined ? undefined : rigged.nowMs + step.cachedMs
          shelf.offer(made(step, rigged.nowMs), { cachedUntilMs, ifSeq: step.ifSeq })
        }
        await settled()
        const replicas = [...shelf.entries()].filter(({ cached }) => !cached).map(({ slot }) => slot)
        expect(await slots(store)).toEqual(replicas.sort())
      }),
    )
  })
})
