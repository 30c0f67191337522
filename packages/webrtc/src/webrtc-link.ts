/**
 * A Link on one data channel. Messages are cut into frames; a frame goes to the channel only while little waits
 * there, so that a small message never queues behind a large one for longer than a frame takes. Small messages that
 * are sent in one turn of the event loop share a frame.
 */
import type { Id } from '@kadrtc/kademlia'
import type { Clock, CloseReason, Link, Timer } from '@kadrtc/node'
import { byeFrame, type FrameEvent, FrameQueue, frameQueueLimits, Reassembler, WireError } from '@kadrtc/wire'
import { Heartbeat, type HeartbeatSettings } from './heartbeat.js'
import type { PeerConnection } from './simple-peer.js'

export interface WebRtcLinkInit {
  readonly peer: Id
  readonly publicKey: Uint8Array
  readonly connectionId: string
  /** Open. The link destroys it. */
  readonly connection: PeerConnection
  readonly clock: Clock
  readonly heartbeat: HeartbeatSettings
  /** Frames go to the channel while it holds less than this. */
  readonly highWaterBytes: number
  /** Called once, before the link's own handler. */
  readonly onClosed: (link: WebRtcLink) => void
}

/** A goodbye may take this long to leave; looked after this often. */
const lingerMsMax = 250
const lingerStepMs = 25
/** Messages that came before anybody listened: the node listens as soon as it is told of the link. */
const earlyMessagesMax = 1_024
const earlyBytesMax = frameQueueLimits.queuedBytesMax

export class WebRtcLink implements Link {
  readonly peer: Id
  readonly publicKey: Uint8Array
  readonly connectionId: string
  readonly #init: WebRtcLinkInit
  readonly #connection: PeerConnection
  readonly #highWaterBytes: number
  readonly #queue = new FrameQueue()
  readonly #reassembler = new Reassembler()
  readonly #heartbeat: Heartbeat
  readonly #early: Uint8Array[] = []
  #pumping = false
  #earlyBytes = 0
  #onMessage: ((message: Uint8Array, link: Link) => void) | undefined
  #onClose: ((reason: CloseReason, link: Link) => void) | undefined
  #onDrain: (() => void) | undefined
  #onReleased: (() => void) | undefined
  #closed: CloseReason | undefined
  /** Size of the largest message that was refused since the last drain. */
  #refusedBytes = 0
  #linger: Timer | undefined

