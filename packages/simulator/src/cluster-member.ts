/** One place in a cluster: what its node is made of, and what may be odd about it. */
import type { Id } from '@kadrtc/kademlia'
import type { Clock, Introducer, LinkTransport, RecordStore } from '@kadrtc/node'
import type { LocalClock } from './local-clock.js'
import type { Lies } from './lying-transport.js'
import type { SeededRandom } from './seeded-random.js'
import type { StubIdentity } from './stub-identity.js'
import type { VirtualTransport } from './virtual-transport.js'

/** What a node is made of, in the shape of the node's own ports. */
export interface ClusterPorts {
  readonly network: string
  readonly identity: StubIdentity
  readonly transport: LinkTransport
  readonly introducers: readonly Introducer[]
  readonly records: RecordStore
  readonly published: RecordStore
  readonly clock: Clock
  readonly random: SeededRandom
  readonly keepId: (id: Id) => Id
}

/** `frozen`: the browser has stopped the tab's code. It may go on, or never. */
export type MemberState = 'up' | 'frozen' | 'crashed' | 'left'

/** What is odd about one node, for as long as it is in the cluster. */
export interface NodeConditions {
  /** How much its time of day runs ahead; negative: behind. */
  readonly skewMs?: number
  /** How much longer each message to it takes. */
  readonly slowMs?: number
  /** How it deceives others. */
  readonly lying?: Lies
}

/** One place in the cluster. */
export interface Member<N> {
  readonly index: number
  readonly ports: ClusterPorts
  readonly node: N
  readonly state: MemberState
  readonly conditions: NodeConditions
  /** The node's tab as its network sees it, and the tab's time: what waits there can be looked at. */
  readonly tab: VirtualTransport
  readonly clock: LocalClock
}
