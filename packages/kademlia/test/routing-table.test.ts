import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bucketIndex, equalIds, type Id, idKey, RoutingTable } from '../src/index.js'
import { anyId, bitsOf, type Contact, closestByForce, crowdedId, tinyContact, tinyId } from './ids.js'

const own = tinyId('0000')
const farBucket = 159
const bits = (contacts: Iterable<Contact>) => [...contacts].map(({ id }) => bitsOf(id, 4))

function tableOf(k: number, offered: readonly string[], replacementsMax = 20): RoutingTable<Contact> {
  const table = new RoutingTable<Contact>(own, { k, replacementsMax })
  for (const each of offered) table.offer(tinyContact(each))
  return table
}

describe('closest', () => {
  test('equals a brute-force sort of the whole table', () => {
    const ids = fc.array(fc.oneof(crowdedId, anyId), { maxLength: 120 })
    fc.assert(
      fc.property(
        crowdedId,
        ids,
        crowdedId,
        fc.nat(40),
        fc.integer({ min: 1, max: 20 }),
        (me, offered, target, count, k) => {
          const table = new RoutingTable<Contact>(me, { k })
          for (const id of offered) table.offer({ id })
          expect(table.closest(target, count)).toEqual(closestByForce(table, target, count))
        },
      ),
      { numRuns: 400 },
    )
  })

  test('equals a brute-force sort of what passes the filter', () => {
    const ids = fc.array(crowdedId, { maxLength: 80 })
    fc.assert(
      fc.property(ids, anyId, fc.nat(20), fc.nat(255), (offered, target, count, mask) => {
        const table = new RoutingTable<Contact>(own, { k: 8 })
        for (const id of offered) table.offer({ id })
        const passes = ({ id }: Contact) => (id[0]! & mask) === 0
        expect(table.closest(target, count, passes)).toEqual(
          closestByForce([...table].filter(passes), target, count),
        )
      }),
    )
  })

  test('finds contacts on both sides of the target', () => {
    const table = tableOf(20, ['0001', '0010', '0100', '0101', '0111', '1000', '1111'])
    expect(bits(table.closest(tinyId('0110'), 4))).toEqual(['0111', '0100', '0101', '0010'])
    expect(bits(table.closest(tinyId('1110'), 3))).toEqual(['1111', '1000', '0111'])
    expect(bits(table.closest(own, 2))).toEqual(['0001', '0010'])
  })

  test('of nothing, or of an empty table, is empty', () => {
    expect(tableOf(2, ['1000']).closest(own, 0)).toEqual([])
    expect(tableOf(2, []).closest(own, 20)).toEqual([])
  })

  test('tells ids apart that differ in their last bit', () => {
    const zeros = '0'.repeat(158)
    const table = tableOf(20, [`1${zeros}1`, `1${zeros}0`])
    expect(bitsOf(table.closest(own, 1)[0]!.id, 160)).toBe(`1${zeros}0`)
  })
})

describe('a bucket', () => {
  test('keeps the least recently seen first', () => {
    const table = tableOf(3, ['1000', '1001', '1010'])
    expect(table.seen(tinyId('1000'))).toBe(true)
    expect(bits(table.bucket(farBucket))).toEqual(['1001', '1010', '1000'])
    const again = tinyContact('1001')
    const outcome = table.offer(again)
    expect(outcome.type).toBe('refreshed')
    expect(bits(table.bucket(farBucket))).toEqual(['1010', '1000', '1001'])
    expect(table.get(tinyId('1001'))).toBe(again)
  })

  test('that is full names its least recently seen and files the newcomer as a replacement', () => {
    const table = tableOf(2, ['1000', '1001'])
    expect(table.offer(tinyContact('1010'))).toEqual({ type: 'full', leastRecentlySeen: tinyContact('1000') })
    expect(table.has(tinyId('1010'))).toBe(false)
    expect(bits(table.replacements(farBucket))).toEqual(['1010'])
    expect(table.offer(tinyContact('0100'))).toEqual({ type: 'added' })
    expect(table.size).toBe(3)
  })

  test('promotes the most recently seen replacement when a contact goes', () => {
    const table = tableOf(2, ['1000', '1001', '1010', '1011', '1100'])
    table.seen(tinyId('1010'))
    expect(bits(table.replacements(farBucket))).toEqual(['1011', '1100', '1010'])
    expect(table.remove(tinyId('1001'))).toEqual({
      type: 'removed',
      contact: tinyContact('1001'),
      promoted: tinyContact('1010'),
    })
    expect(bits(table.bucket(farBucket))).toEqual(['1000', '1010'])
    expect(bits(table.replacements(farBucket))).toEqual(['1011', '1100'])
    expect(table.size).toBe(2)
  })

  test('files a promoted replacement by when it was last seen', () => {
    const table = tableOf(2, ['1000', '1001', '1010'])
    table.seen(tinyId('1001'))
    table.remove(tinyId('1000'))
    expect(bits(table.bucket(farBucket))).toEqual(['1010', '1001'])
  })

  test('drops the replacement seen least recently when its cache is full', () => {
    const table = tableOf(1, ['1000', '1001', '1010', '1001', '1011'], 2)
    expect(bits(table.replacements(farBucket))).toEqual(['1001', '1011'])
  })

  test('keeps no replacements when told so', () => {
    const table = tableOf(1, ['1000', '1001'], 0)
    expect(table.replacements(farBucket)).toEqual([])
    expect(table.remove(tinyId('1000'))).toEqual({
      type: 'removed',
      contact: tinyContact('1000'),
      promoted: undefined,
    })
  })

  test('forgets a dead replacement, and never promotes it', () => {
    const table = tableOf(1, ['1000', '1001'])
    expect(table.remove(tinyId('1001'))).toEqual({
      type: 'replacement-removed',
      contact: tinyContact('1001'),
    })
    table.remove(tinyId('1000'))
    expect(table.size).toBe(0)
  })
})

