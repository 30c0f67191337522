/**
 * The node: its life, its links, and the verbs. What overlay, rpc, lookups, records, replication and introductions have to do with
 * one another is in `node-parts.ts`.
 * Talks to the world through ports alone, so that the same code runs in a tab, in Node and in the simulator.
 *
 *   const node = new KadNode({ network: 'my-app', identity, transport, introducers, records, published, clock, random })
 *   await node.start()
 *   await node.put(keyIdOf('greeting'), { value, format: 0 })
 */
import { compareDistances, type Id, idKey, idToHex } from '@kadrtc/kademlia'
import type { Notice } from '@kadrtc/wire'
import type { Channel } from './channels/channel.js'
import { type OperationOptions, withDeadline } from './deadline.js'
import { KadrtcError } from './errors.js'
import { GuardedEmitter } from './guarded-emitter.js'
import { type Inspection, inspectionOf, type NodeStatus } from './inspection.js'
import { MassLoss } from './joining/mass-loss.js'
import { findClosest } from './lookups/find-closest.js'
import { type TracedRoute, traceRoute } from './lookups/trace-route.js'
import { makeParts, type NodeParts } from './node-parts.js'
import type { NodeEvents, NodePorts } from './node-ports.js'
import { overlayPath } from './overlay/signal-paths.js'
import type { CloseReason, Link } from './ports/link-transport.js'
import type { RecordVerbs } from './records/record-verbs.js'
import { ping } from './rpc/ping.js'
import type { Settings } from './settings.js'

export class KadNode extends GuardedEmitter<NodeEvents> {
  readonly id: Id
  readonly settings: Settings
  readonly records: RecordVerbs
  /** Are channels of peers accepted? Default: if somebody listens for them. */
  takesChannels: () => boolean = () => this.listenerCount('channel') > 0
  readonly #parts: NodeParts
  readonly #losses = new MassLoss()
  #status: NodeStatus = 'connecting'
  #closing: Promise<void> | undefined

