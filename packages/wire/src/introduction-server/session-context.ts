/** What a client's session needs from outside itself. */
import type { Counters } from './counters.js'
import type { Limits } from './limits.js'
import type { Networks } from './networks.js'

/** What a session needs of its WebSocket; `ws` has all of it. */
export interface SessionSocket {
  /** Bytes accepted and not yet given to the network. */
  readonly bufferedAmount: number
  send(bytes: Uint8Array): void
  ping(): void
  close(code: number): void
  terminate(): void
}

/** What all sessions of a server share. */
export interface SessionContext {
  readonly networks: Networks
  readonly limits: Limits
  readonly iceServersJson: string
  readonly counters: Counters
  /** Whether an Ed25519 signature fits; false for malformed ones too, and never throws. */
  verify(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean
  /** Milliseconds on a clock that only goes forward. */
  now(): number
}
