import { type Id, idToHex } from '@kadrtc/kademlia'
import { KadrtcError } from '../errors.js'
import { ListenedEmitter } from './listened-emitter.js'

export interface ChannelEvents {
  /** One whole message, as the peer sent it. */
  message: (data: Uint8Array) => void
  /** A message waits to be heard or taken. */
  waiting: () => void
  /** The channel is over; `reason` says whether this side, the peer or the link ended it. */
  close: (reason: 'local' | 'remote' | 'lost') => void
  /** There is room again after `send` waited. */
  drain: () => void
}

/** What a channel needs of the link below it. */
export interface ChannelCarrier {
  /** False: the link is full. */
  send(data: Uint8Array, more: boolean): boolean
  close(): void
}

/** Pieces of one `channel-data`: the wire's limit for a frame that keeps its order. */
const pieceBytesMax = 16_256
/** One message of an app. Larger things are the app's to cut. */
export const channelMessageBytesMax = 256 * 1024
/** What may wait for a slow link before `send` throws BUSY. */
export const channelWaitingBytesMax = 4 * 2 ** 20
const waitingMax = 4_096
/** Messages kept for an app that has not listened yet. */
const unheardBytesMax = 4 * 2 ** 20
const unheardMax = 256
/** The largest message takes 17 whole pieces: whoever sends many more means to fill our memory with their headers. */
const piecesMax = 256

/**
 * An app's channel to a peer: direct and authenticated, messages in order, bounded. Messages that come before
 * somebody listens are kept.
 */
export class Channel extends ListenedEmitter<ChannelEvents> {
  /** The peer's node id in hex. */
  readonly peer: string
  #waiting: { piece: Uint8Array; more: boolean }[] = []
  #waitingBytes = 0
  #stalled = false
  #partial: Uint8Array[] = []
  #partialBytes = 0
  #unheard: Uint8Array[] = []
  #unheardBytes = 0
  #open = true

  constructor(
    peerId: Id,
    readonly label: string,
    readonly carrier: ChannelCarrier,
  ) {
    super()
    this.peer = idToHex(peerId)
  }

  get open(): boolean {
    return this.#open
  }

  /** Bytes that wait for the link. Above some hundred KiB wait for `drain`. */
  get bufferedBytes(): number {
    return this.#waitingBytes
  }

  /** Throws CLOSED, VALUE_TOO_LARGE (more than 256 KiB), or BUSY (4 MiB or 4,096 pieces wait already). */
  send(data: Uint8Array): void {
    if (!this.#open) throw new KadrtcError('CLOSED', 'the channel')
    if (!(data instanceof Uint8Array))
      throw new KadrtcError('INVALID_ARGUMENT', 'a channel sends a Uint8Array')
    if (data.length > channelMessageBytesMax)
      throw new KadrtcError('VALUE_TOO_LARGE', 'a message is at most 256 KiB')
    const full =
      this.#waitingBytes + data.length > channelWaitingBytesMax || this.#waiting.length >= waitingMax
    if (full) throw new KadrtcError('BUSY', 'wait for drain')
    for (let start = 0; start === 0 || start < data.length; start += pieceBytesMax) {
      const piece = data.slice(start, start + pieceBytesMax)
      this.#waiting.push({ piece, more: start + pieceBytesMax < data.length })
      this.#waitingBytes += piece.length
    }
    this.pump()
  }

  /** Moves what waits onto the link, as far as it takes it. */
  pump(): void {
    let sent = 0
    for (const { piece, more } of this.#waiting) {
      if (!this.carrier.send(piece, more)) break
      this.#waitingBytes -= piece.length
      sent += 1
    }
    this.#waiting.splice(0, sent)
    const stalled = this.#stalled
    this.#stalled = this.#waiting.length > 0
    if (stalled && !this.#stalled) this.emit('drain')
  }

  /** Tells the peer and ends the channel. What still waits is dropped. Closing twice does nothing. */
  close(): void {
    if (!this.#open) return
    this.carrier.close()
    this.ended('local')
  }

  /** The oldest message that nobody has heard, for who would rather fetch it than listen. */
  take(): Uint8Array | undefined {
    const data = this.#unheard.shift()
    this.#unheardBytes -= data?.length ?? 0
    return data
  }

  /** A piece from the peer. False: the peer overran the bounds, and the channel is over. */
  received(data: Uint8Array, more: boolean): boolean {
    if (!this.#open) return true
    this.#partial.push(data.slice())
    this.#partialBytes += data.length
    if (this.#partialBytes > channelMessageBytesMax || this.#partial.length > piecesMax) return false
    if (more) return true
    const whole = join(this.#partial, this.#partialBytes)
    this.#partial = []
    this.#partialBytes = 0
    this.#unheard.push(whole)
    this.#unheardBytes += whole.length
    this.#hand()
    if (this.#unheard.length > 0) this.emit('waiting')
    return this.#unheard.length <= unheardMax && this.#unheardBytes <= unheardBytesMax
  }

  /** The channel has ended; told once. */
  ended(reason: 'local' | 'remote' | 'lost'): void {
    if (!this.#open) return
    this.#open = false
    this.#waiting = []
    this.#waitingBytes = 0
    this.#partial = []
    this.emit('close', reason)
  }

  protected override listened(): void {
    this.#hand()
  }

  /** Hands over what has come, in order, as long as somebody listens. */
  #hand(): void {
    while (this.#unheard.length > 0 && this.listenerCount('message') > 0) this.emit('message', this.take()!)
  }
}

function join(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  if (pieces.length === 1) return pieces[0]!
  const whole = new Uint8Array(bytes)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
