import type { Id } from '@kadrtc/kademlia'
import type { KadrtcError } from '../errors.js'
import type { Identity } from './identity.js'

/** What an introducer tells the node. */
export interface IntroducerEvents {
  /** This introducer can be used now. `peers` may be dialled through `send`, best first; empty: nobody else is here. */
  onWelcome(peers: readonly Id[]): void
  /** A signal from a peer that reaches us through this introducer. */
  onSignal(from: Id, signal: Uint8Array): void
  /**
   * The introducer cannot be used until `connect` is called again. No error: it let us go in peace.
   * SERVER_UNREACHABLE, SERVER_REFUSED and WRONG_NETWORK say why it failed.
   */
  onDown(error?: KadrtcError): void
}

/** An introducer at work for one node. */
export interface IntroducerSession {
  /** Asks for an introduction now; `onWelcome` or `onDown` follows, within seconds. While connected it asks for fresh peers. */
  connect(): void
  /** Brings a signal to a peer met through this introducer. False: not now; true is no promise that it arrives. */
  send(to: Id, signal: Uint8Array): boolean
  /** Says that this node has its links and needs no more introductions. */
  joined(): void
  /** Releases sockets, channels and timers. No event follows. */
  close(): void
}

/** Brings a newcomer together with its first contacts. */
export interface Introducer {
  /** A name to show people, e.g. the server's address. */
  readonly name: string
  open(identity: Identity, network: string, events: IntroducerEvents): IntroducerSession
}
