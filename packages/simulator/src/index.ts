/** The kadrtc node's world in memory: virtual time, seeded randomness, links, an introduction server, clusters. */
export { Cluster, type ClusterOptions, type ClusterPorts, type Member, type MemberState } from './cluster.js'
export type { NetworkEvent, NetworkFaults } from './faults.js'
export {
  constantLatency,
  type LatencyModel,
  type LatencyPlaneOptions,
  latencyPlane,
} from './latency-plane.js'
export { LocalClock } from './local-clock.js'
export { SeededRandom } from './seeded-random.js'
export { StubIdentity } from './stub-identity.js'
export { TraceHash } from './trace-hash.js'
export { VirtualClock, type VirtualClockOptions, type Within } from './virtual-clock.js'
export { type IntroductionServerOptions, VirtualIntroductionServer } from './virtual-introducer.js'
export type { LinkLimits, VirtualLink } from './virtual-link.js'
export {
  linkDefaults,
  type NetworkCounters,
  VirtualNetwork,
  type VirtualNetworkOptions,
} from './virtual-network.js'
export type { VirtualTransport } from './virtual-transport.js'
