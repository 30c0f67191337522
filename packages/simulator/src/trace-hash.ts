/**
 * A fingerprint of everything that happened on a network, in order: two runs of one seed have the same one.
 *
 *     const trace = new TraceHash(clock)
 *     const network = new VirtualNetwork({ ..., observe: (event) => trace.add(event) })
 */
import type { NetworkEvent } from './faults.js'
import type { VirtualClock } from './virtual-clock.js'

export class TraceHash {
  /** Events so far. */
  events = 0
  #high = 0x9e3779b9
  #low = 0x85ebca6b

  constructor(private readonly clock: VirtualClock) {}

  add(event: NetworkEvent): void {
    this.events++
    this.#mix(Math.floor(this.clock.elapsedMs * 1000) | 0)
    this.#mix(event.kind.charCodeAt(0))
    this.#mixBytes(event.from)
    this.#mixBytes(event.to)
    if (event.kind === 'message') this.#mixBytes(event.bytes)
  }

  /** 16 hexadecimal digits. */
  digest(): string {
    return [this.#high, this.#low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')
  }

  #mixBytes(bytes: Uint8Array): void {
    this.#mix(bytes.length)
    for (let i = 0; i < bytes.length; i++) this.#mix(bytes[i]!)
  }

  /** Two lanes of FNV-1a's shape, each fed from the other so that order counts in both. */
  #mix(word: number): void {
    this.#high = Math.imul(this.#high ^ word, 0x01000193) ^ (this.#low >>> 15)
    this.#low = Math.imul(this.#low ^ word, 0x27d4eb2f) ^ (this.#high >>> 13)
  }
}
