/**
 * A WebSocket between a simulated node and the introduction server, both its ends. What one end does reaches the other one
 * latency later, in order. Pings are answered as long as the node's machine lives, be its tab frozen or not.
 */
import type { ClientSession, Reception, SessionSocket } from '@kadrtc/wire/introduction-server'
import type { VirtualClock } from './virtual-clock.js'

export interface SocketWay {
  readonly clock: VirtualClock
  /** One way, in ms. */
  readonly latencyMs: number
  /** Until the welcome: TCP, TLS, the upgrade, the proof of the key. The last one and a half are messages. */
  readonly connectRoundTrips: number
  /** What the connection counts under at the server. */
  readonly address: string
  /** Asked as a connection is begun, and again as it is to be upgraded: the server that is running then, if any. */
  reception(): Reception | undefined
}

/** The node's end. */
export interface SocketEvents {
  onMessage(bytes: Uint8Array): void
  /** The connection could not be made, or the server has closed it. Nothing follows. */
  onClosed(): void
}

/** `dead`: nobody is there any more, and nobody has said so. */
type NodeEnd = 'open' | 'closed' | 'dead'

export class VirtualSocket implements SessionSocket {
  /** The network takes all that is sent. */
  readonly bufferedAmount = 0
  readonly #way: SocketWay
  readonly #events: SocketEvents
  #nodeEnd: NodeEnd = 'open'
  #reception: Reception | undefined
  #session: ClientSession | undefined

  /** Begins to connect. */
  constructor(way: SocketWay, events: SocketEvents) {
    this.#way = way
    this.#events = events
    if (way.reception()) this.#later(Math.max(0, 2 * way.connectRoundTrips - 3), () => this.#upgrade())
    else this.#later(2, () => this.#closeNodeEnd())
  }

  /** From the node: messages that are on their way when it closes or dies still arrive. */
  tell(bytes: Uint8Array): void {
    this.#later(1, () => this.#session?.receive(bytes, true))
  }

  /** The node closes. */
  leave(): void {
    if (this.#nodeEnd !== 'open') return
    this.#nodeEnd = 'closed'
    this.#later(1, () => this.#closeServerEnd())
  }

  /** The node's machine has died: the server does not know. */
  die(): void {
    this.#nodeEnd = 'dead'
  }

  send(bytes: Uint8Array): void {
    this.#later(1, () => {
      if (this.#nodeEnd === 'open') this.#events.onMessage(bytes)
    })
  }

  ping(): void {
    this.#later(1, () => {
      if (this.#nodeEnd !== 'dead') this.#later(1, () => this.#session?.receivePong())
    })
  }

  close(): void {
    this.#later(1, () => this.#closeNodeEnd())
    this.#later(2, () => this.#closeServerEnd())
  }

  terminate(): void {
    this.#closeServerEnd()
    this.#later(1, () => this.#closeNodeEnd())
  }

  #upgrade(): void {
    if (this.#nodeEnd !== 'open') return
    const reception = this.#way.reception()
    if (!reception || reception.isFull) {
      this.#later(1, () => this.#closeNodeEnd())
      return
    }
    this.#reception = reception
    this.#session = reception.accept(this, this.#way.address)
  }

  #closeNodeEnd(): void {
    if (this.#nodeEnd !== 'open') return
    this.#nodeEnd = 'closed'
    this.#events.onClosed()
  }

  #closeServerEnd(): void {
    if (this.#session) this.#reception?.left(this.#session)
    this.#session = undefined
  }

  #later(latencies: number, act: () => void): void {
    this.#way.clock.setTimer(latencies * this.#way.latencyMs, act)
  }
}
