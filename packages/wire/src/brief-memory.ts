/**
 * Memory for bytes that are sent, or signed, and let go of at once: cut from pieces that many share. To allocate a kilobyte takes an
 * engine longer than to write it. Whoever keeps a view keeps a whole piece, so nothing of this is for a store.
 */
const pieceBytes = 16 * 1024
/** More has memory of its own: the rest of a piece that it does not fit into would be wasted. */
const sharedBytesMax = 2 * 1024

let piece = new Uint8Array(0)
let used = 0

/** So many bytes, all 0, that nobody else has. */
export function briefMemory(length: number): Uint8Array {
  if (length > sharedBytesMax) return new Uint8Array(length)
  if (used + length > piece.length) {
    piece = new Uint8Array(pieceBytes)
    used = 0
  }
  used += length
  return piece.subarray(used - length, used)
}
