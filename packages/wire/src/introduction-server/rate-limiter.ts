/**
 * How often something may happen. Pure: time is an argument, in milliseconds of any clock that only goes
 * forward. `TokenBucket` limits one thing (the messages of one socket), `AddressLimiter` one thing for each
 * of many addresses (joins), within bounded memory.
 */
export interface Rate {
  readonly perSecond: number
  /** How many may come at once after a quiet time. */
  readonly burst: number
}

/** A bucket of `burst` tokens that refills at `perSecond`. */
export class TokenBucket {
  readonly #rate: Rate
  #tokens: number
  #refilledAt: number

  constructor(rate: Rate, now: number) {
    this.#rate = rate
    this.#tokens = rate.burst
    this.#refilledAt = now
  }

  /** True, and `cost` tokens fewer; or false, and nothing has changed but the time. */
  take(now: number, cost = 1): boolean {
    const refill = (Math.max(0, now - this.#refilledAt) / 1000) * this.#rate.perSecond
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + refill)
    this.#refilledAt = now
    if (this.#tokens < cost) return false
    this.#tokens -= cost
    return true
  }
}

const minuteMs = 60_000

interface AddressEntry {
  readonly bucket: TokenBucket
  usedAt: number
}

/**
 * At most `perMinute` at once and `perMinute` a minute after that, for each address on its own. Remembers
 * `addressesMax` addresses; past that the one not seen for longest is forgotten, so that a flood of fresh
 * addresses can win forgiveness for an old one but can never shut a new one out.
 */
export class AddressLimiter {
  readonly #rate: Rate
  readonly #addressesMax: number
  /** In the order of last use, oldest first: every use takes the entry out and puts it back at the end. */
  readonly #entries = new Map<string, AddressEntry>()

  constructor(perMinute: number, addressesMax: number) {
    this.#rate = { perSecond: perMinute / 60, burst: perMinute }
    this.#addressesMax = addressesMax
  }

  get size(): number {
    return this.#entries.size
  }

  admit(address: string, now: number): boolean {
    const entry = this.#entries.get(address) ?? { bucket: new TokenBucket(this.#rate, now), usedAt: now }
    this.#entries.delete(address)
    if (this.#entries.size >= this.#addressesMax) this.#forgetOldest()
    entry.usedAt = now
    this.#entries.set(address, entry)
    return entry.bucket.take(now)
  }

  /** Forgets addresses whose buckets are full again: a minute after its last use every one of them is. */
  sweep(now: number): void {
    for (const [address, entry] of this.#entries) {
      if (now - entry.usedAt < minuteMs) return
      this.#entries.delete(address)
    }
  }

  #forgetOldest(): void {
    for (const address of this.#entries.keys()) {
      this.#entries.delete(address)
      return
    }
  }
}
