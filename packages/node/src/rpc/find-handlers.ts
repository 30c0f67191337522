/** Answers FIND_NODE and FIND_VALUE, and which links are fast. */
import {
  bucketIndex,
  compareDistances,
  equalIds,
  type Id,
  idKey,
  type KadRecord,
  slotOf,
} from '@kadrtc/kademlia'
import {
  contactsMax,
  type FindLinks,
  type FindNode,
  type FindValue,
  isKnownContact,
  type KnownContacts,
  type Reply,
  recordsThatFit,
} from '@kadrtc/wire'
import type { Origin } from '../overlay/router.js'
import type { Awaitable } from '../ports/identity.js'
import { copyLifeMsMost } from '../records/demand.js'
import { isFar, mayBeReplica } from '../replication/replica-rank.js'
import type { HandlerPorts } from './handler-ports.js'

/** Fastest links named at a time: one of them is going to be dialled. A guess. */
const linksNamed = 8
const rttMsMost = 0xffff

/** Larger values are not spread: many links make much of them. */
const spreadBytesMax = 16 * 1024

export class FindHandlers {
  constructor(readonly ports: HandlerPorts) {}

  /** From memory alone: a relay waits for no disk. And not with a record that was left here when closer nodes came: it may be an old one by now. */
  answersEarly(request: FindValue): boolean {
    if (request.all) return false
    const records = this.ports.shelf.findInMemory(request.keyId, searchOf(request))
    return records?.[0] !== undefined && this.#isHolder(records[0])
  }

  findNode({ nonce, target, known }: FindNode, origin: Origin): Reply {
    return { type: 'nodes', nonce, contacts: this.#closest(target, origin, known) }
  }

  /** Those of the asker's bucket. A link of which no round trip is known yet is not named. */
  findLinks({ nonce, bucket }: FindLinks, origin: Origin): Reply {
    const links = this.ports.links
      .lively()
      .filter(({ peer }) => bucketIndex(origin.id, peer) === bucket)
      .flatMap(({ peer, rttMs }) => (rttMs === undefined ? [] : [{ id: peer, rttMs: Math.round(rttMs) }]))
      .filter(({ rttMs }) => rttMs <= rttMsMost)
      .sort((a, b) => a.rttMs - b.rttMs)
    return { type: 'links', nonce, links: links.slice(0, linksNamed) }
  }

  /**
   * The closest that this node is linked to, less those that the asker knows. Siblings to whom no link comes about are named to who
   * asks about a key: who asks about its own id is going to dial them, and hears of them from those who are linked to them.
   */
  #closest(target: Id, origin: Origin, known: KnownContacts | undefined): Id[] {
    const linked = this.ports.links.closest(target, contactsMax, origin.id)
    const isOfAsker = equalIds(target, origin.id)
    const unlinked = isOfAsker ? [] : this.ports.unlinkedSiblings().map(({ id }) => id)
    const all = [...linked, ...unlinked.filter((id) => !equalIds(id, origin.id))]
    const closest =
      unlinked.length === 0
        ? linked
        : all.sort((a, b) => compareDistances(target, a, b)).slice(0, contactsMax)
    return known ? closest.filter((id) => !isKnownContact(known, id)) : closest
  }

  findValue(request: FindValue, origin: Origin): Awaitable<Reply> {
    const search = searchOf(request)
    const inMemory = this.ports.shelf.findInMemory(request.keyId, search)
    const reply = (records: readonly KadRecord[]): Reply => {
      const fitting = records.slice(0, recordsThatFit(records))
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
    const { demand, shelf, wallMs } = this.ports
    const entry = shelf.entry(slotOf(record))
    if (entry?.cached === false) {
      if (!demand.onAsked(record.keyId, asker)) return {}
      if (record.value.length <= spreadBytesMax && demand.mustSpread(record.keyId)) this.#spreadCopies(record)
      return { copyMs: copyLifeMsMost }
    }
    const leftMs = entry ? Math.floor(entry.expiresAtMs - wallMs()) : 0
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

  /** Is this node one of the k closest, or is this a copy kept for a while? */
  #isHolder(record: KadRecord): boolean {
    const { shelf, settings, own, links } = this.ports
    const isCopy = shelf.entry(slotOf(record))?.cached === true
    return isCopy || mayBeReplica(own, record.keyId, links, settings.k)
  }
}

function searchOf({ author, all, after, content = false, skipCache = false }: FindValue) {
  return {
    author: author && idKey(author),
    all,
    after: after && idKey(after),
    forReply: true,
    content,
    // A copy is of one author's record, and says nothing of the others'.
    skipCache: skipCache || all,
  }
}
