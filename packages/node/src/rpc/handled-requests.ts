/**
 * The requests that this node has handled last, so that a copy of one does nothing. A data channel gives each message once, but a
 * relay may send again what it has passed on, at no cost, while each copy costs its responder a signature, and one of a
 * record that is to be spread k packets besides.
 *
 * The memory is short, as it may be: what a request changes for good is guarded by records' sequence numbers and by the numbers of
 * dials and channels, and anybody may ask for the rest as often as the rations of links allow.
 */
import { headOf, type Id } from '@kadrtc/kademlia'

/** A quarter of a kilobyte. Among 1,000 nodes under churn each is asked some four times a second: that is a quarter of a minute. */
export const handledMax = 64

export class HandledRequests {
  /** Of the last requests, each in the place of the oldest. Made when the first one comes: 0 is none. */
  #marks: Uint32Array | undefined
  #next = 0

  /** Takes note of a request that is about to be handled; false if it is one of the last. */
  note(nonce: number, origin: Id): boolean {
    // The low bits of the nonce, which are random: one new request in thirty millions is taken for a copy, and is asked again.
    const mark = (nonce ^ headOf(origin)) >>> 0 || 1
    this.#marks ??= new Uint32Array(handledMax)
    // Twice as fast as `includes`.
    for (let i = 0; i < handledMax; i++) if (this.#marks[i] === mark) return false
    this.#marks[this.#next] = mark
    this.#next = (this.#next + 1) % handledMax
    return true
  }
}
