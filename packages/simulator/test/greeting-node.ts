/** A node just large enough to have a life on a cluster: it links to whom it meets, and greets its links every second. */
import { type Id, idToHex } from '@kadrtc/kademlia'
import type { IntroducerSession, Link, SignalPath } from '@kadrtc/node'
import type { ClusterPorts } from '@kadrtc/simulator'

export class GreetingNode {
  readonly links = new Map<string, Link>()
  greetings = 0
  readonly #session: IntroducerSession
  #welcomed: ((peers: readonly Id[]) => void) | undefined

  constructor(readonly ports: ClusterPorts) {
    const { transport, introducers, identity, network } = ports
    transport.onLink((link) => this.#adopt(link))
    this.#session = introducers[0]!.open(identity, network, {
      onWelcome: (peers) => this.#welcomed?.(peers),
      onSignal: (from, signal) => transport.receiveSignal(from, signal, this.#path(from)),
      onDown: () => {},
    })
  }

  async start(): Promise<void> {
    const peers = await new Promise<readonly Id[]>((resolve) => {
      this.#welcomed = resolve
      this.#session.connect()
    })
    await Promise.allSettled(peers.map((peer) => this.ports.transport.dial(peer, this.#path(peer))))
    this.#session.joined()
    this.#greet()
  }

  async stop(): Promise<void> {
    this.#session.close()
    await this.ports.transport.close()
  }

  #adopt(link: Link): void {
    const peer = idToHex(link.peer)
    this.links.set(peer, link)
    link.onMessage(() => this.greetings++)
    link.onClose(() => this.links.delete(peer))
  }

  #greet(): void {
    const { clock, random } = this.ports
    for (const link of this.links.values()) link.send(random.bytes(8))
    clock.setTimer(1_000, () => this.#greet())
  }

  #path(peer: Id): SignalPath {
    return { send: (signal) => this.#session.send(peer, signal) }
  }
}
