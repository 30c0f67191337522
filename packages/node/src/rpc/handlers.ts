/** Answers other nodes' requests. Nothing here trusts the asker: each answer would be right for anybody. */
import {
  cacheLifeMs,
  commonPrefixLength,
  compareDistances,
  type Id,
  idKey,
  type KadRecord,
  slotOf,
} from '@kadrtc/kademlia'
import {
  contactsMax,
  type Digest,
  encodeMessage,
  type FindNode,
  type FindValue,
  isKnownContact,
  type KnownContacts,
  type Reply,
  type Request,
  recordsPerReplyBytesMax,
  recordsPerReplyMax,
  recordVersion,
  type Store,
  type StoreStatus,
} from '@kadrtc/wire'
import type { Channels } from '../channels/channels.js'
import type { LinkTable } from '../overlay/link-table.js'
import type { Origin, Router } from '../overlay/router.js'
import { overlayPath } from '../overlay/signal-paths.js'
import type { Awaitable } from '../ports/identity.js'
import type { LinkTransport } from '../ports/link-transport.js'
import { copyLifeMsMost, type Demand } from '../records/demand.js'
import type { RecordProofs } from '../records/proofs.js'
import type { RecordShelf } from '../records/record-shelf.js'
import {
  isFar,
  isLikelyReplica,
  linkedReplicas,
  mayBeReplica,
  replicasShareBits,
} from '../replication/replica-rank.js'
import type { Settings } from '../settings.js'
import type { Rpc } from './rpc.js'

export interface HandlerPorts {
  readonly own: Id
  readonly links: LinkTable
  readonly shelf: RecordShelf
  readonly proofs: RecordProofs
  readonly demand: Demand
  readonly settings: Settings
  readonly transport: LinkTransport
  readonly now: () => number
  /** Told of each replica that is new here, and of each that a holder offers. */
  readonly replication: ReplicaEvents
  rpc(): Rpc
  router(): Router
  channels(): Channels
}

export interface ReplicaEvents {
  onStored(slot: string, keyId: Id): void
  onOffered(slot: string, keyId: Id, holder: Id): void
}

export class Handlers {
  readonly served = { ping: 0, findNode: 0, findValue: 0, store: 0, digest: 0, signal: 0 }

  constructor(readonly ports: HandlerPorts) {}

  handle(request: Request, origin: Origin): Awaitable<Reply | undefined> {
    switch (request.type) {
      case 'ping':
        this.served.ping += 1
        return { type: 'pong', nonce: request.nonce, payload: request.payload }
      case 'find-node':
        return this.#findNode(request, origin)
      case 'find-value':
        return this.#findValue(request, origin)
      case 'store':
        return this.#store(request, origin)
      case 'digest':
        return this.#digest(request, origin)
      case 'signal':
        this.served.signal += 1
        this.ports.transport.receiveSignal(origin.id, request.signal, this.#pathBack(origin))
        return undefined
      case 'channel-open': {
        if (origin.route.length !== 1) return { type: 'error', nonce: request.nonce, code: 'bad-request' }
        const opened = this.ports.channels().onOpen(origin.link, request.channel, request.label)
        if (!opened) return { type: 'error', nonce: request.nonce, code: 'refused' }
        return { type: 'channel-opened', nonce: request.nonce }
      }
    }
  }

  /**
   * May a packet on its way be answered here? Only with a record that is in memory: a relay waits for no disk. And not with
   * one that was left here when closer nodes came: it may be an old one by now. A record that is to be spread has arrived
   * with any replica that is linked to the others: the last hop, to the closest of them, took a fifth of a put.
   */
  answersEarly(request: Request): boolean {
    if (request.type === 'store') return request.spread === true && this.#knowsReplicas(request.record.keyId)
    if (request.type !== 'find-value' || request.all) return false
    const { shelf } = this.ports
    const records = shelf.findInMemory(request.keyId, searchOf(request))
    if (!records?.[0]) return false
    return this.#isHolder(records[0])
  }

  /** Is this node one of the k closest, or is this a copy kept for a while? */
  #isHolder(record: KadRecord): boolean {
    const { shelf, settings, own, links } = this.ports
    const isCopy = shelf.entry(slotOf(record))?.cached === true
    return isCopy || mayBeReplica(own, record.keyId, links, settings.k)
  }

