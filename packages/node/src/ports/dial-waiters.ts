import type { DialOptions, Link } from './link-transport.js'

interface Waiter {
  resolve(link: Link): void
  reject(reason: unknown): void
  onAgreed(): void
}

/** Those who wait for a link to one peer, for transports: they share the attempt, and each may give up alone. */
export class DialWaiters {
  /** Bounded by who calls `dial`. */
  readonly #waiters = new Set<Waiter>()
  #isAgreed = false

  /** `onDeserted`: the last of them has given up. */
  constructor(private readonly onDeserted: () => void) {}

  join({ signal, onAgreed }: DialOptions): Promise<Link> {
    if (this.#isAgreed) onAgreed?.()
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        waiter.reject(signal?.reason)
        if (this.#waiters.size === 0) this.onDeserted()
      }
      const leave = (): void => {
        this.#waiters.delete(waiter)
        signal?.removeEventListener('abort', onAbort)
      }
      const waiter: Waiter = {
        resolve: (link) => {
          leave()
          resolve(link)
        },
        reject: (reason) => {
          leave()
          reject(reason)
        },
        onAgreed: () => onAgreed?.(),
      }
      signal?.addEventListener('abort', onAbort)
      this.#waiters.add(waiter)
    })
  }

  /** The peer has agreed to a link, or wants one itself. Telling twice does nothing. */
  agreed(): void {
    if (this.#isAgreed) return
    this.#isAgreed = true
    for (const waiter of [...this.#waiters]) waiter.onAgreed()
  }

  resolve(link: Link): void {
    for (const waiter of [...this.#waiters]) waiter.resolve(link)
  }

  reject(reason: unknown): void {
    for (const waiter of [...this.#waiters]) waiter.reject(reason)
  }
}
