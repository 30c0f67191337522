/**
 * The XOR metric (Kademlia paper, section 2.1). Distances are compared byte by byte, as big-endian integers:
 * never as floating-point numbers, which tie from the 54th bit on.
 */
import { asId, type Id, idBits, idBytes } from './id.js'

/** a XOR b: 20 bytes, a big-endian unsigned integer. Allocates; to compare, use `compareDistances`. */
export function distance(a: Id, b: Id): Uint8Array {
  const result = new Uint8Array(idBytes)
  for (let i = 0; i < idBytes; i++) result[i] = a[i]! ^ b[i]!
  return result
}

/**
 * Negative when `a` is closer to `target` than `b`, positive when farther, 0 only when `a` equals `b`.
 * Allocates nothing: `contacts.sort((a, b) => compareDistances(target, a.id, b.id))`.
 */
export function compareDistances(target: Id, a: Id, b: Id): number {
  for (let i = 0; i < idBytes; i++) {
    if (a[i] !== b[i]) return (a[i]! ^ target[i]!) - (b[i]! ^ target[i]!)
  }
  return 0
}

/** Whether `a` is strictly closer to `target` than `b`. */
export function isCloser(target: Id, a: Id, b: Id): boolean {
  return compareDistances(target, a, b) < 0
}

/**
 * log2 of the distance, as a float: 0 to less than 160, and -1 for equal ids, so that the owner of an id always gains most.
 * It is taken from the first 33 to 40 bits, and ties where distances differ only below them: it weighs how much a hop
 * gains, and says nothing of who is closer.
 */
export function distanceBits(a: Id, b: Id): number {
  for (let i = 0; i < idBytes; i++) {
    const first = a[i]! ^ b[i]!
    if (first === 0) continue
    let mantissa = first
    for (let j = i + 1; j < i + 5; j++) mantissa = mantissa * 256 + (j < idBytes ? a[j]! ^ b[j]! : 0)
    return Math.log2(mantissa) + (15 - i) * 8
  }
  return -1
}

/** How many leading bits two ids share: 0 to 160, and 160 only when they are equal. */
export function commonPrefixLength(a: Id, b: Id): number {
  for (let i = 0; i < idBytes; i++) {
    const difference = a[i]! ^ b[i]!
    if (difference !== 0) return i * 8 + Math.clz32(difference) - 24
  }
  return idBits
}

/**
 * The k-bucket in which `own` files `other`, numbered as in the paper (section 2.2): bucket i holds distances from
 * 2^i up to, not including, 2^(i+1). So 159 is the far half of the space; -1 means that `other` is `own`.
 */
export function bucketIndex(own: Id, other: Id): number {
  return idBits - 1 - commonPrefixLength(own, other)
}

/**
 * An id that `own` files in bucket `bucket`, evenly drawn: the target of a bucket refresh (section 2.3).
 * `random` gives that many random bytes. Throws RangeError unless `bucket` is 0 to 159.
 */
export function randomIdInBucket(own: Id, bucket: number, random: (length: number) => Uint8Array): Id {
  if (!Number.isInteger(bucket) || bucket < 0 || bucket >= idBits) {
    throw new RangeError(`A bucket is 0 to ${idBits - 1}, not ${bucket}`)
  }
  const bit = idBits - 1 - bucket
  const byte = bit >> 3
  const mask = 0x80 >> (bit & 7)
  const id = Uint8Array.from(own)
  const fresh = asId(random(idBytes))
  id[byte] = (own[byte]! & -(mask << 1)) | (~own[byte]! & mask) | (fresh[byte]! & (mask - 1))
  for (let i = byte + 1; i < idBytes; i++) id[i] = fresh[i]!
  return asId(id)
}