  /** Is this node one of the k closest, and likely to be linked to the others? */
  #knowsReplicas(keyId: Id): boolean {
    const { own, links, settings } = this.ports
    return (
      isLikelyReplica(own, keyId, links, settings.k) &&
      linkedReplicas(own, keyId, links, settings.k).length > 0
    )
  }

  #pathBack(origin: Origin) {
    const { own, links } = this.ports
    return overlayPath({ own, links, rpc: this.ports.rpc() }, origin.id, origin.route)
  }

  #findNode({ nonce, target, known }: FindNode, origin: Origin): Reply {
    this.served.findNode += 1
    return { type: 'nodes', nonce, contacts: this.#closest(target, origin, known) }
  }

  /** The closest that this node is linked to, less those that the asker knows. */
  #closest(target: Id, origin: Origin, known: KnownContacts | undefined): Id[] {
    const closest = this.ports.links.closest(target, contactsMax, origin.id)
    return known ? closest.filter((id) => !isKnownContact(known, id)) : closest
  }

  #findValue(request: FindValue, origin: Origin): Awaitable<Reply> {
    this.served.findValue += 1
    const search = searchOf(request)
    const inMemory = this.ports.shelf.findInMemory(request.keyId, search)
    const reply = (records: readonly KadRecord[]): Reply => {
      const fitting = upToLimits(records)
      // Who has the record has no need of others to ask: 400 bytes that most replies go without. A former holder names
      // them: its records are welcome, but it may have missed newer ones.
      const isEnough = records[0] !== undefined && this.#isHolder(records[0])
      const contacts = isEnough ? [] : this.#closest(request.keyId, origin, request.known)
      // Not to be taken for a holder's: it names one whom the asker knows.
      if (!isEnough && records[0] && contacts.length === 0) {
        contacts.push(...this.#closest(request.keyId, origin, undefined).slice(0, 1))
      }
      return {
        type: 'value',
        nonce: request.nonce,
        records: fitting,
        contacts,
        more: fitting.length < records.length,
        ...(isEnough && !request.all ? this.#copies(records[0]!, origin.id) : {}),
      }
    }
    return inMemory ? reply(inMemory) : this.ports.shelf.find(request.keyId, search).then(reply)
  }

  /** How long the asker may keep a copy: a copy of a copy ends with it; one of a replica is welcome if many ask. */
  #copies(record: KadRecord, asker: Id): { copyMs?: number } {
    const { demand, shelf, now } = this.ports
    const entry = shelf.entry(slotOf(record))
    if (entry?.cached === false) {
      if (!demand.onAsked(record.keyId, asker)) return {}
      if (record.value.length <= spreadBytesMax && demand.mustSpread(record.keyId)) this.#spreadCopies(record)
      return { copyMs: copyLifeMsMost }
    }
    const leftMs = entry ? Math.floor(entry.expiresAtMs - now()) : 0
    // Less than a holder says whom many ask: that is how it is known from a copy.
    return { copyMs: Math.max(0, Math.min(leftMs, copyLifeMsMost - 1)) }
  }

  /** All who are linked here and are no replicas get a copy, to answer in this node's stead what they are to pass on to it. */
  #spreadCopies(record: KadRecord): void {
    const { links, own, settings } = this.ports
    for (const link of links.lively()) {
      if (!isFar(link.peer, record.keyId, own, links, settings.k, 'unlikely')) continue
      const store = { type: 'store', record, cached: true } as const
      this.ports
        .rpc()
        .request({ kind: 'link', link }, store)
        .catch(() => undefined)
    }
  }

  async #store(request: Store, origin: Origin): Promise<Reply> {
    this.served.store += 1
    const { record } = request
    const { shelf, proofs } = this.ports
    const answer = (status: StoreStatus, seq?: number): Reply => ({
      type: 'stored',
      nonce: request.nonce,
      status,
      ...(seq === undefined ? {} : { seq }),
    })
    const closer = this.#closerThanOwn(record.keyId, origin)
    if (!request.cached && closer >= 2 * this.ports.settings.k) return answer('not-near')
    const held = shelf.entry(slotOf(record))
    const isHeld = held && !held.cached && sameBytes(held.version, recordVersion(record))
    const fault = isHeld ? 'ok' : await proofs.check(record)
    if (fault !== 'ok') return answer(statusOf(fault))
    if (request.spread) this.#spread(request, origin)
    if (isHeld) return answer('same', held.seq)
    const cachedUntilMs = request.cached
      ? this.ports.now() + this.#cacheLifeMs(record.keyId, origin)
      : undefined
    const { status, seq } = shelf.offer(record, { ifSeq: request.ifSeq, cachedUntilMs })
    if (status === 'stored' && !request.cached) this.ports.replication.onStored(slotOf(record), record.keyId)
    return answer(status, seq)
  }

  /** A holder's own copy lives as long as it says in its answers; what a reader left on the way shorter with each bit of distance. */
  #cacheLifeMs(keyId: Id, origin: Origin): number {
    const { own, links, settings } = this.ports
    const isHolders =
      origin.route.length === 1 && !isFar(origin.id, keyId, own, links, settings.k, 'unlikely')
    if (isHolders) return copyLifeMsMost
    const stepsAway = replicasShareBits(own, links, settings.k) - commonPrefixLength(own, keyId)
    return cacheLifeMs(Math.max(0, stepsAway), copyLifeMsMost)
  }

  /** Passes a record on to the others of the k closest: it crosses the network once, and not once for each of them. */
  #spread({ spread, ...request }: Store, origin: Origin): void {
    const { links, settings, own } = this.ports
    const body = encodeMessage(request)
    const passed = new Set([own, ...origin.route].map(idKey))
    for (const peer of links.closest(request.record.keyId, settings.k)) {
      if (!passed.has(idKey(peer))) this.ports.router().passOn(origin, peer, body)
    }
  }

  /** Linked peers closer to the key than this node; whoever asks to store does not count. */
  #closerThanOwn(keyId: Id, origin: Origin): number {
    const { own, links } = this.ports
    const asker = idKey(origin.id)
    return links.peers().filter((peer) => compareDistances(keyId, peer, own) < 0 && idKey(peer) !== asker)
      .length
  }

  #digest(request: Digest, origin: Origin): Reply {
    this.served.digest += 1
    const { shelf, replication } = this.ports
    const wanted = request.entries.map(({ slotHash, version }) => {
      const held = shelf.byHash(slotHash)
      if (held && sameBytes(version, held.version)) replication.onOffered(held.slot, held.keyId, origin.id)
      return !held || mayBeNewer(version, held.version)
    })
    return { type: 'wants', nonce: request.nonce, wanted }
  }
}

