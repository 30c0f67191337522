/**
 * The node: wires overlay, rpc, lookups, records, replication and introductions together, and gives the verbs.
 * Talks to the world through ports alone, so that the same code runs in a tab, in Node and in the simulator.
 *
 *   const node = new KadNode({ network: 'my-app', identity, transport, introducers, records, published, clock, random })
 *   await node.start()
 *   await node.put(keyIdOf('greeting'), { value, format: 0 })
 */
import { compareDistances, type Id, idKey, idToHex } from '@kadrtc/kademlia'
import { type Notice, networkHash } from '@kadrtc/wire'
import type { Channel } from './channels/channel.js'
import { Channels } from './channels/channels.js'
import { type OperationOptions, withDeadline } from './deadline.js'
import { KadrtcError } from './errors.js'
import { GuardedEmitter } from './guarded-emitter.js'
import { type Inspection, inspectionOf, type NodeStatus } from './inspection.js'
import { Introductions } from './joining/introductions.js'
import { Joining } from './joining/joining.js'
import { MassLoss } from './joining/mass-loss.js'
import { findClosest } from './lookups/find-closest.js'
import type { LookupPorts } from './lookups/lookup-ports.js'
import { type TracedRoute, traceRoute } from './lookups/trace-route.js'
import type { NodeEvents, NodePorts } from './node-ports.js'
import { Dialler } from './overlay/dialler.js'
import { LinkKeeper } from './overlay/link-keeper.js'
import { LinkTable } from './overlay/link-table.js'
import { Router } from './overlay/router.js'
import { overlayPath } from './overlay/signal-paths.js'
import type { CloseReason, Link } from './ports/link-transport.js'
import { Demand } from './records/demand.js'
import { RecordProofs } from './records/proofs.js'
import { Publisher } from './records/publisher.js'
import { RecordShelf } from './records/record-shelf.js'
import { RecordVerbs } from './records/record-verbs.js'
import { Replicator } from './replication/replicator.js'
import { Handlers } from './rpc/handlers.js'
import { ping } from './rpc/ping.js'
import { Rpc } from './rpc/rpc.js'
import { type Settings, settle } from './settings.js'

export class KadNode extends GuardedEmitter<NodeEvents> {
  readonly id: Id
  readonly settings: Settings
  readonly records: RecordVerbs
  /** Are channels of peers accepted? Default: if somebody listens for them. */
  takesChannels: () => boolean = () => this.listenerCount('channel') > 0
  readonly #lookupPorts: LookupPorts
  readonly #links: LinkTable
  readonly #router: Router
  readonly #rpc: Rpc
  readonly #handlers: Handlers
  readonly #dialler: Dialler
  readonly #keeper: LinkKeeper
  readonly #channels: Channels
  readonly #shelf: RecordShelf
  readonly #publisher: Publisher
  readonly #replicator: Replicator
  readonly #introductions: Introductions
  readonly #joining: Joining
  readonly #losses = new MassLoss()
  #status: NodeStatus = 'connecting'
  #closing: Promise<void> | undefined

