/**
 * Signals of this node, signed, and signals of others, checked. What passes `check` and `verify` was said by the
 * holder of the sender's key, to this node, in this network.
 */
import { equalIds, type Id, nodeIdOf } from '@kadrtc/kademlia'
import type { Clock, Identity } from '@kadrtc/node'
import {
  type DecodedSignal,
  decodeSignal,
  encodeSignal,
  networkHash,
  type Signal,
  type SignalHeader,
  signalSigningBytes,
  WireError,
} from '@kadrtc/wire'

type WithoutHeader<S> = S extends Signal ? Omit<S, keyof SignalHeader> : never

/** What a signal says beyond its header. */
export type SignalBody = WithoutHeader<Signal>

/** Why a signal is dropped. */
export type SignalFault =
  /** Not a signal at all. */
  | 'malformed'
  /** Another network's, or for another node. */
  | 'foreign'
  /** The sender does not hold the key of who it says it is. */
  | 'forged'

export class Signals {
  readonly #networkHash: Uint8Array

  /** Throws WireError if `network` is no name of a network. */
  constructor(
    private readonly identity: Identity,
    network: string,
    private readonly clock: Clock,
  ) {
    this.#networkHash = networkHash(network)
  }

  /** The signal's bytes, signed. */
  async seal(to: Id, connectionId: Uint8Array, body: SignalBody): Promise<Uint8Array> {
    const signal = {
      networkHash: this.#networkHash,
      connectionId,
      publicKey: this.identity.publicKey,
      to,
      issuedAtMs: this.clock.wallMs(),
      ...body,
    }
    return encodeSignal(signal, await this.identity.sign(signalSigningBytes(signal)))
  }

  /** All that can be checked without cryptography but one SHA-1. */
  check(from: Id, bytes: Uint8Array): DecodedSignal | SignalFault {
    let decoded: DecodedSignal
    try {
      decoded = decodeSignal(bytes)
    } catch (error) {
      if (error instanceof WireError) return 'malformed'
      throw error
    }
    const { networkHash, to, publicKey } = decoded.signal
    if (!equalIds(to, this.identity.id) || !equalBytes(networkHash, this.#networkHash)) return 'foreign'
    return equalIds(nodeIdOf(publicKey), from) ? decoded : 'forged'
  }

  async verify({ signal, signedBytes, signature }: DecodedSignal): Promise<boolean> {
    return await this.identity.verify(signal.publicKey, signedBytes, signature)
  }
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
