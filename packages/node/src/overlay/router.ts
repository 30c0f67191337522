/**
 * Moves packets: hands mine to `deliver`, passes others' on. Forwarders keep no state.
 *
 * `toward(id)` goes to a link strictly closer to the id each time, so it cannot loop; the node that knows no
 * closer link handles it. `along(path)` follows a source route and skips ahead where a link allows it. Each
 * receiver takes the previous hop from the authenticated link, never from what the packet says.
 */
import { equalIds, type Id } from '@kadrtc/kademlia'
import {
  decodePacket,
  encodeMessage,
  encodePacket,
  forwardToward,
  hopsMax,
  messageTypes,
  type Packet,
  peekNonce,
} from '@kadrtc/wire'
import type { Link } from '../ports/link-transport.js'
import type { LinkTable, Neighbour } from './link-table.js'
import { nextHop } from './next-hop.js'

/** Where a packet that reached us came from, and the way back. */
export interface Origin {
  readonly id: Id
  /** The link it came over: to `id` itself, or to the last relay. */
  readonly link: Link
  /** Nodes from here to the origin, the origin last; one entry: it came straight over `link`. */
  readonly route: readonly Id[]
}

export interface RouterEvents {
  /** A packet for this node. */
  deliver(body: Uint8Array, origin: Origin): void
  /** May this node answer a packet on its way to somebody closer? Asked for bodies of FIND_VALUE and STORE alone. */
  answersEarly(body: Uint8Array): boolean
  /** The way to a node that is near this one and cannot be linked to it, by nobody who has been `passed`; undefined for all others. */
  routeAround(id: Id, passed: readonly Id[]): readonly Id[] | undefined
}

/** Counters that `inspect()` shows. */
export interface RouterCounters {
  relayed: number
  relayRefused: number
  unreachable: number
  malformed: number
}

type Toward = Extract<Packet, { kind: 'toward' }>
type Along = Extract<Packet, { kind: 'along' }>

/**
 * Larger answers take no shortcut. To a path that names a victim, a hundred bytes of question made 65,000 of answer that it never asked for,
 * and no ration bounded them. That none took one made gets of 300 nodes slower by 2 % at the median and by 6 % at the 90th percentile.
 */
const shortcutBytesMax = 2_048

export class Router {
  readonly counters: RouterCounters = { relayed: 0, relayRefused: 0, unreachable: 0, malformed: 0 }

  constructor(
    readonly own: Id,
    readonly links: LinkTable,
    readonly now: () => number,
    readonly events: RouterEvents,
  ) {}

  /** Bytes that came over a link. Malformed bytes cost the link: no honest peer sends them. */
  receive(neighbour: Neighbour, bytes: Uint8Array): void {
    const { link } = neighbour
    neighbour.heardAtMs = this.now()
    neighbour.silent = false
    let packet: Packet
    try {
      packet = decodePacket(bytes)
    } catch {
      this.counters.malformed += 1
      link.close('violation')
      return
    }
    switch (packet.kind) {
      case 'direct':
        this.events.deliver(packet.body, { id: link.peer, link, route: [link.peer] })
        return
      case 'toward':
        this.#receiveToward(neighbour, packet, bytes)
        return
      case 'along':
        this.#receiveAlong(neighbour, packet)
        return
    }
  }

  sendDirect(link: Link, body: Uint8Array): boolean {
    return link.send(encodePacket({ kind: 'direct', body }))
  }

  /** Sends toward an id over a link that the caller chose. */
  sendToward(link: Link, target: Id, body: Uint8Array, exact = false): boolean {
    return link.send(encodePacket({ kind: 'toward', target, exact, hopsLeft: hopsMax - 1, path: [], body }))
  }

  /**
   * Sends a reply back over the link that brought its request, from relay to relay. A small one takes a shortcut to a node farther
   * back on the way, at the cost of one packet of that link's ration: a path is what its sender says, and whom it names may have
   * asked for nothing.
   */
  sendBack({ link, route }: Origin, body: Uint8Array): boolean {
    if (route.length === 1) return this.sendDirect(link, body)
    const skips = body.length <= shortcutBytesMax && route.some((hop, at) => at > 0 && this.links.has(hop))
    const neighbour = skips ? this.links.neighbour(link.peer) : undefined
    if (neighbour && this.links.mayRelay(neighbour, 'relayed', this.now())) return this.sendAlong(route, body)
    return link.send(encodePacket({ kind: 'along', passed: [], ahead: route.slice(1), body }))
  }

  /** Sends along a route (the destination last); false if no hop of it is linked, or the link is full. */
  sendAlong(route: readonly Id[], body: Uint8Array): boolean {
    for (let hop = route.length - 1; hop >= 0; hop--) {
      const link = this.links.get(route[hop]!)
      if (!link) continue
      if (hop === route.length - 1) return this.sendDirect(link, body)
      const ahead = route.slice(hop + 1)
      if (ahead.length + 1 > hopsMax) return false
      return link.send(encodePacket({ kind: 'along', passed: [], ahead, body }))
    }
    return false
  }

