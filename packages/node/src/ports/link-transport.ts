import type { Id } from '@kadrtc/kademlia'
import type { CancelSignal } from '../cancel-signal.js'

/** Why a link ended. */
export type CloseReason =
  /** This side called `close`. */
  | 'local'
  /** The other side said goodbye or closed. */
  | 'remote'
  /** Nothing was heard for too long, or the connection failed underneath. */
  | 'lost'
  /** The other side sent what no honest peer sends. */
  | 'violation'

/**
 * One authenticated, ordered, message-bounded and back-pressured path to a peer: whoever is at the
 * other end has proved that it holds the key of `peer`.
 */
export interface Link {
  readonly peer: Id
  /** The peer's Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array
  /** Tells this link from an earlier or later one to the same peer. Equal at both ends, opaque. */
  readonly connectionId: string
  /** Smoothed round-trip time in milliseconds; undefined until measured. */
  readonly rttMs: number | undefined
  /** Bytes accepted by `send` and not yet given to the network. */
  readonly bufferedBytes: number
  /** False: the outgoing queue is full or the link has closed, and nothing was sent. */
  send(message: Uint8Array): boolean
  /**
   * One handler. Messages that came before it was set are kept (bounded) and handed over in order. It is told which link they
   * came over, so that one handler can serve all.
   */
  onMessage(handler: (message: Uint8Array, link: Link) => void): void
  /** One handler, called exactly once, for a local `close` too; at once if the link has closed already. */
  onClose(handler: (reason: CloseReason, link: Link) => void): void
  /** One handler, called when the outgoing queue has room again after `send` was refused. */
  onDrain(handler: () => void): void
  /** Says goodbye and closes. Closing twice does nothing. */
  close(reason?: CloseReason): void
  /** Asks at once whether the peer still answers; a silent one is closed as 'lost' within seconds. */
  probe(): void
}

/** A way to bring signals to one peer. Best effort: a link that closes takes along what it carried. */
export interface SignalPath {
  /** Nodes from here to the peer, the peer last, where the way goes over the overlay and is known. */
  readonly route?: readonly Id[] | undefined
  /** `again`: it was sent before, and nothing came of it. A path that knows another way takes that. */
  send(signal: Uint8Array, again?: boolean): void
}

export interface DialOptions {
  readonly signal?: CancelSignal | undefined
  /** Called once the peer has agreed to a link, or wants one itself; at once if it has already. */
  readonly onAgreed?: (() => void) | undefined
}

/** Opens links. The node carries its signals: over an introducer at first, over the overlay ever after. */
export interface LinkTransport {
  /**
   * Resolves with the link to `peer`, the standing one if there is one already. Two peers that dial
   * each other at once get one link. A dial that is under way is shared, and a peer that has not answered yet is
   * asked by the new path too. What is lost on the way is sent again after a second or two. Rejects with a KadrtcError:
   * TIMEOUT when the peer did not answer, UNREACHABLE when it did and no link came about, REFUSED, BUSY, CLOSED, or with the
   * reason of `signal`.
   */
  dial(peer: Id, path: SignalPath, options?: DialOptions): Promise<Link>
  /** A signal from `from`; `path` leads back there. Malformed or forged signals are counted and dropped. */
  receiveSignal(from: Id, signal: Uint8Array, path: SignalPath): void
  /** One handler; told of every link that opens, dialled or incoming, once, before `dial` resolves. */
  onLink(handler: (link: Link) => void): void
  /** One policy, asked before anything is spent on a peer that wants a link, and that has proved who it is. Default: everyone may. */
  onRequest(mayOpen: (peer: Id, path: SignalPath) => boolean): void
  /** Closes every link and abandons every dial. */
  close(): Promise<void>
}
