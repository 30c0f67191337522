/**
 * Nothing is handled twice, though a network may bring messages again: seen from outside, by what nodes do. Put between the nodes
 * and their ports:
 *
 *     const once = new HandledOnce()
 *     createNode: (ports, index) => new KadNode(once.watch(ports, `Node ${index}`))
 *     ...
 *     expect(once.violations).toEqual([])
 *
 * Watched are a node's answers (no request is answered twice), its store (no version of a record is taken twice, nor an older one, while
 * one is held), its links (none opens twice from one handshake), and its app's messages (each once, in order). A reply
 * that comes twice shows in what it would change: records and, for one that is counted, in how many holders a put names.
 *
 * Copies that come after many other requests are answered again: a node's memory of them is short (`HandledRequests`). What they could
 * change for good stays watched.
 */
import { compareRecords, type Id, idToHex, type KadRecord } from '@kadrtc/kademlia'
import type { Channel, Link, LinkTransport, RecordStore } from '@kadrtc/node'
import { decodePacket, decodeRecord, messageTypes, peekNonce, proofFlag } from '@kadrtc/wire'
import type { ClusterPorts } from '../cluster-member.js'

/** A node remembers 64 requests that it handled, and to some of those it gave no answer. */
const answersSeen = 16
/** Of one node. A handshake takes seconds, and a copy of its signals comes within a minute. */
const handshakesSeen = 256

export class HandledOnce {
  /** All that was handled twice, in the order in which it was seen. Whoever has dealt with them may empty it. */
  readonly violations: string[] = []
  /** Answers, records, links and app messages that were looked at: with none nothing has been watched. */
  readonly watched = { answers: 0, records: 0, links: 0, messages: 0 }

  /** The same ports, watched. `name` is of the node, in sentences. */
  watch(ports: ClusterPorts, name: string): ClusterPorts {
    const told = (what: string) => void this.violations.push(`${name} ${what}`)
    const { transport, records } = ports
    return {
      ...ports,
      transport: this.#watchLinks(transport, told),
      records: this.#watchStore(records, told),
    }
  }

  /** Numbered messages, from 0, that an app gets over a channel: to be called as soon as the channel is there. */
  watchMessages(channel: Channel, name: string): void {
    let next = 0
    channel.on('message', (data) => {
      this.watched.messages += 1
      const number = new DataView(data.buffer, data.byteOffset).getUint32(0)
      if (number !== next) {
        this.violations.push(`${name} was given message ${number} of a channel where ${next} was next`)
      }
      next = number + 1
    })
  }

  #watchLinks(transport: LinkTransport, told: (what: string) => void): LinkTransport {
    const handshakes = new Lately(handshakesSeen)
    const answers = new Lately(answersSeen)
    const opened = (link: Link) => {
      this.watched.links += 1
      if (!handshakes.note(link.connectionId)) told(`opened link ${link.connectionId} twice`)
      const send = link.send.bind(link)
      link.send = (bytes) => {
        const answer = answerIn(bytes, link.peer)
        if (answer) this.watched.answers += 1
        if (answer && !answers.note(answer)) told(`answered twice: ${answer}`)
        return send(bytes)
      }
    }
    return {
      dial: (peer, path, options) => transport.dial(peer, path, options),
      receiveSignal: (from, signal, path) => transport.receiveSignal(from, signal, path),
      onLink: (handler) =>
        transport.onLink((link) => {
          opened(link)
          handler(link)
        }),
      onRequest: (mayOpen) => transport.onRequest(mayOpen),
      close: () => transport.close(),
    }
  }

  #watchStore(store: RecordStore, told: (what: string) => void): RecordStore {
    /** As long as the store's own. */
    const held = new Map<string, KadRecord>()
    const take = (slot: string, bytes: Uint8Array) => {
      this.watched.records += 1
      const record = decodeRecord(bytes)
      const before = held.get(slot)
      const order = before ? compareRecords(record, before) : 1
      if (order === 0) told(`took the same version of record ${slot} twice`)
      if (order < 0) told(`took an older version of record ${slot} than it held`)
      held.set(slot, record)
    }
    return {
      get: (slot) => store.get(slot),
      put: (entries) => {
        for (const [slot, bytes] of entries) take(slot, bytes)
        return store.put(entries)
      },
      delete: (slots) => {
        for (const slot of slots) held.delete(slot)
        return store.delete(slots)
      },
      scan: async () => {
        const entries = await store.scan()
        for (const [slot, bytes] of entries) if (!held.has(slot)) held.set(slot, decodeRecord(bytes))
        return entries
      },
      close: () => store.close(),
    }
  }
}

/** The last so many of some texts. */
class Lately {
  readonly #last = new Set<string>()

  constructor(readonly max: number) {}

  /** False if it is one of the last. */
  note(text: string): boolean {
    if (this.#last.has(text)) return false
    this.#last.add(text)
    const [oldest] = this.#last
    if (this.#last.size > this.max && oldest !== undefined) this.#last.delete(oldest)
    return true
  }
}

const replyTypes = 1
/** They say that a request was not handled, and may be said of each copy of it. */
const refusals: readonly number[] = [messageTypes.error, messageTypes.unreachable]

/** Whom a packet that a node sends answers, and which request; undefined: it is no answer of its own. */
function answerIn(bytes: Uint8Array, peer: Id): string | undefined {
  const packet = decodePacket(bytes)
  if (packet.kind === 'toward') return undefined
  const isOwn = packet.kind === 'direct' || packet.passed.length === 0
  const type = packet.body[0]! & ~proofFlag
  if (!isOwn || type >> 5 !== replyTypes || refusals.includes(type)) return undefined
  const asker = packet.kind === 'direct' ? peer : (packet.ahead.at(-1) ?? peer)
  return `request ${peekNonce(packet.body)} of ${idToHex(asker).slice(0, 8)}`
}
