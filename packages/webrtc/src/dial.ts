/** Those who wait for a link to one peer. They share the attempt, and each may give up alone. */
import type { Id } from '@kadrtc/kademlia'
import type { DialOptions, Link, SignalPath, Timer } from '@kadrtc/node'
import type { SignalLinkRequest } from '@kadrtc/wire'
import type { Handshake } from './handshake.js'

/** A request of the peer that waits because we have asked too, and it is for the peer to make the offer. */
export interface SetAside {
  readonly request: SignalLinkRequest
  readonly path: SignalPath
}

interface Waiter {
  resolve(link: Link): void
  reject(error: unknown): void
  onAgreed(): void
}

export class Dial {
  /** Our own request; none when the peer's request was there first, or when ours has failed. */
  own: Handshake | undefined
  /** We have asked, at some time. */
  hasAsked = false
  setAside: SetAside | undefined
  #isAgreed = false
  /** Bounded by who calls `dial`. */
  readonly #waiters = new Set<Waiter>()

  constructor(
    readonly peer: Id,
    readonly path: SignalPath,
    private readonly timer: Timer,
    /** The last waiter has given up. */
    private readonly onDeserted: (dial: Dial) => void,
  ) {}

  join({ signal, onAgreed }: DialOptions): Promise<Link> {
    if (this.#isAgreed) onAgreed?.()
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        waiter.reject(signal?.reason)
        if (this.#waiters.size === 0) this.onDeserted(this)
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
        reject: (error) => {
          leave()
          reject(error)
        },
        onAgreed: () => onAgreed?.(),
      }
      signal?.addEventListener('abort', onAbort)
      this.#waiters.add(waiter)
    })
  }

  /** The peer has agreed to a link, or wants one itself. */
  agreed(): void {
    if (this.#isAgreed) return
    this.#isAgreed = true
    for (const waiter of [...this.#waiters]) waiter.onAgreed()
  }

  resolve(link: Link): void {
    this.timer.cancel()
    for (const waiter of [...this.#waiters]) waiter.resolve(link)
  }

  reject(error: unknown): void {
    this.timer.cancel()
    for (const waiter of [...this.#waiters]) waiter.reject(error)
  }
}
