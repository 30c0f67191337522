/**
 * Frames: what one message of a data channel holds, on a channel that is ordered and reliable. A message of up to one
 * frame is `whole`; small ones that wait together go in one frame as `several`, since a frame costs the browser far
 * more than its bytes do; a larger one is a `first` and some `next`, between which others may come. Pings, pongs and
 * the goodbye of a link are frames of their own. `frame-queue.ts` sends them, `reassembler.ts` puts them together.
 */

import { WireError } from './errors.js'
import { wholeMessageBytesMax } from './limits.js'

/** The byte each frame begins with. */
export const frameTypes = {
  whole: 0x00,
  first: 0x01,
  next: 0x02,
  ping: 0x03,
  pong: 0x04,
  bye: 0x05,
  several: 0x06,
} as const

/** Type, message id (16 bits), total length (32 bits). */
export const firstHeaderBytes = 1 + 2 + 4
/** Type, message id. */
export const nextHeaderBytes = 1 + 2
/** Before each message of a `several`: its length (16 bits). */
export const severalLengthBytes = 2

/** What a frame brought. */
export type FrameEvent =
  | { readonly type: 'message'; readonly bytes: Uint8Array }
  /** Two or more, in their order. */
  | { readonly type: 'messages'; readonly messages: readonly Uint8Array[] }
  /** A fragment; its message is not whole yet. */
  | { readonly type: 'partial' }
  | { readonly type: 'ping'; readonly token: number }
  | { readonly type: 'pong'; readonly token: number }
  | { readonly type: 'bye'; readonly reason: number }

/**
 * The frame of a small message: one byte before it, and the only copy that is made. Throws WireError TOO_LARGE if it
 * does not fit, BAD_VALUE if it is empty.
 */
export function wholeFrame(message: Uint8Array): Uint8Array {
  if (message.length > wholeMessageBytesMax)
    throw new WireError('TOO_LARGE', `${message.length} bytes in a frame`)
  if (message.length === 0) throw new WireError('BAD_VALUE', 'an empty message')
  const frame = new Uint8Array(1 + message.length)
  frame.set(message, 1)
  return frame
}

/** One frame of two or more whole frames, which fit into it: see `severalBytes`. */
export function severalFrame(wholeFrames: readonly Uint8Array[]): Uint8Array {
  const frame = new Uint8Array(wholeFrames.reduce((bytes, whole) => bytes + severalBytes(whole), 1))
  frame[0] = frameTypes.several
  let at = 1
  for (const whole of wholeFrames) {
    const length = whole.length - 1
    frame[at] = length >>> 8
    frame[at + 1] = length
    frame.set(whole.subarray(1), at + severalLengthBytes)
    at += severalBytes(whole)
  }
  return frame
}

/** What a whole frame's message takes up in a `several`. */
export function severalBytes(wholeFrame: Uint8Array): number {
  return severalLengthBytes + wholeFrame.length - 1
}

/** `token` is 32 bits, unsigned; the pong repeats it. */
export function pingFrame(token: number): Uint8Array {
  return tokenFrame(frameTypes.ping, token)
}

export function pongFrame(token: number): Uint8Array {
  return tokenFrame(frameTypes.pong, token)
}

/** `reason` is 8 bits, unsigned. */
export function byeFrame(reason: number): Uint8Array {
  return Uint8Array.of(frameTypes.bye, reason)
}

function tokenFrame(type: number, token: number): Uint8Array {
  return Uint8Array.of(type, token >>> 24, token >>> 16, token >>> 8, token)
}
