/**
 * The bytes of messages that are on their way, in memory of the network's own. Of thousands of nodes so many are on their way at
 * once that they outlive the collections of what is young; in arrays of their own they would then be found only by a
 * collection of everything, and each 64 MB of such arrays brings one about, however large all the rest is.
 */

/** In bytes, smallest first. What is longer keeps an array of its own: so do records, which are kept. */
const slotSizes = [64, 128, 256, 512, 1_024]
/** Of a slot of any size a whole number fits in. */
const chunkBytes = 256 * 1_024
/** Who keeps a view of a message that has arrived keeps the whole piece: so that is small. */
const pieceBytes = 4_096
/**
 * A longer message has a piece to itself. A smaller array would have its bytes on the engine's heap, and they move when somebody
 * takes a view of it: a decoder does, and it costs four times what the copy does.
 */
const sharedBytesMax = 128

/** Where a message is, or itself, if it is longer than any slot. */
export type Kept = number | Uint8Array

/** Bounded by what is on its way at once. */
export class MessagesInFlight {
  readonly #slots = slotSizes.map((bytes) => new Slots(bytes))
  #piece = new Uint8Array(0)
  #used = 0

  /** Copies `message`. */
  keep(message: Uint8Array): Kept {
    return this.#slotsOf(message.length)?.keep(message) ?? message.slice()
  }

  /** The message of `length` bytes, once: from then on its slot is another's. */
  take(kept: Kept, length: number): Uint8Array {
    if (typeof kept !== 'number') return kept
    const message = this.#memory(length)
    this.#slotsOf(length)!.take(kept, message)
    return message
  }

  #slotsOf(length: number): Slots | undefined {
    return this.#slots.find(({ bytes }) => length <= bytes)
  }

  #memory(length: number): Uint8Array {
    if (length > sharedBytesMax) return new Uint8Array(new ArrayBuffer(length))
    if (this.#used + length > this.#piece.length) {
      this.#piece = new Uint8Array(new ArrayBuffer(pieceBytes))
      this.#used = 0
    }
    this.#used += length
    return this.#piece.subarray(this.#used - length, this.#used)
  }
}

/** As many as were ever in use at once. */
class Slots {
  readonly #perChunk: number
  readonly #chunks: Uint8Array[] = []
  readonly #free: number[] = []
  #made = 0

  constructor(readonly bytes: number) {
    this.#perChunk = chunkBytes / bytes
  }

  keep(message: Uint8Array): number {
    const slot = this.#free.pop() ?? this.#make()
    this.#chunkOf(slot).set(message, this.#placeOf(slot))
    return slot
  }

  take(slot: number, into: Uint8Array): void {
    const [chunk, place] = [this.#chunkOf(slot), this.#placeOf(slot)]
    // For as few bytes quicker than `set`, which needs a view of them.
    for (let i = 0; i < into.length; i++) into[i] = chunk[place + i]!
    this.#free.push(slot)
  }

  #make(): number {
    if (this.#made % this.#perChunk === 0) this.#chunks.push(new Uint8Array(chunkBytes))
    return this.#made++
  }

  #chunkOf(slot: number): Uint8Array {
    return this.#chunks[Math.floor(slot / this.#perChunk)]!
  }

  #placeOf(slot: number): number {
    return (slot % this.#perChunk) * this.bytes
  }
}
