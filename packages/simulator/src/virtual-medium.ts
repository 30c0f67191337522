/** What links and transports in memory ask of their network, and links of the side that they belong to. */
import type { Id } from '@kadrtc/kademlia'
import type { Identity } from '@kadrtc/node'
import type { NetworkEvent, NetworkFaults } from './faults.js'
import type { LocalClock } from './local-clock.js'
import type { MessagesInFlight } from './messages-in-flight.js'
import type { VirtualClock } from './virtual-clock.js'
import type { VirtualLink } from './virtual-link.js'
import type { VirtualTransport } from './virtual-transport.js'

export interface LinkLimits {
  /** A longer message is a bug of the sender, and throws. */
  readonly messageBytesMax: number
  /** `send` refuses once this much waits, unless nothing waits. */
  readonly queueBytesMax: number
  /** Messages kept until `onMessage` is called; past that the link ends as a 'violation'. */
  readonly earlyBytesMax: number
  /** Of each direction of each link. Infinity: nothing ever waits. */
  readonly bytesPerSecond: number
  /** Silence after which an idle link is lost. */
  readonly lostAfterMs: number
  /** Silence after which a probed link is lost. */
  readonly probeMs: number
}

/** What a link asks of its network. */
export interface Medium {
  readonly clock: VirtualClock
  readonly limits: LinkLimits
  readonly faults: NetworkFaults
  readonly inFlight: MessagesInFlight
  /** Some node is slow: until then nobody has to look whether the other end is. */
  readonly hasSlowNodes: boolean
  latencyMs(from: Id, to: Id): number
  isCut(from: Id, to: Id): boolean
  note(event: NetworkEvent): void
}

/** The side that a link's end belongs to. */
export interface LinkOwner {
  readonly medium: Medium
  readonly identity: Identity
  /** The tab's own: while it stands still, what arrives waits. */
  readonly clock: LocalClock
  /** How much longer each message to this node takes, in ms. */
  readonly slowMs: number
  /** The peer has opened `link`, and this side hears of it. */
  meet(link: VirtualLink): void
  /** `link` has closed. */
  forgetLink(link: VirtualLink): void
}

/** What a transport asks of its network. */
export interface DialMedium {
  readonly dialTimeoutMs: number
  /** Dials under way at once, and peers expected at once. */
  readonly dialsMax: number
  /** Set by the first node that is slow. */
  hasSlowNodes: boolean
  newDialId(): string
  /** How long opening takes once both agree, in ms. */
  openingMs(from: Id, to: Id): number
  /** Opens a link if there is a way; else nothing happens, and the dial times out. */
  open(dialler: VirtualTransport, peer: Id, dialId: string): void
  /** The transport is gone for good. */
  forget(transport: VirtualTransport): void
}
