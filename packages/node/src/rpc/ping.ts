/** PING (Kademlia paper, section 2.3): asks a node, linked or not, for a sign of life. */
import type { Id } from '@kadrtc/kademlia'
import type { CancelSignal } from '../cancel-signal.js'
import { KadrtcError } from '../errors.js'
import type { LinkTable } from '../overlay/link-table.js'
import { wayTo } from '../overlay/signal-paths.js'
import type { Rpc } from './rpc.js'

const noPayload = new Uint8Array(0)

/**
 * Milliseconds until it has answered; `payload` comes back with the answer. Rejects with UNREACHABLE, also where this node has no
 * link at all, TIMEOUT, CLOSED, or the signal's reason.
 */
export async function ping(
  { own, links, rpc }: { readonly own: Id; readonly links: LinkTable; readonly rpc: Rpc },
  peer: Id,
  options: { readonly payload?: Uint8Array; timeoutMs?: number; signal?: CancelSignal | undefined } = {},
): Promise<number> {
  const way = wayTo(own, links, peer)
  if (!way) throw new KadrtcError('UNREACHABLE', 'this node has no link')
  const { payload = noPayload, timeoutMs, signal } = options
  const question = { type: 'ping', payload: payload.slice() } as const
  const { rttMs } = await rpc.request(way, question, { timeoutMs, signal })
  return rttMs
}
