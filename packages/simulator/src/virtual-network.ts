/**
 * A network in memory: gives each node its `LinkTransport`, and lets a test crash and freeze nodes and cut ways.
 *
 *     const network = new VirtualNetwork({ clock, random, latencyMs: constantLatency(20) })
 *     const transport = network.transport(identity)
 *     network.faults.canConnect = (a, b) => ...
 *     network.cut((from, to) => isLeft(from) !== isLeft(to))
 *     network.heal()
 */
import { type Id, idKey } from '@kadrtc/kademlia'
import type { Identity } from '@kadrtc/node'
import type { NetworkEvent, NetworkFaults } from './faults.js'
import type { LatencyModel } from './latency-plane.js'
import { LocalClock } from './local-clock.js'
import { MessagesInFlight } from './messages-in-flight.js'
import type { SeededRandom } from './seeded-random.js'
import type { VirtualClock } from './virtual-clock.js'
import { VirtualLink } from './virtual-link.js'
import type { DialMedium, LinkLimits, Medium } from './virtual-medium.js'
import { dialIdOf } from './virtual-signal.js'
import { VirtualTransport } from './virtual-transport.js'

export interface VirtualNetworkOptions extends Partial<LinkLimits> {
  readonly clock: VirtualClock
  /** Numbers the dials. */
  readonly random: SeededRandom
  /** How long a message takes one way, in ms. */
  readonly latencyMs: LatencyModel
  /** Round trips from agreement to an open link. Default 5: ICE, DTLS and SCTP, as measured with WebRTC. */
  readonly dialRoundTrips?: number
  readonly dialTimeoutMs?: number
  /** Dials under way at once per node, and peers it expects at once. */
  readonly dialsMax?: number
  /** Told of everything that happens, e.g. a `TraceHash`. */
  readonly observe?: (event: NetworkEvent) => void
}

export const linkDefaults: LinkLimits = {
  /** The protocol's own limit. */
  messageBytesMax: 96 * 1024,
  /** Room for a few of the largest messages. A guess. */
  queueBytesMax: 1024 * 1024,
  earlyBytesMax: 256 * 1024,
  /** 100 Mbit/s. */
  bytesPerSecond: 12_500_000,
  /** When browsers call a connection failed, as measured. */
  lostAfterMs: 15_000,
  probeMs: 3_000,
}

/** How much has happened since the network was made. */
export interface NetworkCounters {
  messages: number
  messageBytes: number
  linksOpened: number
  linksClosed: number
}

export class VirtualNetwork implements Medium, DialMedium {
  readonly clock: VirtualClock
  readonly limits: LinkLimits
  readonly faults: NetworkFaults = {}
  hasSlowNodes = false
  readonly dialTimeoutMs: number
  readonly dialsMax: number
  readonly counters: NetworkCounters = { messages: 0, messageBytes: 0, linksOpened: 0, linksClosed: 0 }
  readonly inFlight = new MessagesInFlight()
  readonly #random: SeededRandom
  readonly #latencyMs: LatencyModel
  readonly #dialRoundTrips: number
  readonly #observe: ((event: NetworkEvent) => void) | undefined
  /** Transports of living nodes; bounded by whoever makes the nodes. */
  readonly #transports = new Map<string, VirtualTransport>()
  #isCut: ((from: Id, to: Id) => boolean) | undefined

  constructor(options: VirtualNetworkOptions) {
    const { clock, random, latencyMs, dialRoundTrips, dialTimeoutMs, dialsMax, observe, ...limits } = options
    this.clock = clock
    this.limits = { ...linkDefaults, ...limits }
    this.dialTimeoutMs = dialTimeoutMs ?? 15_000
    this.dialsMax = dialsMax ?? 64
    this.#random = random
    this.#latencyMs = latencyMs
    this.#dialRoundTrips = dialRoundTrips ?? 5
    this.#observe = observe
  }

  /**
   * The transport of one node, whose tab lives by `clock`. Throws if its id is alive already; after `crash` or `close` it may
   * come back.
   */
  transport(identity: Identity, clock = new LocalClock(this.clock)): VirtualTransport {
    const key = idKey(identity.id)
    if (this.#transports.has(key)) throw new Error('A node with this id is alive on this network')
    const transport = new VirtualTransport(this, identity, clock)
    this.#transports.set(key, transport)
    return transport
  }

  /** The node dies without a word: its peers find out by its silence. Unknown ids are no error. */
  crash(id: Id): void {
    this.#transports.get(idKey(id))?.crash()
  }

  /** The browser freezes the node's tab: to its peers this looks as a crash does. Unknown ids are no error. */
  freeze(id: Id): void {
    this.#transports.get(idKey(id))?.freeze()
  }

  /** The tab runs again, and hears of all that happened meanwhile. */
  thaw(id: Id): void {
    this.#transports.get(idKey(id))?.thaw()
  }

  /**
   * From now on nothing gets from `from` to `to` where this holds; it may hold one way only. Replaces an earlier
   * cut. Links that fall silent are lost in time; what they had to send waits for the cut to heal. It is
   * asked often, and must give the same answer until the next `cut`.
   */
  cut(isCut: (from: Id, to: Id) => boolean): void {
    this.#isCut = isCut
    this.#reviewLinks()
  }

  heal(): void {
    this.#isCut = undefined
    this.#reviewLinks()
  }

  latencyMs(from: Id, to: Id): number {
    return Math.max(0, this.#latencyMs(from, to))
  }

  /** The id of a node that is alive, as that node has it. */
  idOf(id: Id): Id | undefined {
    return this.#transports.get(idKey(id))?.identity.id
  }

  isCut(from: Id, to: Id): boolean {
    return this.#isCut?.(from, to) ?? false
  }

  newDialId(): string {
    return dialIdOf(this.#random.bytes(8))
  }

  openingMs(from: Id, to: Id): number {
    const [near, far] = [this.#transports.get(idKey(from)), this.#transports.get(idKey(to))]
    // The living nodes' own objects: models of latency know them, where a copy out of a signal is a stranger to each.
    const [own, peer] = [near?.identity.id ?? from, far?.identity.id ?? to]
    const slowMs = (near?.slowMs ?? 0) + (far?.slowMs ?? 0)
    return this.#dialRoundTrips * (this.latencyMs(own, peer) + this.latencyMs(peer, own) + slowMs)
  }

  open(dialler: VirtualTransport, peer: Id, dialId: string): void {
    const self = dialler.identity
    const other = this.#transports.get(idKey(peer))
    const canConnect = this.faults.canConnect?.(self.id, peer) ?? true
    if (!other || !canConnect || this.isCut(self.id, peer) || this.isCut(peer, self.id)) return
    const near = VirtualLink.between(dialler, other, dialId)
    this.note({ kind: 'opened', from: self.id, to: peer, connectionId: dialId })
    dialler.adopt(near)
  }

  forget(transport: VirtualTransport): void {
    this.#transports.delete(idKey(transport.identity.id))
  }

  note(event: NetworkEvent): void {
    switch (event.kind) {
      case 'opened':
        this.counters.linksOpened++
        break
      case 'message':
        this.counters.messages++
        this.counters.messageBytes += event.bytes.length
        break
      case 'closed':
        this.counters.linksClosed++
        break
    }
    this.#observe?.(event)
  }

  #reviewLinks(): void {
    for (const transport of [...this.#transports.values()]) {
      for (const link of transport.links) link.reviewSilence()
    }
  }
}
