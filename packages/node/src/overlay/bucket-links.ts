/**
 * How many links lead into a k-bucket beyond the siblings, and to which of its nodes. A bucket is half of all ids, or a quarter, and
 * so on; its own two halves differ in the next bit. With a link into each of them a packet gains a bit more, whichever of the two
 * it is bound for.
 */
import { asId, bucketIndex, type Id, idBits } from '@kadrtc/kademlia'

interface Identified {
  readonly id: Id
}

/**
 * How many links a node wants into bucket `bucket` (0 to 159): `linksPerBucket`, and more into the farthest, by which every second
 * packet leaves its origin; with 2 these are 6 into bucket 159, 4, 3 and 3 into the next three, and 2 into all others.
 */
export function linksWantedInto(bucket: number, linksPerBucket: number): number {
  return linksPerBucket + Math.round((4 * (linksPerBucket - 1)) / 2 ** (idBits - 1 - bucket))
}

/**
 * The first `count` of `ordered`, all of which lie in bucket `bucket`; but if these would lie in one half of it, the last place is for the
 * first of the other half.
 */
export function bestOfBucket<T extends Identified>(
  bucket: number,
  ordered: readonly T[],
  count: number,
): T[] {
  const best = ordered.slice(0, count)
  const [first] = best
  if (!first || best.length < 2 || !areInOneHalf(bucket, best)) return best
  const other = ordered.find((one) => inOtherHalves(bucket, first.id, one.id))
  if (other) best[best.length - 1] = other
  return best
}

/** Whether all of these, which lie in bucket `bucket`, lie in one half of it. */
export function areInOneHalf(bucket: number, members: readonly Identified[]): boolean {
  return members.every((one) => !inOtherHalves(bucket, members[0]!.id, one.id))
}

/** Of two in one bucket: the first bit in which they differ is the one after that in which both differ from whose bucket it is. */
export function inOtherHalves(bucket: number, a: Id, b: Id): boolean {
  return bucket > 0 && bucketIndex(a, b) === bucket - 1
}

/** An id in bucket `bucket` (1 to 159), moved to the same place in the other half of it. */
export function toOtherHalf(bucket: number, id: Id): Id {
  const moved = asId(Uint8Array.from(id))
  const bit = idBits - bucket
  moved[bit >> 3]! ^= 0x80 >> (bit & 7)
  return moved
}
