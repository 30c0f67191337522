/** Links over WebRTC data channels, and the introducers that bring first signals. */
export {
  type BroadcastChannelIntroducerOptions,
  broadcastChannelIntroducer,
} from './broadcast-channel-introducer.js'
export {
  type ConstructionLimits,
  type ConstructionStats,
  constructionLimits,
  encourageCollection,
} from './construction-budget.js'
export { type HeartbeatSettings, heartbeatDefaults } from './heartbeat.js'
export { type WebRtcLimits, webRtcLimits } from './limits.js'
export { systemClock, systemRandom } from './platform.js'
export { platformWebRtc, type WebRtc } from './simple-peer.js'
export type {
  DropReason,
  WebRtcTransport,
  WebRtcTransportOptions,
  WebRtcTransportStats,
} from './transport-options.js'
export { createWebRtcTransport } from './webrtc-transport.js'
export { type WebSocketIntroducerOptions, webSocketIntroducer } from './websocket-introducer.js'