describe('a table', () => {
  test('never holds its own id', () => {
    const table = tableOf(20, [])
    expect(table.offer({ id: own })).toEqual({ type: 'own' })
    expect([...table]).toEqual([])
    expect(table.has(own)).toBe(false)
    expect(table.seen(own)).toBe(false)
    expect(table.remove(own)).toEqual({ type: 'absent' })
  })

  test('knows nothing of strangers', () => {
    const table = tableOf(2, ['1000'])
    for (const stranger of [tinyId('1001'), tinyId('0001')]) {
      expect(table.get(stranger)).toBeUndefined()
      expect(table.seen(stranger)).toBe(false)
      expect(table.remove(stranger)).toEqual({ type: 'absent' })
    }
    expect(table.bucket(7)).toEqual([])
    expect(table.replacements(-1)).toEqual([])
  })

  test('refuses options out of range', () => {
    expect(() => new RoutingTable(own, { k: 0 })).toThrow(RangeError)
    expect(() => new RoutingTable(own, { k: 1.5 })).toThrow(RangeError)
    expect(() => new RoutingTable(own, { replacementsMax: -1 })).toThrow(RangeError)
  })
})

/** The brute-force twin: everything in two plain lists per bucket, each entry with the time it was last seen. */
class TwinTable {
  readonly entries = new Map<string, { id: Id; seen: number; waiting: boolean }>()
  #events = 0

  constructor(
    readonly k: number,
    readonly replacementsMax: number,
  ) {}

  list(bucket: number, waiting: boolean): { id: Id; seen: number; waiting: boolean }[] {
    return [...this.entries.values()]
      .filter((entry) => bucketIndex(own, entry.id) === bucket && entry.waiting === waiting)
      .sort((a, b) => a.seen - b.seen)
  }

  offer(id: Id): void {
    if (equalIds(id, own)) return
    const known = this.entries.get(idKey(id))
    const full = this.list(bucketIndex(own, id), false).length >= this.k
    this.entries.set(idKey(id), { id, seen: ++this.#events, waiting: known ? known.waiting : full })
    const waiting = this.list(bucketIndex(own, id), true)
    if (waiting.length > this.replacementsMax) this.entries.delete(idKey(waiting[0]!.id))
  }

  seen(id: Id): void {
    const known = this.entries.get(idKey(id))
    if (known) known.seen = ++this.#events
  }

  remove(id: Id): void {
    const known = this.entries.get(idKey(id))
    this.entries.delete(idKey(id))
    const heir = this.list(bucketIndex(own, id), true).at(-1)
    if (known && !known.waiting && heir) heir.waiting = false
  }
}

test('any history of offers, sightings and removals leaves the table as its brute-force twin', () => {
  const fewIds = fc.integer({ min: 0, max: 31 }).map((number) => tinyId(number.toString(2).padStart(5, '0')))
  const action = fc.tuple(fc.constantFrom('offer', 'offer', 'offer', 'seen', 'remove'), fewIds)
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 120, size: 'max' }),
      fc.integer({ min: 1, max: 4 }),
      fc.nat(3),
      (history, k, replacementsMax) => {
        const table = new RoutingTable<Contact>(own, { k, replacementsMax })
        const twin = new TwinTable(k, replacementsMax)
        for (const [verb, id] of history) {
          if (verb === 'offer') table.offer({ id })
          else table[verb as 'seen' | 'remove'](id)
          twin[verb as 'offer' | 'seen' | 'remove'](id)
        }
        let size = 0
        for (let bucket = 155; bucket < 160; bucket++) {
          expect(table.bucket(bucket)).toEqual(twin.list(bucket, false).map(({ id }) => ({ id })))
          expect(table.replacements(bucket)).toEqual(twin.list(bucket, true).map(({ id }) => ({ id })))
          expect(table.bucket(bucket).length).toBeLessThanOrEqual(k)
          size += table.bucket(bucket).length
        }
        expect(table.size).toBe(size)
        expect([...table]).toHaveLength(size)
      },
    ),
    { numRuns: 200 },
  )
})
