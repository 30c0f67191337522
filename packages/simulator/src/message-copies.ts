/**
 * Copies of messages, many small ones in one piece of memory. A small array of its own has its bytes on the engine's heap,
 * and moves them when somebody takes a view of it: a decoder does, and it costs four times what the copy does.
 */

/** Who keeps a view of a message keeps the whole piece: so that is small. */
const pieceBytes = 4_096
/** A longer message has memory of its own: so have records, which are kept. */
const sharedBytesMax = 128

export class MessageCopies {
  #piece = new Uint8Array(new ArrayBuffer(pieceBytes))
  #used = 0

  of(message: Uint8Array): Uint8Array {
    const { length } = message
    if (length > sharedBytesMax) return message.slice()
    if (this.#used + length > pieceBytes) {
      this.#piece = new Uint8Array(new ArrayBuffer(pieceBytes))
      this.#used = 0
    }
    const copy = this.#piece.subarray(this.#used, this.#used + length)
    copy.set(message)
    this.#used += length
    return copy
  }
}
