/** The kadrtc node's world in memory: virtual time, seeded randomness, links, an introduction server, clusters. */

export { Churn, type ChurnCounters, type ChurnOptions } from './churn/churn.js'
export { exponential, fromTrace, type SessionLengths, weibull } from './churn/session-lengths.js'
export { Cluster, type ClusterOptions } from './cluster.js'
export type { ClusterPorts, Member, MemberState, NodeConditions } from './cluster-member.js'
export type { MessageOnTheWay, NetworkEvent, NetworkFaults } from './faults.js'
export {
  atEveryMoment,
  type ClosestOptions,
  type Confirmation,
  closest,
  HandledOnce,
  type KeptRecords,
  keptRecords,
  linkBudgets,
  nearestLinks,
  queues,
  RecordLedger,
  type RecordLedgerOptions,
  type ReplicasOptions,
  replicas,
  requestBudgets,
  SequenceWatcher,
} from './invariants.js'
export {
  constantLatency,
  type LatencyModel,
  type LatencyPlaneOptions,
  latencyPlane,
} from './latency-plane.js'
export { LocalClock } from './local-clock.js'
export { type Lies, type LyingCounters, LyingTransport } from './lying-transport.js'
export { type NatClass, type NatClasses, natClasses, unconnectableShare } from './nat-classes.js'
export { Oracle, type OracleOptions } from './oracle.js'
export { type Replay, replayScenario } from './replay-scenario.js'
export { SeededRandom } from './seeded-random.js'
export { type SoakOptions, type SoakReport, soak, soakSettings } from './soak.js'
export { type SoakEvents, SoakFaults } from './soak-faults.js'
export { StubIdentity } from './stub-identity.js'
export { TraceHash } from './trace-hash.js'
export { VirtualClock, type VirtualClockOptions, type Within } from './virtual-clock.js'
export { type IntroductionServerOptions, VirtualIntroductionServer } from './virtual-introducer.js'
export type { VirtualLink } from './virtual-link.js'
export type { LinkLimits } from './virtual-medium.js'
export {
  linkDefaults,
  type NetworkCounters,
  VirtualNetwork,
  type VirtualNetworkOptions,
} from './virtual-network.js'
export type { VirtualTransport } from './virtual-transport.js'
