/** The parts of a node, each made once and told of the others. What cannot be had yet when a part is made, it asks for later. */
import { type Notice, networkHash } from '@kadrtc/wire'
import type { Channel } from './channels/channel.js'
import { Channels } from './channels/channels.js'
import { KadrtcError } from './errors.js'
import type { NodeStatus } from './inspection.js'
import { type IntroducerState, Introductions } from './joining/introductions.js'
import { Joining } from './joining/joining.js'
import type { LookupPorts } from './lookups/lookup-ports.js'
import type { NodePorts } from './node-ports.js'
import { Dialler } from './overlay/dialler.js'
import { LinkKeeper } from './overlay/link-keeper.js'
import { LinkTable } from './overlay/link-table.js'
import { Router } from './overlay/router.js'
import { overlayPath } from './overlay/signal-paths.js'
import type { Link } from './ports/link-transport.js'
import type { Random } from './ports/random.js'
import { Demand } from './records/demand.js'
import { RecordProofs } from './records/proofs.js'
import { Publisher } from './records/publisher.js'
import { RecordShelf } from './records/record-shelf.js'
import { RecordVerbs } from './records/record-verbs.js'
import { Replicator } from './replication/replicator.js'
import { Handlers } from './rpc/handlers.js'
import { Rpc } from './rpc/rpc.js'
import { settle } from './settings.js'

export interface NodeParts {
  readonly lookupPorts: LookupPorts & { readonly random: Random }
  readonly links: LinkTable
  readonly router: Router
  readonly rpc: Rpc
  readonly handlers: Handlers
  readonly dialler: Dialler
  readonly keeper: LinkKeeper
  readonly channels: Channels
  readonly shelf: RecordShelf
  readonly publisher: Publisher
  readonly replicator: Replicator
  readonly introductions: Introductions
  readonly joining: Joining
  readonly records: RecordVerbs
}

/** What the parts tell the node. */
export interface PartsListener {
  /** Whether the channel is wanted. */
  onChannel(channel: Channel): boolean
  onIntroducer(name: string, state: IntroducerState): void
  onStatus(status: NodeStatus): void
  onNotice(notice: Notice, link: Link): void
  onWarning(warning: KadrtcError): void
}

/** Throws INVALID_ARGUMENT for a bad setting or network name. */
export function makeParts(ports: NodePorts, listener: PartsListener): NodeParts {
  const { identity, transport, clock, random } = ports
  const settings = settle(ports.settings)
  const hash = hashOf(ports.network)
  const own = identity.id
  const now = () => clock.now()
  const wallMs = () => clock.wallMs()
  const onStoreFailed = (cause: unknown) =>
    listener.onWarning(new KadrtcError('STORE_UNAVAILABLE', undefined, { cause }))
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
      onStored: (slot, keyId) => replicator.onStored(slot, keyId),
      onOffered: (slot, keyId, holder) => replicator.onOffered(slot, keyId, holder),
    },
    unlinkedSiblings: () => keeper.unlinked.contacts(),
    rpc: () => rpc,
    router: () => router,
    channels: () => channels,
  })
  const router = new Router(own, links, now, {
    deliver: (body, origin) => rpc.deliver(body, origin),
    answersEarly: (body) => rpc.answersEarly(body),
    routeAround: (id, passed) => keeper.unlinked.routeTo(id, passed),
  })
  const rpc: Rpc = new Rpc({ identity, clock, random, networkHash: hash }, router, links, handlers, settings)
  rpc.onNotice = (notice, link) => listener.onNotice(notice, link)
  // Spread last: a spread that is added to gives each object a class of its own (see `encodeQuestion`).
  const lookupPorts = { own, clock, rpc, links, settings, random }
  const dialler = new Dialler(own, transport, links, clock, settings.dialsMax)
  const keeper = new LinkKeeper(lookupPorts, dialler, ports.keepId)
  const publisher = new Publisher(
    { shelf, proofs, published: ports.published, onStoreFailed, ...lookupPorts },
    settings.publishedMax,
  )
  const replicator = new Replicator({ shelf, neighbourhood: keeper, ...lookupPorts })
  keeper.onHeard = (contact) => replicator.onPeerJoined(contact)
  keeper.onForgotten = (id) => replicator.onPeerLeft(id)
  const isAlone = () => joining.isAlone
  const isNew = () => joining.isNew
  const records = new RecordVerbs({ shelf, proofs, demand, publisher, isAlone, isNew, ...lookupPorts })
  const channels = new Channels({
    own,
    rpc,
    channelsPerLinkMax: settings.channelsPerLinkMax,
    pin: (peer) => keeper.budget.pin(peer),
    onChannel: (channel) => listener.onChannel(channel),
  })
  const introductions = new Introductions(
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
      onPeers: (peers, pathTo) => joining.onPeers(peers, pathTo),
      onSignal: (from, signal, path) => {
        if (!joining.early.receive(from, signal, path)) transport.receiveSignal(from, signal, path)
      },
      onState: (name, state) => {
        listener.onIntroducer(name, state)
        joining.consider()
      },
    },
  )
  const joining: Joining = new Joining({
    dialler,
    keeper,
    introductions,
    identity,
    networkHash: hash,
    onStatus: (status) => listener.onStatus(status),
    ...lookupPorts,
  })
  transport.onRequest((peer, { route }) => keeper.mayOpen(peer, route))
  return {
    lookupPorts,
    links,
    router,
    rpc,
    handlers,
    dialler,
    keeper,
    channels,
    shelf,
    publisher,
    replicator,
    introductions,
    joining,
    records,
  }
}

function hashOf(network: string): Uint8Array {
  try {
    return networkHash(network)
  } catch (cause) {
    throw new KadrtcError('INVALID_ARGUMENT', 'network must be 1 to 64 bytes of text', { cause })
  }
}
