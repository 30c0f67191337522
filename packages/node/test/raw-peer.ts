/**
 * A peer that is no node: a transport of the simulated network, driven by hand. It holds a true key and a true link, and
 * says whatever the test wants; that is what the network lets anybody do.
 */
import { compareDistances, type Id, idToHex } from '@kadrtc/kademlia'
import type { CloseReason, KadNode, Link } from '@kadrtc/node'
import { type Cluster, StubIdentity, type VirtualTransport } from '@kadrtc/simulator'
import {
  decodeMessage,
  decodePacket,
  encodeMessage,
  encodePacket,
  isRequest,
  type Message,
  type Packet,
  type Request,
} from '@kadrtc/wire'

export class RawPeer {
  /** Messages that came straight over the link, oldest first. */
  readonly heard: Message[] = []
  /** Packets of every kind that came over the link, oldest first. */
  readonly packets: Packet[] = []
  closedAs: CloseReason | undefined
  /** What it answers a request that comes straight over the link; undefined: nothing. */
  answer: (request: Request) => Message | undefined = () => undefined

  private constructor(
    readonly identity: StubIdentity,
    readonly transport: VirtualTransport,
    readonly link: Link,
  ) {
    link.onClose((reason) => {
      this.closedAs = reason
    })
    link.onMessage((bytes) => {
      const packet = decodePacket(bytes)
      this.packets.push(packet)
      if (packet.kind !== 'direct') return
      const { message } = decodeMessage(packet.body)
      this.heard.push(message)
      const reply = isRequest(message) ? this.answer(message) : undefined
      if (reply) this.say(reply)
    })
  }

  get id(): Id {
    return this.identity.id
  }

  /**
   * A raw peer linked to the node at `index`; it has a place on the network, and none in the cluster. With `nearest` it has
   * drawn keys until it was nearer to that id than anybody.
   */
  static async dial(cluster: Cluster<KadNode>, index: number, nearest?: Id): Promise<RawPeer> {
    const random = cluster.random.fork('raw')
    const others = cluster.nodes.filter((_, i) => i !== index)
    const isNearest = (id: Id) =>
      !nearest || others.every((node) => compareDistances(nearest, id, node.id) < 0)
    let identity = StubIdentity.random(random)
    while (!isNearest(identity.id)) identity = StubIdentity.random(random)
    const transport = cluster.network.transport(identity)
    return RawPeer.#link(cluster, index, identity, transport)
  }

  /** A new link to the same node, after this one was closed. */
  again(cluster: Cluster<KadNode>, index: number): Promise<RawPeer> {
    return RawPeer.#link(cluster, index, this.identity, this.transport)
  }

  static async #link(
    cluster: Cluster<KadNode>,
    index: number,
    identity: StubIdentity,
    transport: VirtualTransport,
  ): Promise<RawPeer> {
    const { ports } = cluster.members[index]!
    const target = ports.identity.id
    const there = {
      send: (signal: Uint8Array) => ports.transport.receiveSignal(identity.id, signal, back),
    }
    const back = { send: (signal: Uint8Array) => transport.receiveSignal(target, signal, there) }
    const link = await cluster.run(transport.dial(target, there))
    const peer = new RawPeer(identity, transport, link)
    await cluster.clock.advance(100)
    return peer
  }

  /** Sends a message, well formed, straight to the other end. */
  say(message: Message): void {
    this.sendBody(encodeMessage(message))
  }

  sendBody(body: Uint8Array): void {
    this.link.send(encodePacket({ kind: 'direct', body }))
  }

  sendPacket(packet: Packet): void {
    this.link.send(encodePacket(packet))
  }
}

/** Peers of a node in hex, without the raw ones. */
export function honestPeers(node: KadNode, raw: RawPeer): string[] {
  return node
    .inspect()
    .links.map(({ peer }) => peer)
    .filter((peer) => peer !== idToHex(raw.id))
    .sort()
}
