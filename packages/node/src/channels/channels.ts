/** Apps' channels over links: opens, accepts, carries and ends them. */
import { compareDistances, type Id, idBytes } from '@kadrtc/kademlia'
import type { CancelSignal } from '../cancel-signal.js'
import { KadrtcError } from '../errors.js'
import type { Link } from '../ports/link-transport.js'
import type { Rpc } from '../rpc/rpc.js'
import { Channel } from './channel.js'

export interface ChannelsPorts {
  readonly own: Id
  readonly rpc: Rpc
  readonly channelsPerLinkMax: number
  /** Keeps a link while a channel is open; returns what ends it. */
  pin(peer: Id): () => void
  /** A peer opened a channel. False: no app takes channels. */
  onChannel(channel: Channel): boolean
}

interface OpenChannel {
  readonly channel: Channel
  readonly unpin: () => void
}

export class Channels {
  /** By link, then by the channel's number; both go with the link. */
  readonly #byLink = new Map<Link, Map<number, OpenChannel>>()
  #next = 0

  constructor(readonly ports: ChannelsPorts) {}

  /** Open ones, and those that are being opened. */
  get count(): number {
    let count = 0
    for (const channels of this.#byLink.values()) count += channels.size
    return count
  }

  /** What waits in all of them for their links. */
  get bufferedBytes(): number {
    let bytes = 0
    for (const channels of this.#byLink.values())
      for (const { channel } of channels.values()) bytes += channel.bufferedBytes
    return bytes
  }

  /** Opens a channel over a standing link. Rejects with REFUSED, BUSY, TIMEOUT, CLOSED, or the signal's reason. */
  async open(link: Link, label: string, signal?: CancelSignal): Promise<Channel> {
    if ((this.#byLink.get(link)?.size ?? 0) >= this.ports.channelsPerLinkMax) {
      throw new KadrtcError('BUSY', 'too many channels to this peer')
    }
    const number = this.#draw(link)
    const channel = this.#file(link, number, label)
    try {
      const question = { type: 'channel-open', channel: number, label } as const
      await this.ports.rpc.request({ kind: 'link', link }, question, { signal })
      return channel
    } catch (error) {
      // The peer may have it open by now: its answer is lost, or late.
      channel.close()
      throw error
    }
  }

  /** A peer wants a channel; false: it cannot have it. */
  onOpen(link: Link, number: number, label: string): boolean {
    const channels = this.#byLink.get(link)
    const taken = channels?.has(number) || this.#isOurs(link, number)
    if (taken || (channels?.size ?? 0) >= this.ports.channelsPerLinkMax) return false
    const channel = this.#file(link, number, label)
    if (this.ports.onChannel(channel)) return true
    this.#end(link, number, 'local')
    return false
  }

  /** Data for a channel that has just been closed here is late, not hostile. */
  onData(link: Link, number: number, data: Uint8Array, more: boolean): void {
    const open = this.#byLink.get(link)?.get(number)
    if (!open || open.channel.received(data, more)) return
    open.channel.close()
  }

  onClose(link: Link, number: number): void {
    this.#end(link, number, 'remote')
  }

  onDrain(link: Link): void {
    for (const { channel } of this.#byLink.get(link)?.values() ?? []) channel.pump()
  }

  onLinkClosed(link: Link): void {
    for (const number of [...(this.#byLink.get(link)?.keys() ?? [])]) this.#end(link, number, 'lost')
  }

  close(): void {
    for (const link of [...this.#byLink.keys()]) {
      for (const { channel } of [...this.#byLink.get(link)!.values()]) channel.close()
    }
  }

  #file(link: Link, number: number, label: string): Channel {
    const { rpc, pin } = this.ports
    const channel = new Channel(link.peer, label, {
      send: (data, more) => rpc.notify(link, { type: 'channel-data', channel: number, data, more }),
      close: () => {
        rpc.notify(link, { type: 'channel-close', channel: number })
        this.#end(link, number, 'local')
      },
    })
    if (!this.#byLink.has(link)) link.onDrain(() => this.onDrain(link))
    const channels = this.#byLink.get(link) ?? new Map<number, OpenChannel>()
    this.#byLink.set(link, channels.set(number, { channel, unpin: pin(link.peer) }))
    return channel
  }

  #end(link: Link, number: number, reason: 'local' | 'remote' | 'lost'): void {
    const channels = this.#byLink.get(link)
    const open = channels?.get(number)
    if (!channels || !open) return
    channels.delete(number)
    if (channels.size === 0) this.#byLink.delete(link)
    open.unpin()
    open.channel.ended(reason)
  }

  /** The lower id opens even numbers, the higher odd ones: no two openers pick the same. */
  #isOurs(link: Link, number: number): boolean {
    return number % 2 === this.#parity(link)
  }

  #parity(link: Link): number {
    return compareDistances(zero, this.ports.own, link.peer) < 0 ? 0 : 1
  }

  #draw(link: Link): number {
    const parity = this.#parity(link)
    for (;;) {
      const number = (this.#next++ * 2 + parity) % 2 ** 32
      if (!this.#byLink.get(link)?.has(number)) return number
    }
  }
}

/** Distance to zero orders ids as numbers. */
const zero = new Uint8Array(idBytes) as Id