  /** Throws INVALID_ARGUMENT for a bad setting or network name. */
  constructor(readonly ports: NodePorts) {
    super()
    const { identity, transport, clock, random } = ports
    const settings = settle(ports.settings)
    const hash = hashOf(ports.network)
    const own = identity.id
    const now = () => clock.now()
    const wallMs = () => clock.wallMs()
    const onStoreFailed = (cause: unknown) =>
      this.#warn(new KadrtcError('STORE_UNAVAILABLE', undefined, { cause }))
    this.id = own
    this.settings = settings
    const links = new LinkTable(own, settings)
    const proofs = new RecordProofs(identity, hash, wallMs)
    const shelf = new RecordShelf(own, ports.records, settings, wallMs, onStoreFailed)
    const demand = new Demand(now, random)
    const handlers = new Handlers({
      own,
      links,
      shelf,
      proofs,
      demand,
      settings,
      transport,
      wallMs,
      replication: {
        onStored: (slot, keyId) => this.#replicator.onStored(slot, keyId),
        onOffered: (slot, keyId, holder) => this.#replicator.onOffered(slot, keyId, holder),
      },
      unlinkedSiblings: () => this.#keeper.unlinked.contacts(),
      rpc: () => this.#rpc,
      router: () => this.#router,
      channels: () => this.#channels,
    })
    const router = new Router(own, links, now, {
      deliver: (body, origin) => this.#rpc.deliver(body, origin),
      answersEarly: (body) => this.#rpc.answersEarly(body),
      routeAround: (id, passed) => this.#keeper.unlinked.routeTo(id, passed),
    })
    const rpc = new Rpc({ identity, clock, random, networkHash: hash }, router, links, handlers, settings)
    rpc.onNotice = (notice, link) => this.#onNotice(notice, link)
    // Spread last: a spread that is added to gives each object a class of its own (see `encodeQuestion`).
    const lookupPorts = { own, clock, rpc, links, settings, random }
    const dialler = new Dialler(own, transport, links, clock, settings.dialsMax)
    const keeper = new LinkKeeper(lookupPorts, dialler)
    const publisher = new Publisher(
      { shelf, proofs, published: ports.published, onStoreFailed, ...lookupPorts },
      settings.publishedMax,
    )
    this.#lookupPorts = lookupPorts
    this.#links = links
    this.#router = router
    this.#rpc = rpc
    this.#handlers = handlers
    this.#dialler = dialler
    this.#keeper = keeper
    this.#shelf = shelf
    this.#publisher = publisher
    this.#replicator = new Replicator({ shelf, neighbourhood: keeper, ...lookupPorts })
    keeper.onHeard = (contact) => this.#replicator.onPeerJoined(contact)
    keeper.onForgotten = (id) => this.#replicator.onPeerLeft(id)
    this.records = new RecordVerbs({ shelf, proofs, demand, publisher, ...lookupPorts })
    this.#channels = new Channels({
      own,
      rpc,
      channelsPerLinkMax: settings.channelsPerLinkMax,
      pin: (peer) => keeper.budget.pin(peer),
      onChannel: (channel) => this.takesChannels() && this.emit('channel', channel),
    })
    this.#introductions = new Introductions(
      {
        network: ports.network,
        introducers: ports.introducers,
        identity,
        clock,
        random,
        reintroductionMs: settings.reintroductionMs,
        overlayPathTo: (peer) => overlayPath({ own, rpc, links }, peer, undefined),
        mayBeIsland: (peers) => {
          const linked = peers.filter((peer) => links.has(peer)).length
          return links.size < settings.k && linked < peers.length / 2
        },
      },
      {
        onPeers: (peers, pathTo) => this.#joining.onPeers(peers, pathTo),
        onSignal: (from, signal, path) => {
          if (!this.#joining.early.receive(from, signal, path)) transport.receiveSignal(from, signal, path)
        },
        onState: (name, state) => {
          this.emit('introducer', { name, state })
          this.#joining.consider()
        },
      },
    )
    this.#joining = new Joining({
      dialler,
      keeper,
      introductions: this.#introductions,
      identity,
      networkHash: hash,
      onStatus: (status) => this.#become(status),
      ...lookupPorts,
    })
    transport.onRequest((peer, { route }) => keeper.mayOpen(peer, route))
    transport.onLink((link) => this.#onLink(link))
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
    const loading = Promise.all([this.#shelf.load(), this.#publisher.load()]).catch((cause) =>
      this.#warn(new KadrtcError('STORE_UNAVAILABLE', 'what was kept cannot be read', { cause })),
    )
    const timeoutMs = options.timeoutMs ?? this.settings.joinTimeoutMs
    const joining = this.#joining.start({ ...options, timeoutMs })
    this.#introductions.open()
    this.#joining.consider()
    await Promise.all([joining, loading])
    return this.#status
  }

  /**
   * A direct, authenticated channel to a node by its id, with no server: the overlay carries the signals. Rejects
   * with UNREACHABLE, REFUSED (it takes no channels), BUSY, TIMEOUT, CLOSED, or the signal's reason.
   */
  async connect(peer: Id, options: OperationOptions & { readonly label?: string } = {}): Promise<Channel> {
    this.#throwIfClosed()
    if (idKey(peer) === idKey(this.id)) throw new KadrtcError('INVALID_ARGUMENT', 'that is this node itself')
    return withDeadline(this.ports.clock, options, this.settings.operationTimeoutMs, async (signal) => {
      const unpin = this.#keeper.budget.pin(peer)
      try {
        const path = overlayPath(this.#lookupPorts, peer, undefined)
        const link = this.#links.get(peer) ?? (await this.#dialler.dial(peer, path, signal))
        return await this.#channels.open(link, options.label ?? '', signal)
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
    return ping(this.#lookupPorts, peer, { ...options, timeoutMs })
  }

  /**
   * Where a packet toward an id ends: the node there, the hops to it, and the round trip in ms. Rejects with UNREACHABLE,
   * TIMEOUT, CLOSED, or the signal's reason.
   */
  async traceRoute(target: Id, options: OperationOptions = {}): Promise<TracedRoute> {
    this.#throwIfClosed()
    const { signal, timeoutMs = this.settings.operationTimeoutMs } = options
    return traceRoute(this.#lookupPorts, target, { signal, timeoutMs })
  }

  /**
   * FIND_NODE (Kademlia paper, section 2.3): the k nodes closest to an id that can be found, nearest first, this one included.
   * Rejects with TIMEOUT, CLOSED, or the signal's reason.
   */
  async closest(target: Id, options: OperationOptions = {}): Promise<readonly Id[]> {
    this.#throwIfClosed()
    const { settings } = this
    const found = await withDeadline(this.ports.clock, options, settings.operationTimeoutMs, (signal) =>
      findClosest(this.#lookupPorts, target, { signal, inDoubt: 'wait' }),
    )
    const closest = [this.id, ...found.map(({ id }) => id)].sort((a, b) => compareDistances(target, a, b))
    return closest.slice(0, settings.k)
  }

  inspect(): Inspection {
    return inspectionOf({
      id: this.id,
      ports: this.ports,
      status: this.#status,
      links: this.#links,
      router: this.#router,
      rpc: this.#rpc,
      handlers: this.#handlers,
      dialler: this.#dialler,
      keeper: this.#keeper,
      channels: this.#channels,
      shelf: this.#shelf,
      publisher: this.#publisher,
      replicator: this.#replicator,
      introductions: this.#introductions,
      records: this.records,
    })
  }

  /** Says goodbye to everybody and lets go of every port. Closing twice does nothing. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#joining.close()
    this.#introductions.close()
    this.#channels.close()
    this.#keeper.close()
    this.#replicator.close()
    this.#publisher.close()
    this.#rpc.close()
    for (const link of this.#links.links()) link.close()
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
    const { neighbour, replaced } = this.#links.add(link, this.ports.clock.now())
    if (replaced) {
      this.#rpc.onLinkClosed(replaced.link)
      this.#channels.onLinkClosed(replaced.link)
      replaced.link.close()
    }
    // In this order: what a peer said before it closed is still heard.
    link.onMessage(this.#onMessage)
    link.onClose(this.#onLinkClosed)
    this.#keeper.onLinkOpened(neighbour)
    this.#replicator.onPeerJoined(neighbour)
    this.#publisher.onLinkOpened(this.#links.size)
    this.#joining.onLinkOpened()
    this.emit('link', { peer: idToHex(link.peer) })
  }

  /** One for all links, as the next one is: a node has many. */
  readonly #onMessage = (message: Uint8Array, link: Link): void => {
    const neighbour = this.#links.neighbour(link.peer)
    if (neighbour?.link === link) this.#router.receive(neighbour, message)
  }

  readonly #onLinkClosed = (reason: CloseReason, link: Link): void => {
    this.#rpc.onLinkClosed(link)
    this.#channels.onLinkClosed(link)
    if (!this.#links.remove(link) || this.#closing) return
    if (reason === 'lost' && this.#losses.note(this.ports.clock.now(), this.#links.size))
      this.#introductions.hurry()
    this.#keeper.onLinkClosed(link)
    this.#replicator.onPeerLeft(link.peer)
    this.#joining.onLinkClosed()
    this.emit('unlink', { peer: idToHex(link.peer), reason })
  }

  #onNotice(notice: Notice, link: Link): void {
    switch (notice.type) {
      case 'goodbye':
        link.close('remote')
        break
      case 'release':
        this.#keeper.budget.onRelease(link)
        break
      case 'keep':
        break
      case 'channel-data':
        this.#channels.onData(link, notice.channel, notice.data, notice.more ?? false)
        break
      case 'channel-close':
        this.#channels.onClose(link, notice.channel)
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

function hashOf(network: string): Uint8Array {
  try {
    return networkHash(network)
  } catch (cause) {
    throw new KadrtcError('INVALID_ARGUMENT', 'network must be 1 to 64 bytes of text', { cause })
  }
}
