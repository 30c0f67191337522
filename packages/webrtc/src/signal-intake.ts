/**
 * Where signals of others come in: only what its sender signed, lately and for the first time, and what belongs to
 * an attempt that is under way, gets through. What costs least is checked first.
 */
import { type Id, idKey } from '@kadrtc/kademlia'
import type { Clock, SignalPath } from '@kadrtc/node'
import type { DecodedSignal, Signal } from '@kadrtc/wire'
import type { WebRtcLimits } from './limits.js'
import { ReplayGuard } from './replay-guard.js'
import type { Signals } from './signals.js'
import type { DropReason } from './transport-options.js'

export interface SignalIntakePorts {
  readonly signals: Signals
  readonly clock: Clock
  readonly limits: WebRtcLimits
  /** Is this attempt (see `attemptKey`) under way? */
  isUnderWay(attempt: string): boolean
  onSignal(from: Id, signal: Signal, bytes: Uint8Array, path: SignalPath): void
}

export class SignalIntake {
  /** Signals dropped, by reason. */
  readonly dropped: Record<DropReason, number> = { malformed: 0, foreign: 0, forged: 0, stale: 0, excess: 0 }
  readonly #replayGuard: ReplayGuard
  #verifying = 0
  #closed = false

  constructor(private readonly ports: SignalIntakePorts) {
    this.#replayGuard = new ReplayGuard(ports.limits.replayGuardEntriesMax)
  }

  receive(from: Id, bytes: Uint8Array, path: SignalPath): void {
    const checked = this.ports.signals.check(from, bytes)
    if (typeof checked === 'string') return this.#drop(checked)
    if (this.#isStale(from, checked.signal)) return this.#drop('stale')
    if (this.#verifying >= this.ports.limits.verificationsMax) return this.#drop('excess')
    this.#verifying++
    void this.#verifyAndGive(from, checked, bytes, path)
  }

  close(): void {
    this.#closed = true
  }

  /** What can be told without checking a signature. */
  #isStale(from: Id, signal: Signal): boolean {
    const { clock, limits } = this.ports
    const attempt = attemptKey(from, signal.connectionId)
    if (signal.kind !== 'request') return !this.ports.isUnderWay(attempt)
    const ageMs = clock.wallMs() - signal.issuedAtMs
    return Math.abs(ageMs) > limits.requestAgeMsMax || this.#replayGuard.has(attempt)
  }

  async #verifyAndGive(from: Id, decoded: DecodedSignal, bytes: Uint8Array, path: SignalPath): Promise<void> {
    const genuine = await this.ports.signals.verify(decoded)
    this.#verifying--
    if (this.#closed) return
    if (!genuine) return this.#drop('forged')
    const { signal } = decoded
    const attempt = attemptKey(from, signal.connectionId)
    // Things may have changed while the signature was checked.
    const isCurrent =
      signal.kind === 'request' ? this.#replayGuard.add(attempt) : this.ports.isUnderWay(attempt)
    if (isCurrent) this.ports.onSignal(from, signal, bytes, path)
    else this.#drop('stale')
  }

  #drop(reason: DropReason): void {
    this.dropped[reason]++
  }
}

/** Names one attempt at a link with `peer`, whoever made it. */
export function attemptKey(peer: Id, connectionId: Uint8Array): string {
  return idKey(peer) + hex(connectionId)
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
