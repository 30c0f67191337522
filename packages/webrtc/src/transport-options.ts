/** What a WebRTC transport is made of, what it can do beyond a LinkTransport, and what it counts. */
import type { Clock, Identity, LinkTransport, Random } from '@kadrtc/node'
import type { ConstructionStats } from './construction-budget.js'
import type { WebRtcLimits } from './limits.js'
import type { SignalFault } from './signals.js'
import type { WebRtc } from './simple-peer.js'

export interface WebRtcTransportOptions {
  readonly identity: Identity
  /** Name of the network: signals of another one are not heard. */
  readonly network: string
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  /** One for all connections of the tab: making one takes longer than the rest of a handshake. Default: one each. */
  readonly certificate?: RTCCertificate | undefined
  readonly iceServers?: readonly RTCIceServer[] | undefined
  /** WebRTC where the platform has none. */
  readonly wrtc?: WebRtc | undefined
  readonly limits?: Partial<WebRtcLimits> | undefined
  /** Replaces how the construction budget makes the collector run. */
  readonly encourageCollection?: (() => void) | undefined
}

export interface WebRtcTransportStats {
  readonly links: number
  /** Peers being dialled. */
  readonly dialling: number
  /** Requests of others being answered. */
  readonly answering: number
  /** Attempts under way, ours and theirs. */
  readonly handshakes: number
  readonly connections: ConstructionStats
  /** Signals dropped, by reason. */
  readonly dropped: Readonly<Record<DropReason, number>>
}

export type DropReason =
  | SignalFault
  /** Too old, heard before, or of an attempt that is over. */
  | 'stale'
  /** Beyond what is verified at once. */
  | 'excess'

export interface WebRtcTransport extends LinkTransport {
  /** For connections constructed from now on. */
  setIceServers(iceServers: readonly RTCIceServer[]): void
  stats(): WebRtcTransportStats
  /** Synchronous, for the page's `pagehide`: says goodbye on every link and closes it. */
  goodbye(): void
}
