/**
 * Randomness that replays: sfc32 (C. Doty-Humphrey, PractRand), its 96 bits of state hashed from the seed
 * in three lanes and mixed by splitmix32. Each part of a simulation takes a stream of its own through `fork`, so
 * that one part drawing more does not change what another part draws. Not for keys of real nodes.
 */
import type { Random } from '@kadrtc/node'

export class SeededRandom implements Random {
  readonly seed: string
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: string | number) {
    this.seed = String(seed)
    this.#a = splitmix32(hash(this.seed, 0x811c9dc5, 0x01000193))
    this.#b = splitmix32(hash(this.seed, 0x9e3779b1, 0x85ebca6b))
    this.#c = splitmix32(hash(this.seed, 0xc2b2ae3d, 0x27d4eb2f))
    // The generator's own advice: the first outputs still show the seed.
    for (let i = 0; i < 12; i++) this.uint32()
  }

  /** An independent stream, the same for the same seed and label however much was drawn from this one. */
  fork(label: string): SeededRandom {
    return new SeededRandom(`${this.seed}/${label}`)
  }

  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i += 4) {
      const word = this.uint32()
      for (let j = i; j < Math.min(i + 4, length); j++) bytes[j] = word >>> (8 * (j - i))
    }
    return bytes
  }

  /** In [0, 1), with 32 random bits. */
  fraction(): number {
    return this.uint32() / 2 ** 32
  }

  /** A whole number in [0, bound); `bound` at most 2^32. */
  integer(bound: number): number {
    return Math.floor(this.fraction() * bound)
  }

  /** One of `items`. Throws RangeError when there is none. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('There is nothing to pick from')
    return items[this.integer(items.length)]!
  }

  /** Up to `count` different members of `items`, in random order. */
  sample<T>(items: readonly T[], count: number): T[] {
    const rest = [...items]
    const end = Math.min(count, rest.length)
    for (let i = 0; i < end; i++) {
      const j = i + this.integer(rest.length - i)
      const chosen = rest[j]!
      rest[j] = rest[i]!
      rest[i] = chosen
    }
    return rest.slice(0, end)
  }
}

/** FNV-1a's shape over the UTF-16 code units of `text`, with a basis and an odd multiplier for each lane. */
function hash(text: string, basis: number, multiplier: number): number {
  let state = basis
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), multiplier)
  return state
}

/** The finaliser of splitmix32. */
function splitmix32(state: number): number {
  let mixed = (state + 0x9e3779b9) | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
  return mixed ^ (mixed >>> 15)
}
