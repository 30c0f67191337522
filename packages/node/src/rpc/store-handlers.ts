/** Answers STORE and DIGEST. */
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
  type Digest,
  encodeMessage,
  encodeRecord,
  type Reply,
  recordVersion,
  type Store,
  type StoreStatus,
} from '@kadrtc/wire'
import type { Origin } from '../overlay/router.js'
import { copyLifeMsMost } from '../records/demand.js'
import type { ShelfEntry } from '../records/shelf-entry.js'
import { isFar, isLikelyReplica, linkedReplicas, replicasShareBits } from '../replication/replica-rank.js'
import type { HandlerPorts } from './handler-ports.js'

export class StoreHandlers {
  constructor(readonly ports: HandlerPorts) {}

  /**
   * A record that is to be spread has arrived with any replica that is linked to the others: the last hop, to the closest of
   * them, took a fifth of a put.
   */
  answersEarly({ spread, record }: Store): boolean {
    return spread === true && this.#knowsReplicas(record.keyId)
  }

  async store(request: Store, origin: Origin): Promise<Reply> {
    const { record } = request
    const { shelf, proofs } = this.ports
    const answer = (status: StoreStatus, seq?: number): Reply => ({
      type: 'stored',
      nonce: request.nonce,
      status,
      ...(seq === undefined ? {} : { seq }),
    })
    const mayTake = request.cached ? this.#takesCopy(record, origin) : this.#isNear(record.keyId, origin)
    if (!mayTake) return answer('not-near')
    const held = shelf.entry(slotOf(record))
    const isHeld = held?.cached === false && isSameRecord(record, held)
    const fault = isHeld ? 'ok' : await proofs.check(record)
    if (fault !== 'ok') return answer(statusOf(fault))
    if (request.spread) this.#spread(request, origin)
    if (isHeld) return answer('same', held.seq)
    const cachedUntilMs = request.cached
      ? this.ports.wallMs() + this.#cacheLifeMs(record.keyId, origin)
      : undefined
    const { status, seq } = shelf.offer(record, { ifSeq: request.ifSeq, cachedUntilMs })
    if (status === 'stored' && !request.cached) this.ports.replication.onStored(slotOf(record), record.keyId)
    return answer(status, seq)
  }

  /**
   * A copy answers in a holder's stead. So it must come straight from one, as far as can be told, if it may be an old version: anybody has
   * those, with a signature that is good. Content has one version, and readers may leave it on the way.
   */
  #takesCopy(record: KadRecord, origin: Origin): boolean {
    return record.kind === 'content' || this.#isFromHolder(record.keyId, origin)
  }

  /** A holder's own copy lives as long as it says in its answers; what a reader left on the way shorter with each bit of distance. */
  #cacheLifeMs(keyId: Id, origin: Origin): number {
    if (this.#isFromHolder(keyId, origin)) return copyLifeMsMost
    const { own, links, settings } = this.ports
    const stepsAway = replicasShareBits(own, links, settings.k) - commonPrefixLength(own, keyId)
    return cacheLifeMs(Math.max(0, stepsAway), copyLifeMsMost)
  }

  /** Straight over a link, which says for certain who its peer is, from one who is likely a replica. */
  #isFromHolder(keyId: Id, { id, route }: Origin): boolean {
    const { own, links, settings } = this.ports
    return route.length === 1 && !isFar(id, keyId, own, links, settings.k, 'unlikely')
  }

  /**
   * Passes a record on to the others of the k closest: it crosses the network once, and not once for each of them. Those of them
   * whom this node cannot link to are behind a sibling that can.
   */
  #spread({ spread, ...request }: Store, origin: Origin): void {
    const { settings, own, links } = this.ports
    const { keyId } = request.record
    const body = encodeMessage(request)
    const passed = new Set([own, ...origin.route].map(idKey))
    const near = [...links.closestNeighbours(keyId, settings.k), ...this.ports.unlinkedSiblings()]
    near.sort((a, b) => compareDistances(keyId, a.id, b.id))
    for (const { id, route } of near.slice(0, settings.k)) {
      if (!passed.has(idKey(id))) this.ports.router().passOn(origin, route, body)
    }
  }

  /**
   * May this node be one of the k closest, or the last that is left near the key? Who links to 2 k that are closer, or whose own k nearest
   * say that there must be far more, keeps no replica: nobody would look for it there.
   */
  #isNear(keyId: Id, origin: Origin): boolean {
    const { own, links, settings } = this.ports
    const closer = this.#closerThanOwn(keyId, origin)
    if (closer >= 2 * settings.k) return false
    return closer === 0 || !isFar(own, keyId, own, links, settings.k, 'absurd')
  }

  /** Linked peers closer to the key than this node; whoever asks to store does not count. */
  #closerThanOwn(keyId: Id, origin: Origin): number {
    const { own, links } = this.ports
    const asker = idKey(origin.id)
    return links.peers().filter((peer) => compareDistances(keyId, peer, own) < 0 && idKey(peer) !== asker)
      .length
  }

  /** That a holder sees to a record is believed of who is linked here: over relays anybody may say to be anybody. */
  digest(request: Digest, origin: Origin): Reply {
    const { shelf, replication } = this.ports
    const isSure = origin.route.length === 1
    const wanted = request.entries.map(({ slotHash, version }) => {
      const held = shelf.byHash(slotHash)
      if (isSure && held && sameBytes(version, held.version))
        replication.onOffered(held.slot, held.keyId, origin.id)
      return !held || mayBeNewer(version, held.version)
    })
    return { type: 'wants', nonce: request.nonce, wanted }
  }

  /** Is this node one of the k closest, and likely to be linked to the others? */
  #knowsReplicas(keyId: Id): boolean {
    const { own, links, settings } = this.ports
    return (
      isLikelyReplica(own, keyId, links, settings.k) &&
      linkedReplicas(own, keyId, links, settings.k).length > 0
    )
  }
}

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

/** Byte for byte, so that it need not be checked again: a forged one has the few bytes of a version too, if it likes. */
function isSameRecord(record: KadRecord, held: ShelfEntry): boolean {
  if (!held.record || !sameBytes(held.version, recordVersion(record))) return false
  return sameBytes(encodeRecord(record), encodeRecord(held.record))
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
