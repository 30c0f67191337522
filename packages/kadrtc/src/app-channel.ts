import type { Channel } from '@kadrtc/node'
import { EventEmitter } from 'eventemitter3'
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
export class AppChannel extends EventEmitter<AppChannelEvents> {
  readonly #channel: Channel
  #listening = false

  constructor(channel: Channel) {
    super()
    this.#channel = channel
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

  override on<E extends keyof AppChannelEvents>(
    event: E,
    listener: EventEmitter.EventListener<AppChannelEvents, E>,
    context?: unknown,
  ): this {
    super.on(event, listener, context)
    if (event === 'message') this.#listen()
    return this
  }

  override once<E extends keyof AppChannelEvents>(
    event: E,
    listener: EventEmitter.EventListener<AppChannelEvents, E>,
    context?: unknown,
  ): this {
    super.once(event, listener, context)
    if (event === 'message') this.#listen()
    return this
  }

  close(): void {
    this.#channel.close()
  }

  #listen(): void {
    if (this.#listening) return
    this.#listening = true
    this.#channel.on('message', (data) => {
      const value = unpackMessage(data)
      if (value !== undefined) this.emit('message', value)
    })
  }
}
