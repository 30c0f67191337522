/** The introduction server as a library: start one inside a process of your own, or in a test. */

export {
  type Counters,
  defaultLimits,
  type Limits,
  type Random,
  type Rate,
} from '@kadrtc/wire/introduction-server'
export type { Clock } from './clock.js'
export type { SignalingServerStats } from './health.js'
export { type IceServer, parseIceArgument } from './ice-servers.js'
export { InvalidOption } from './invalid-option.js'
export type { SignalingServerOptions } from './options.js'
export { createSignalingServer, type SignalingServer } from './server.js'
