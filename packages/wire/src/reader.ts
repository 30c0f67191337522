/**
 * Reads what `Writer` wrote. Total: beyond the end is TRUNCATED, and nothing is allocated but views, texts and
 * numbers, so that no input costs more than its own size. Views share the input's memory: who keeps one for long
 * copies it.
 */
import { asId, type Id, idBytes } from '@kadrtc/kademlia'
import { WireError } from './errors.js'
import { decodeText } from './text.js'

export class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  u8(): number {
    const at = this.#advance(1)
    return this.#bytes[at]!
  }

  u16(): number {
    const at = this.#advance(2)
    return this.#bytes[at]! * 2 ** 8 + this.#bytes[at + 1]!
  }

  u32(): number {
    return getUint32(this.#bytes, this.#advance(4))
  }

  u48(): number {
    const at = this.#advance(6)
    return (this.#bytes[at]! * 2 ** 8 + this.#bytes[at + 1]!) * 2 ** 32 + getUint32(this.#bytes, at + 2)
  }

  /** A boolean is 0 or 1; anything else is BAD_VALUE, so that each value has one encoding. */
  bool(): boolean {
    return this.upTo(1) === 1
  }

  /** One byte that is at most `max`: flags, enums. */
  upTo(max: number): number {
    const value = this.u8()
    if (value > max) throw new WireError('BAD_VALUE', `${value} where at most ${max} may stand`)
    return value
  }

  /** A view of the next `length` bytes. */
  take(length: number): Uint8Array {
    const at = this.#advance(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** The next `length` bytes in memory of their own. (`slice` of a Node Buffer would be a view.) */
  copy(length: number): Uint8Array {
    return new Uint8Array(this.take(length))
  }

  /** A view, as `take`. */
  id(): Id {
    return asId(this.take(idBytes))
  }

  /** A view of all that is left; TOO_LARGE beyond `bytesMax`. */
  rest(bytesMax: number): Uint8Array {
    if (this.remaining > bytesMax) throw new WireError('TOO_LARGE', `more than ${bytesMax} bytes`)
    return this.take(this.remaining)
  }

  text8(bytesMax: number): string {
    return this.#text(this.u8(), bytesMax)
  }

  text16(bytesMax: number): string {
    return this.#text(this.u16(), bytesMax)
  }

  /** TRAILING if anything is left. */
  end(): void {
    if (this.remaining > 0) throw new WireError('TRAILING', `${this.remaining} bytes`)
  }

  /** A view of everything read so far. */
  soFar(): Uint8Array {
    return this.#bytes.subarray(0, this.#at)
  }

  #text(length: number, bytesMax: number): string {
    if (length > bytesMax) throw new WireError('TOO_LARGE', `text of ${length} bytes, ${bytesMax} allowed`)
    return decodeText(this.take(length))
  }

  #advance(length: number): number {
    const at = this.#at
    if (at + length > this.#bytes.length) throw new WireError('TRUNCATED')
    this.#at = at + length
    return at
  }
}

function getUint32(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 2 ** 24 + (bytes[at + 1]! << 16) + (bytes[at + 2]! << 8) + bytes[at + 3]!
}