  constructor(init: WebRtcLinkInit) {
    this.peer = init.peer
    this.publicKey = init.publicKey
    this.connectionId = init.connectionId
    this.#init = init
    this.#connection = init.connection
    this.#highWaterBytes = init.highWaterBytes
    this.#heartbeat = new Heartbeat(init.clock, init.heartbeat, {
      sendPing: (token) => {
        this.#queue.ping(token)
        this.#pump()
      },
      lost: () => this.close('lost'),
    })
  }

  get rttMs(): number | undefined {
    return this.#heartbeat.rttMs
  }

  get bufferedBytes(): number {
    return this.#queue.bufferedBytes + (this.#connection.channel?.bufferedAmount ?? 0)
  }

  /** Begins to measure. Called once, by the transport, after it has told of the link. */
  start(): void {
    if (!this.#closed) this.#heartbeat.start()
  }

  /** Throws WireError for a message that is empty or larger than 96 KiB: a bug of the caller. */
  send(message: Uint8Array): boolean {
    const channel = this.#connection.channel
    if (this.#closed || !channel) return false
    if (!this.#queue.enqueue(message)) {
      this.#refusedBytes = Math.max(this.#refusedBytes, message.length)
      return false
    }
    this.#pumpSoon()
    return true
  }

  onMessage(handler: (message: Uint8Array, link: Link) => void): void {
    this.#onMessage = handler
    for (const message of this.#early.splice(0)) if (!this.#closed) handler(message, this)
  }

  onClose(handler: (reason: CloseReason, link: Link) => void): void {
    if (this.#closed) handler(this.#closed, this)
    else this.#onClose = handler
  }

  onDrain(handler: () => void): void {
    this.#onDrain = handler
  }

  probe(): void {
    this.#heartbeat.probe()
  }

  /** What waits in the channel still leaves, within 250 ms; what waits for the channel does not. */
  close(reason: CloseReason = 'local'): void {
    if (this.#closed) return
    if (reason === 'local' && this.#sayBye()) this.#lingerFor(lingerMsMax)
    this.#end(reason)
  }

  /** Says goodbye with no time left: the page is being unloaded. */
  goodbye(): void {
    if (!this.#closed) this.#sayBye()
    this.#end('local')
    this.#release()
  }

  /** Resolves when the connection underneath has been let go of. */
  released(): Promise<void> {
    if (!this.#linger) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onReleased = resolve
    })
  }

  /** The channel has one frame for us. */
  receive(data: unknown): void {
    if (this.#closed) return
    this.#heartbeat.heard()
    let event: FrameEvent
    try {
      if (!(data instanceof ArrayBuffer)) throw new WireError('UNKNOWN_TYPE', 'a text message')
      event = this.#reassembler.push(new Uint8Array(data))
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      return this.close('violation')
    }
    switch (event.type) {
      case 'message':
        return this.#deliver(event.bytes)
      case 'messages':
        for (const message of event.messages) if (!this.#closed) this.#deliver(message)
        return
      case 'partial':
        return
      case 'ping':
        this.#queue.pong(event.token)
        return this.#pump()
      case 'pong':
        return this.#heartbeat.pong(event.token)
      case 'bye':
        return this.close('remote')
      default:
        return event satisfies never
    }
  }

  /** The channel may have room again. */
  resume(): void {
    if (this.#closed) return
    this.#pump()
    this.#tellOfRoom()
  }

  /** The connection has ended under us. */
  disconnected(failed: boolean): void {
    this.#end(failed ? 'lost' : 'remote')
    this.#release()
  }

  #deliver(message: Uint8Array): void {
    if (this.#onMessage) return this.#onMessage(message, this)
    this.#earlyBytes += message.length
    this.#early.push(message)
    if (this.#early.length > earlyMessagesMax || this.#earlyBytes > earlyBytesMax) this.close('violation')
  }

  /**
   * What is sent in one turn of the event loop leaves together: a call of `channel.send` costs some 40 µs, a message in
   * a frame that goes anyway next to nothing. A microtask is soon enough not to be seen in a round trip.
   */
  #pumpSoon(): void {
    if (this.#pumping) return
    this.#pumping = true
    queueMicrotask(() => {
      this.#pumping = false
      // The channel may have taken all at once: then it will not say that it holds little again.
      this.resume()
    })
  }

  #tellOfRoom(): void {
    const roomBytes = frameQueueLimits.queuedBytesMax - this.#queue.bufferedBytes
    if (this.#closed || this.#refusedBytes === 0 || this.#refusedBytes > roomBytes) return
    this.#refusedBytes = 0
    this.#onDrain?.()
  }

  #pump(): void {
    const { channel } = this.#connection
    if (!channel) return
    while (channel.bufferedAmount < this.#highWaterBytes) {
      const frame = this.#queue.next()
      if (!frame || !this.#give(channel, frame)) return
    }
  }

  /** False: the channel is closing, and the link is closed with it. */
  #give(channel: RTCDataChannel, frame: Uint8Array): boolean {
    try {
      channel.send(frame as Uint8Array<ArrayBuffer>)
      return true
    } catch {
      this.disconnected(false)
      return false
    }
  }

  /** Behind what was sent before, as far as the channel takes it. False: it cannot be said any more. */
  #sayBye(): boolean {
    try {
      this.#pump()
      this.#connection.channel?.send(byeFrame(0) as Uint8Array<ArrayBuffer>)
      return !this.#closed
    } catch {
      return false
    }
  }

  #end(reason: CloseReason): void {
    if (this.#closed) return
    this.#closed = reason
    this.#heartbeat.stop()
    this.#early.length = 0
    const handler = this.#onClose
    this.#onMessage = this.#onClose = this.#onDrain = undefined
    if (!this.#linger) this.#connection.destroy()
    this.#init.onClosed(this)
    handler?.(reason, this)
  }

  #lingerFor(remainingMs: number): void {
    this.#linger = this.#init.clock.setTimer(lingerStepMs, () => {
      const gone = (this.#connection.channel?.bufferedAmount ?? 0) === 0
      if (gone || remainingMs <= lingerStepMs) this.#release()
      else this.#lingerFor(remainingMs - lingerStepMs)
    })
  }

  #release(): void {
    this.#linger?.cancel()
    this.#linger = undefined
    this.#connection.destroy()
    this.#onReleased?.()
    this.#onReleased = undefined
  }
}
