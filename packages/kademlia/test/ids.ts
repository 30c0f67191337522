/** Ids for tests: tiny ones written in binary, so that distances are checked by eye, and arbitrary ones for laws. */
import fc from 'fast-check'
import { asId, type Id, idBytes, idFromBytes } from '../src/index.js'

export interface Contact {
  readonly id: Id
}

/** The id that begins with `bits` and goes on with zeros: tinyId('101'). */
export function tinyId(bits: string): Id {
  const bytes = new Uint8Array(idBytes)
  for (const [i, bit] of [...bits].entries()) if (bit === '1') bytes[i >> 3]! |= 0x80 >> (i & 7)
  return asId(bytes)
}

export function tinyContact(bits: string): Contact {
  return { id: tinyId(bits) }
}

/** The first `length` bits of an id, to read expectations in the notation of `tinyId`. */
export function bitsOf(id: Id, length: number): string {
  return Array.from({ length }, (_, i) => (id[i >> 3]! >> (7 - (i & 7))) & 1).join('')
}

export const anyId: fc.Arbitrary<Id> = fc
  .uint8Array({ minLength: idBytes, maxLength: idBytes })
  .map((bytes) => idFromBytes(bytes))

/** Ids of which many are equal or share long prefixes, ends of the id included. */
export const crowdedId: fc.Arbitrary<Id> = fc.oneof(
  fc.integer({ min: 0, max: 63 }).map((number) => tinyId(number.toString(2).padStart(6, '0'))),
  fc.tuple(fc.integer({ min: 0, max: idBytes - 1 }), fc.nat(255)).map(([at, byte]) => {
    const bytes = new Uint8Array(idBytes)
    bytes[at] = byte
    return asId(bytes)
  }),
  anyId,
)

/** The distance as one exact integer: the brute-force twin of the bytewise metric. */
export function bigDistance(a: Id, b: Id): bigint {
  return bigintOf(a) ^ bigintOf(b)
}

export function bigintOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}

/** The `count` closest to `target`, by sorting them all. */
export function closestByForce<C extends Contact>(contacts: Iterable<C>, target: Id, count: number): C[] {
  const order = (a: C, b: C) => {
    const difference = bigDistance(a.id, target) - bigDistance(b.id, target)
    return difference < 0n ? -1 : difference > 0n ? 1 : 0
  }
  return [...contacts].sort(order).slice(0, count)
}
