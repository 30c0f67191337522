/** What a node may ask, and which reply answers it. */
import type { Id } from '@kadrtc/kademlia'
import { encodeMessage, type Reply, type Request } from '@kadrtc/wire'
import { KadrtcError } from '../errors.js'

/** The reply each request asks for. */
export const replyTo = {
  ping: 'pong',
  'find-node': 'nodes',
  'find-value': 'value',
  store: 'stored',
  digest: 'wants',
  'channel-open': 'channel-opened',
  'find-links': 'links',
} as const satisfies Partial<Record<Request['type'], Reply['type']>>

export type Asking = keyof typeof replyTo

/** A request without the nonce, which rpc draws. */
export type Question<T extends Asking> = Omit<Extract<Request, { type: T }>, 'nonce'> & { readonly type: T }

export interface Answer<T extends Asking> {
  readonly reply: Extract<Reply, { type: (typeof replyTo)[T] }>
  readonly responder: Id
  /** Nodes from here to the responder, the responder last. */
  readonly route: readonly Id[]
  readonly rttMs: number
}

/** Throws INVALID_ARGUMENT when the wire has no room for the question. */
export function encodeQuestion<T extends Asking>(question: Question<T>, nonce: number): Uint8Array {
  try {
    // Not { ...question, nonce }: V8 11 gives each such object a class of its own, which takes a microsecond.
    return encodeMessage(Object.assign({ nonce }, question) as unknown as Request)
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : undefined
    throw new KadrtcError('INVALID_ARGUMENT', detail, { cause })
  }
}
