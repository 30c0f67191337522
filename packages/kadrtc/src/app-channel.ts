import { type Channel, ListenedEmitter } from '@kadrtc/node'
import { packMessage, unpackMessage, type Value } from './value-format.js'

export interface AppChannelEvents {
  message: (value: Value) => void
  close: (reason: 'local' | 'remote' | 'lost') => void
  drain: () => void
}

/**
 * A direct, authenticated channel to one peer: messages in order, each a string, bytes or JSON of up to 256 KiB. Those
 * that come before the first 'message' listener are kept for it.
 */
export class AppChannel extends ListenedEmitter<AppChannelEvents> {
  readonly #channel: Channel

  constructor(channel: Channel) {
    super()
    this.#channel = channel
    channel.on('waiting', () => this.#hand())
    channel.on('close', (reason) => this.emit('close', reason))
    channel.on('drain', () => this.emit('drain'))
  }

  /** The peer's node id in hex: whoever is there has proved that it holds its key. */
  get peer(): string {
    return this.#channel.peer
  }

  get label(): string {
    return this.#channel.label
  }

  get open(): boolean {
    return this.#channel.open
  }

  /** Bytes that wait for the link; wait for 'drain' when they grow. */
  get bufferedBytes(): number {
    return this.#channel.bufferedBytes
  }

  /** Throws CLOSED, VALUE_TOO_LARGE, BUSY (4 MiB wait already) or INVALID_ARGUMENT. */
  send(value: Value): void {
    this.#channel.send(packMessage(value))
  }

  close(): void {
    this.#channel.close()
  }

  protected override listened(): void {
    this.#hand()
  }

  /** Fetches what has come as long as somebody listens; what no app can have sent is passed over. */
  #hand(): void {
    while (this.listenerCount('message') > 0) {
      const data = this.#channel.take()
      if (!data) return
      const value = unpackMessage(data)
      if (value !== undefined) this.emit('message', value)
    }
  }
}