  /** Throws INVALID_ARGUMENT for a bad setting or network name. */
  constructor(readonly ports: NodePorts) {
    super()
    this.#parts = makeParts(ports, {
      onChannel: (channel) => this.takesChannels() && this.emit('channel', channel),
      onIntroducer: (name, state) => this.emit('introducer', { name, state }),
      onStatus: (status) => this.#become(status),
      onNotice: (notice, link) => this.#onNotice(notice, link),
      onWarning: (warning) => this.#warn(warning),
    })
    this.id = ports.identity.id
    this.settings = this.#parts.lookupPorts.settings
    this.records = this.#parts.records
    ports.transport.onLink((link) => this.#onLink(link))
  }

  get status(): NodeStatus {
    return this.#status
  }

  /**
   * Joins the network. Resolves when this node has a link and knows its neighbourhood ('joined'), or when it is
   * certain that nobody else is there ('alone'). Rejects with SERVER_UNREACHABLE, SERVER_REFUSED, WRONG_NETWORK or
   * TIMEOUT; with `allowAlone` it becomes 'alone' instead and goes on trying.
   */
  async start(options: OperationOptions & { readonly allowAlone?: boolean } = {}): Promise<NodeStatus> {
    this.#throwIfClosed()
    const { shelf, publisher, joining, introductions } = this.#parts
    const loading = Promise.all([shelf.load(), publisher.load()]).catch((cause) =>
      this.#warn(new KadrtcError('STORE_UNAVAILABLE', 'what was kept cannot be read', { cause })),
    )
    const timeoutMs = options.timeoutMs ?? this.settings.joinTimeoutMs
    const joined = joining.start({ ...options, timeoutMs })
    introductions.open()
    joining.consider()
    await Promise.all([joined, loading])
    return this.#status
  }

  /**
   * A direct, authenticated channel to a node by its id, with no server: the overlay carries the signals. Rejects
   * with UNREACHABLE, REFUSED (it takes no channels), BUSY, TIMEOUT, CLOSED, or the signal's reason.
   */
  async connect(peer: Id, options: OperationOptions & { readonly label?: string } = {}): Promise<Channel> {
    this.#throwIfClosed()
    if (idKey(peer) === idKey(this.id)) throw new KadrtcError('INVALID_ARGUMENT', 'that is this node itself')
    const { keeper, lookupPorts, links, dialler, channels } = this.#parts
    return withDeadline(this.ports.clock, options, this.settings.operationTimeoutMs, async (signal) => {
      const unpin = keeper.budget.pin(peer)
      try {
        const path = overlayPath(lookupPorts, peer, undefined)
        const link = links.get(peer) ?? (await dialler.dial(peer, path, signal))
        return await channels.open(link, options.label ?? '', signal)
      } finally {
        unpin()
      }
    })
  }

  /**
   * PING (Kademlia paper, section 2.3): milliseconds until a node, linked or not, has answered. `payload`, up to 1 KiB,
   * comes back with the answer. Rejects with UNREACHABLE, TIMEOUT, CLOSED, or the signal's reason.
   */
  async ping(peer: Id, options: OperationOptions & { readonly payload?: Uint8Array } = {}): Promise<number> {
    this.#throwIfClosed()
    const { timeoutMs = this.settings.operationTimeoutMs } = options
    return ping(this.#parts.lookupPorts, peer, { ...options, timeoutMs })
  }

  /**
   * Where a packet toward an id ends: the node there, the hops to it, and the round trip in ms. Rejects with UNREACHABLE,
   * TIMEOUT, CLOSED, or the signal's reason.
   */
  async traceRoute(target: Id, options: OperationOptions = {}): Promise<TracedRoute> {
    this.#throwIfClosed()
    const { signal, timeoutMs = this.settings.operationTimeoutMs } = options
    return traceRoute(this.#parts.lookupPorts, target, { signal, timeoutMs })
  }

  /**
   * FIND_NODE (Kademlia paper, section 2.3): the k nodes closest to an id that can be found, nearest first, this one included.
   * Rejects with TIMEOUT, CLOSED, or the signal's reason.
   */
  async closest(target: Id, options: OperationOptions = {}): Promise<readonly Id[]> {
    this.#throwIfClosed()
    const { settings } = this
    const found = await withDeadline(this.ports.clock, options, settings.operationTimeoutMs, (signal) =>
      findClosest(this.#parts.lookupPorts, target, { signal, inDoubt: 'wait' }),
    )
    const closest = [this.id, ...found.map(({ id }) => id)].sort((a, b) => compareDistances(target, a, b))
    return closest.slice(0, settings.k)
  }

  inspect(): Inspection {
    return inspectionOf(this.#parts, this.ports, this.#status)
  }

  /** Says goodbye to everybody and lets go of every port. Closing twice does nothing. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { joining, introductions, channels, keeper, replicator, publisher, records, rpc, links } =
      this.#parts
    joining.close()
    introductions.close()
    channels.close()
    keeper.close()
    replicator.close()
    publisher.close()
    records.close()
    rpc.close()
    for (const link of links.links()) link.close()
    await this.ports.transport.close()
    await Promise.all([this.ports.records.close(), this.ports.published.close()])
    this.#become('closed')
    this.removeAllListeners()
  }

  #onLink(link: Link): void {
    if (this.#closing) {
      link.close()
      return
    }
    const { links, rpc, channels, keeper, replicator, publisher, joining } = this.#parts
    const { neighbour, replaced } = links.add(link, this.ports.clock.now())
    if (replaced) {
      rpc.onLinkClosed(replaced.link)
      channels.onLinkClosed(replaced.link)
      replaced.link.close()
    }
    // In this order: what a peer said before it closed is still heard.
    link.onMessage(this.#onMessage)
    link.onClose(this.#onLinkClosed)
    keeper.onLinkOpened(neighbour)
    replicator.onPeerJoined(neighbour)
    publisher.onLinkOpened(links.size)
    joining.onLinkOpened()
    this.emit('link', { peer: idToHex(link.peer) })
  }

  /** One for all links, as the next one is: a node has many. */
  readonly #onMessage = (message: Uint8Array, link: Link): void => {
    const { links, router } = this.#parts
    const neighbour = links.neighbour(link.peer)
    if (neighbour?.link === link) router.receive(neighbour, message)
  }

  readonly #onLinkClosed = (reason: CloseReason, link: Link): void => {
    const { links, rpc, channels, introductions, keeper, replicator, joining } = this.#parts
    rpc.onLinkClosed(link)
    channels.onLinkClosed(link)
    if (!links.remove(link) || this.#closing) return
    if (reason === 'lost' && this.#losses.note(this.ports.clock.now(), links.size)) introductions.hurry()
    keeper.onLinkClosed(link)
    replicator.onPeerLeft(link.peer)
    joining.onLinkClosed()
    this.emit('unlink', { peer: idToHex(link.peer), reason })
  }

  #onNotice(notice: Notice, link: Link): void {
    switch (notice.type) {
      case 'goodbye':
        link.close('remote')
        break
      case 'release':
        this.#parts.keeper.budget.onRelease(link)
        break
      case 'keep':
        break
      case 'channel-data':
        this.#parts.channels.onData(link, notice.channel, notice.data, notice.more ?? false)
        break
      case 'channel-close':
        this.#parts.channels.onClose(link, notice.channel)
        break
    }
  }

  #become(status: NodeStatus): void {
    if (this.#status === status) return
    this.#status = status
    this.emit('status', status)
  }

  #warn(error: KadrtcError): void {
    this.emit('warning', error)
  }

  #throwIfClosed(): void {
    if (this.#closing) throw new KadrtcError('CLOSED', 'the node')
  }
}
