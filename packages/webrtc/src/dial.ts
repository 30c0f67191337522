/** A link to one peer that is wanted here, by whichever side's attempt it comes about. */
import type { Id } from '@kadrtc/kademlia'
import { DialWaiters, type Link, type SignalPath, type Timer } from '@kadrtc/node'
import type { SignalLinkRequest } from '@kadrtc/wire'
import type { Handshake } from './handshake.js'

/** A request of the peer that waits because we have asked too, and it is for the peer to make the offer. */
export interface SetAside {
  readonly request: SignalLinkRequest
  readonly path: SignalPath
}

export class Dial {
  readonly waiters: DialWaiters
  /** Our own request; none when the peer's request was there first, or when ours has failed. */
  own: Handshake | undefined
  /** We have asked, at some time. */
  hasAsked = false
  setAside: SetAside | undefined

  constructor(
    readonly peer: Id,
    readonly path: SignalPath,
    private readonly timer: Timer,
    /** The last waiter has given up. */
    onDeserted: (dial: Dial) => void,
  ) {
    this.waiters = new DialWaiters(() => onDeserted(this))
  }

  resolve(link: Link): void {
    this.timer.cancel()
    this.waiters.resolve(link)
  }

  reject(error: unknown): void {
    this.timer.cancel()
    this.waiters.reject(error)
  }
}
