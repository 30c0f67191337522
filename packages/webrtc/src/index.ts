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
export { type WebSocketIntroducerOptions, webSocketIntroducer } from './websocket-introducer.js'
export {
  createWebRtcTransport,
  type DropReason,
  type WebRtcTransport,
  type WebRtcTransportOptions,
  type WebRtcTransportStats,
} from './webrtc-transport.js'
