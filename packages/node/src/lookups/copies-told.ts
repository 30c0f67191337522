/** What the answers to a read tell of copies: how long one may be kept, and where one would shorten the next way. */
import { compareDistances, type Id } from '@kadrtc/kademlia'
import type { Contact } from './contact.js'

export class CopiesTold {
  /** The longest that a copy may be kept by these answers, in ms; undefined: no answer told of copies. */
  copyMs: number | undefined
  /** The node nearest to the key that was on the way and had none. */
  lacking: Contact | undefined
  /** An answer came from somebody who says nothing of copies. */
  #quiet = false

  constructor(readonly keyId: Id) {}

  get onlyCopies(): boolean {
    return this.copyMs !== undefined && !this.#quiet
  }

  /** Whoever had an older version is no older than the newest: the longest life counts. */
  note(copyMs: number | undefined): void {
    if (copyMs === undefined) this.#quiet = true
    else this.copyMs = Math.max(copyMs, this.copyMs ?? 0)
  }

  noteLacking(contact: Contact): void {
    const { lacking, keyId } = this
    if (!lacking || compareDistances(keyId, contact.id, lacking.id) < 0) this.lacking = contact
  }
}
