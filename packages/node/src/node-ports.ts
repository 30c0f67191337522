/** What a node is made of, and what it tells. */
import type { Id } from '@kadrtc/kademlia'
import type { Channel } from './channels/channel.js'
import type { KadrtcError } from './errors.js'
import type { NodeStatus } from './inspection.js'
import type { IntroducerState } from './joining/introductions.js'
import type { Clock } from './ports/clock.js'
import type { Identity } from './ports/identity.js'
import type { Introducer } from './ports/introducer.js'
import type { CloseReason, LinkTransport } from './ports/link-transport.js'
import type { Random } from './ports/random.js'
import type { RecordStore } from './ports/record-store.js'
import type { Settings } from './settings.js'

export interface NodePorts {
  /** Nodes of different networks never meet. 1 to 64 bytes of UTF-8. */
  readonly network: string
  readonly identity: Identity
  readonly transport: LinkTransport
  readonly introducers: readonly Introducer[]
  /** What this node holds for others. */
  readonly records: RecordStore
  /** What this node published itself, to be put again after a restart. */
  readonly published: RecordStore
  readonly clock: Clock
  readonly random: Random
  /**
   * Gives `id` in memory that does not change, for as long as it is needed. Default: a copy. Nodes that share a process may share
   * these: a node keeps some thirty ids of others, and each takes 224 bytes.
   */
  readonly keepId?: (id: Id) => Id
  readonly settings?: Partial<Settings>
}

export interface NodeEvents {
  status: (status: NodeStatus) => void
  /** A link opened. `peer` is the node id in hex. */
  link: (link: { readonly peer: string }) => void
  unlink: (link: { readonly peer: string; readonly reason: CloseReason }) => void
  introducer: (introducer: { readonly name: string; readonly state: IntroducerState }) => void
  /** A peer opened a channel to us. With no listener such channels are refused. */
  channel: (channel: Channel) => void
  /** Something works less well than it should; nothing is lost. */
  warning: (error: KadrtcError) => void
}
