/**
 * Whether gets cause dials. Links are opened all the time, by nodes that look for nearer neighbours, and to count them with
 * and without gets compares two noisy numbers. So each get is watched for itself: a dial is put down to it if one end is its
 * reader, the other a node that its questions came to or that an answer named, and it begins before a second after
 * the get has ended. An iterative lookup that dials whom it asks makes several such dials; for its own reasons a node
 * dials rarely, and then hardly ever one of the few that a get of the same second spoke of; links on trial, which a node counts itself, are
 * put down to nobody. What two others do because of a get, if they do anything, shows only in the links that the whole network opened.
 *
 *     const watch = new DialWatch(swarm)
 *     await watch.during(reader, key, () => reader.records.get(key))
 *     watch.stop()
 *     watch.causedByGets // 0: no get opens a connection
 */
import { type Id, idKey } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import { decodeMessage, decodePacket } from '@kadrtc/wire'
import type { MessageOnTheWay } from '../faults.js'
import type { VirtualTransport } from '../virtual-transport.js'
import type { Swarm } from './grow.js'

/** A node gathers news for 30 ms before it dials, and a dial that found no place is made when one is free. A guess. */
const afterMs = 1_000

/** One get that is under way, or has just ended. */
interface Watched {
  readonly reader: string
  readonly key: string
  /** Nodes that its questions came to, and those that answers named. Bounded by what one get sends. */
  readonly met: Set<string>
  /** Infinity while the get is under way. */
  untilMs: number
}

export class DialWatch {
  /** Dials between a reader and a node that its get met. */
  causedByGets = 0
  /** Dials with a reader at one end, whoever is at the other, while its get is watched. */
  ofReaders = 0
  /** Bounded by the gets under way and those of the last second: no timer ends them, since a watch is to change nothing. */
  readonly #watched = new Set<Watched>()
  readonly #stops: (() => void)[] = []

  /** Watches the nodes that are in the swarm now. */
  constructor(readonly swarm: Swarm) {
    const { faults } = swarm.network
    const { drop } = faults
    faults.drop = (message) => {
      if (this.#watched.size > 0) this.#noteMessage(message)
      return drop?.(message) ?? false
    }
    this.#stops.push(() => {
      faults.drop = drop
    })
    for (const { node, ports } of swarm.members) this.#watchDialsOf(node, ports.transport as VirtualTransport)
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.#watched.clear()
  }

  /** Watches one get, and for a second more. */
  async during<T>(reader: { readonly id: Id }, key: Id, get: () => Promise<T>): Promise<T> {
    const watched: Watched = { reader: idKey(reader.id), key: idKey(key), met: new Set(), untilMs: Infinity }
    this.#forgetEnded()
    this.#watched.add(watched)
    try {
      return await get()
    } finally {
      watched.untilMs = this.swarm.clock.elapsedMs + afterMs
    }
  }

  #watchDialsOf(node: KadNode, transport: VirtualTransport): void {
    const { dial } = transport
    const linksTried = () => node.inspect().counters.linksTried
    let tried = linksTried()
    transport.dial = (peer, ...others) => {
      const triedNow = linksTried()
      const isTrial = triedNow !== tried
      tried = triedNow
      if (!isTrial && this.#watched.size > 0 && !transport.isLinkedTo(peer))
        this.#noteDial(transport.identity.id, peer)
      return dial.call(transport, peer, ...others)
    }
    this.#stops.push(() => {
      transport.dial = dial
    })
  }

  #noteDial(from: Id, to: Id): void {
    this.#forgetEnded()
    const ends = [idKey(from), idKey(to)] as const
    const others = [...this.#watched].flatMap((watched) => {
      const { reader, met } = watched
      const other = reader === ends[0] ? ends[1] : reader === ends[1] ? ends[0] : undefined
      return other === undefined ? [] : [met.has(other)]
    })
    if (others.length > 0) this.ofReaders++
    if (others.includes(true)) this.causedByGets++
  }

  #forgetEnded(): void {
    const nowMs = this.swarm.clock.elapsedMs
    for (const watched of this.#watched) if (watched.untilMs < nowMs) this.#watched.delete(watched)
  }

  /** Only gets send FIND_VALUEs, and only these are answered by `value`. */
  #noteMessage({ to, bytes }: MessageOnTheWay): void {
    const packet = decodePacket(bytes)
    const isPassedOn = packet.kind === 'along' && packet.ahead.length > 0
    if (isPassedOn) return
    const { message } = decodeMessage(packet.body)
    if (message.type === 'find-value') {
      const key = idKey(message.keyId)
      for (const one of this.#watched) if (one.key === key) one.met.add(idKey(to))
    } else if (message.type === 'value') {
      const reader = idKey(to)
      for (const one of this.#watched)
        if (one.reader === reader) for (const id of message.contacts) one.met.add(idKey(id))
    }
  }
}