function searchOf({ author, all, skipCache }: FindValue) {
  return { author: author && idKey(author), all, skipCache: skipCache ?? false }
}

function upToLimits(records: readonly KadRecord[]): KadRecord[] {
  const fitting: KadRecord[] = []
  let bytes = 0
  for (const record of records) {
    bytes += record.value.length + recordOverheadBytes
    if (fitting.length >= recordsPerReplyMax || bytes > recordsPerReplyBytesMax) break
    fitting.push(record)
  }
  return fitting
}

/** Larger values are not spread: many links make much of them. */
const spreadBytesMax = 16 * 1024

/** Key, author, signature and numbers of one record, generously. */
const recordOverheadBytes = 160

function statusOf(
  fault: 'malformed' | 'too-large' | 'expired' | 'life-too-long' | 'future-seq' | 'wrong-key' | 'forged',
): StoreStatus {
  switch (fault) {
    case 'too-large':
    case 'expired':
    case 'future-seq':
      return fault
    case 'malformed':
    case 'life-too-long':
    case 'wrong-key':
    case 'forged':
      return 'invalid'
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** By the first six bytes (`seq` or expiry); equal ones with another rest are a renewal or a fork: worth a look. */
function mayBeNewer(offered: Uint8Array, held: Uint8Array): boolean {
  for (let i = 0; i < 6; i++) if (offered[i] !== held[i]) return offered[i]! > held[i]!
  return !sameBytes(offered, held)
}
