/** Limits and timings of the transport, and how they are called in its options. */
import type { ConstructionLimits } from './construction-budget.js'
import type { HeartbeatSettings } from './heartbeat.js'

export interface WebRtcLimits {
  /** From the call of `dial` to the open link; and from a request heard to the open link. */
  readonly dialTimeoutMs: number
  /** Peers being dialled: all links of a node. */
  readonly dialsMax: number
  /** Requests being answered. */
  readonly answersMax: number
  /** Requests remembered against replay: more than can be answered in the time they are valid. */
  readonly replayGuardEntriesMax: number
  /** A request older or newer than this is not heard: clocks of tabs differ, and replay is guarded for so long. */
  readonly requestAgeMsMax: number
  /** Signatures being verified at once; signals beyond are dropped. */
  readonly verificationsMax: number
  /** A frame goes to the channel while less than this waits there: enough to keep any path full, 5 ms at 100 Mbit/s. */
  readonly highWaterBytes: number
  /** The channel asks for more when it holds no more than this. */
  readonly lowWaterBytes: number
  readonly construction: Partial<ConstructionLimits>
  readonly heartbeat: Partial<HeartbeatSettings>
}

export const webRtcLimits: WebRtcLimits = {
  dialTimeoutMs: 15_000,
  dialsMax: 64,
  answersMax: 64,
  replayGuardEntriesMax: 1_024,
  requestAgeMsMax: 120_000,
  verificationsMax: 256,
  highWaterBytes: 65_536,
  lowWaterBytes: 16_384,
  construction: {},
  heartbeat: {},
}
