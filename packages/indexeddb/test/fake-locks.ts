/** Web Locks for one name at a time, as the specification orders them: first come, first served. */
import type { SlotLocks } from '../src/identity-slot.js'

export class FakeLocks implements SlotLocks {
  readonly #held = new Map<string, Promise<void>>()
  /** Every name that was asked for. */
  readonly asked: string[] = []

  async request(
    name: string,
    options: { ifAvailable?: boolean; signal?: AbortSignal },
    whileHeld: (lock: unknown) => Promise<void> | undefined,
  ): Promise<void> {
    this.asked.push(name)
    for (let holder = this.#held.get(name); holder; holder = this.#held.get(name)) {
      if (options.ifAvailable) return whileHeld(null)
      await Promise.race([holder, aborted(options.signal)])
    }
    const holding = Promise.resolve(whileHeld({ name, mode: 'exclusive' }))
    this.#held.set(name, holding)
    await holding
    this.#held.delete(name)
  }
}

function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason))
  })
}
