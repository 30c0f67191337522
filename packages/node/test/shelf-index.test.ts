import { headOf, type Id, idToHex } from '@kadrtc/kademlia'
import { SeededRandom } from '@kadrtc/simulator'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ShelfEntry } from '../src/records/shelf-entry.js'
import { ShelfIndex } from '../src/records/shelf-index.js'

const random = new SeededRandom('shelf index')

function entryNumber(number: number): ShelfEntry {
  const keyId = random.fork(`key ${number % 7}`).bytes(20) as Id
  return {
    slot: `${number}`,
    keyId,
    author: `author ${number % 3}`,
    seq: 1,
    expiresAtMs: 1_000,
    bytes: 100 + number,
    slotHash: random.fork(`slot ${number}`).bytes(8),
    version: new Uint8Array(8),
    cached: number % 4 === 0,
    record: undefined,
    writing: false,
    place: -1,
  }
}

/** True: file the entry with that number; false: drop it. */
const steps = fc.array(fc.tuple(fc.nat(20), fc.boolean()), { maxLength: 80, size: 'max' })

test('whatever is filed and dropped, every way to an entry leads to those that are held, and to no others', () => {
  fc.assert(
    fc.property(steps, (changes) => {
      const index = new ShelfIndex()
      const held = new Map<number, ShelfEntry>()
      for (const [number, isFiled] of changes) {
        const entry = held.get(number)
        if (isFiled && !entry) {
          const fresh = entryNumber(number)
          held.set(number, fresh)
          index.file(fresh)
        } else if (!isFiled) {
          expect(index.drop(entry ?? entryNumber(number))).toBe(entry !== undefined)
          held.delete(number)
        }
      }
      const slots = (entries: Iterable<ShelfEntry>) => [...entries].map(({ slot }) => slot).sort()
      const all = [...held.values()]
      expect(slots(index.entries())).toEqual(slots(all))
      expect(index.bytes).toBe(all.reduce((sum, { bytes }) => sum + bytes, 0))
      expect(index.cached).toBe(all.filter(({ cached }) => cached).length)
      for (let number = 0; number <= 20; number++) {
        const asked = entryNumber(number)
        const sameKey = all.filter(({ keyId }) => idToHex(keyId) === idToHex(asked.keyId))
        const passing: ShelfEntry[] = []
        index.visitThose(
          (head) => head === headOf(asked.keyId),
          (entry) => {
            passing.push(entry)
          },
        )
        expect(index.get(asked.slot)).toBe(held.get(number))
        expect(index.byHash(asked.slotHash)).toBe(held.get(number))
        expect(slots(index.underKey(asked.keyId))).toEqual(slots(sameKey))
        expect(index.countUnder(asked.keyId)).toBe(sameKey.length)
        expect(slots(passing)).toEqual(slots(sameKey))
        expect(index.countOf(asked.author!)).toBe(all.filter(({ author }) => author === asked.author).length)
      }
    }),
  )
})