  /**
   * Passes a request on along a route (the destination last) as if it were on its way from its origin: the reply goes back through
   * here. False if the first hop is not linked, or the ration of the link it came by is used up.
   */
  passOn(origin: Origin, route: readonly Id[], body: Uint8Array): boolean {
    const neighbour = this.links.neighbour(origin.link.peer)
    const passed = origin.route.toReversed()
    const link = this.links.get(route[0]!)
    const isTooLong = passed.length + route.length > hopsMax
    if (!link || !neighbour || isTooLong || !this.#mayRelay(neighbour, body)) return false
    return link.send(encodePacket({ kind: 'along', passed, ahead: route.slice(1), body }))
  }

  #receiveToward(neighbour: Neighbour, packet: Toward, bytes: Uint8Array): void {
    const { link } = neighbour
    if (packet.path.some((id) => equalIds(id, this.own))) return
    const mine = equalIds(packet.target, this.own)
    const early = !mine && !packet.exact && isOfKey(packet.body) && this.events.answersEarly(packet.body)
    const next = mine || early ? undefined : this.#closer(packet, link)
    if (!next) {
      const route = [link.peer, ...packet.path.toReversed()]
      if (packet.exact && !mine) this.#goAround(route, [packet.target], packet.body, neighbour)
      else this.events.deliver(packet.body, { id: route.at(-1)!, link, route })
      return
    }
    if (!this.#mayRelay(neighbour, packet.body)) return
    if (packet.hopsLeft === 0 || !next.send(forwardToward(bytes, link.peer))) {
      this.#unreachable([link.peer, ...packet.path.toReversed()], packet.body, next.peer)
    }
  }

  /** An origin with no link closer than itself sends to one farther off: the packet must not come back to it. */
  #closer({ target, path }: Toward, from: Link): Link | undefined {
    const passed = (link: Link) => link === from || path.some((id) => equalIds(id, link.peer))
    const best = this.links.get(target) ?? nextHop(this.own, target, this.links.lively(), this.links.nearBits)
    if (best && !passed(best)) return best
    const others = this.links.links().filter((link) => !passed(link))
    return nextHop(this.own, target, others, this.links.nearBits)
  }

  #receiveAlong(neighbour: Neighbour, packet: Along): void {
    const { passed, ahead, body } = packet
    const { link } = neighbour
    const back = [link.peer, ...passed.toReversed()]
    if (ahead.length === 0) {
      this.events.deliver(body, { id: back.at(-1)!, link, route: back })
      return
    }
    if (!this.#mayRelay(neighbour, body)) return
    for (let hop = ahead.length - 1; hop >= 0; hop--) {
      const next = this.links.get(ahead[hop]!)
      if (!next) continue
      const onward = {
        kind: 'along',
        passed: [...passed, link.peer],
        ahead: ahead.slice(hop + 1),
        body,
      } as const
      if (next.send(encodePacket(onward))) return
      break
    }
    this.#goAround(back, ahead, body)
  }

  /**
   * No link leads on to any of `hops`, the last of which is the destination: it may be a sibling that is behind another one. `back`
   * leads to the origin; `payer`, at its first hop, has not paid for relaying yet.
   */
  #goAround(back: readonly Id[], hops: readonly Id[], body: Uint8Array, payer?: Neighbour): void {
    const around = this.events.routeAround(hops.at(-1)!, back)
    const link = around && this.links.get(around[0]!)
    const passed = back.toReversed()
    const ahead = around?.slice(1) ?? []
    const isLoop = around?.some((hop) => back.some((id) => equalIds(id, hop)))
    const isTooLong = passed.length + ahead.length + 1 > hopsMax
    const mayGo = link && !isLoop && !isTooLong && (!payer || this.#mayRelay(payer, body))
    if (mayGo && link.send(encodePacket({ kind: 'along', passed, ahead, body }))) return
    this.#unreachable(back, body, hops[0]!)
  }

  /** Relaying costs us, not the one we relay for: it is rationed per link, signals more tightly. */
  #mayRelay(neighbour: Neighbour, body: Uint8Array): boolean {
    const kind = body[0] === messageTypes.signal ? 'signals' : 'relayed'
    const allowed = this.links.mayRelay(neighbour, kind, this.now())
    if (allowed) this.counters.relayed += 1
    else this.counters.relayRefused += 1
    return allowed
  }

  /** Tells the origin of a request at once that its packet goes no further. Replies die in silence. */
  #unreachable(route: readonly Id[], body: Uint8Array, hop: Id): void {
    this.counters.unreachable += 1
    const isRequest = body[0]! >> 5 === 0
    const nonce = peekNonce(body)
    if (!isRequest || nonce === undefined) return
    this.sendAlong(route, encodeMessage({ type: 'unreachable', nonce, hop }))
  }
}

function isOfKey(body: Uint8Array): boolean {
  return body[0] === messageTypes['find-value'] || body[0] === messageTypes.store
}
