import type { Id } from '@kadrtc/kademlia'
import type { CancelSignal } from '../cancel-signal.js'
import { KadrtcError } from '../errors.js'
import type { LookupPorts } from './lookup-ports.js'
import { firstWays } from './ways.js'

export interface TracedRoute {
  /** Where the packet ended. */
  readonly node: Id
  readonly hops: number
  readonly rttMs: number
}

/** Sends one packet toward an id. Rejects with UNREACHABLE, TIMEOUT, CLOSED, or the signal's reason. */
export async function traceRoute(
  { own, links, rpc }: LookupPorts,
  target: Id,
  options: { readonly signal?: CancelSignal | undefined; readonly timeoutMs: number },
): Promise<TracedRoute> {
  const [way] = firstWays(own, target, links, 1)
  if (!way) throw new KadrtcError('UNREACHABLE', 'this node has no link')
  const answer = await rpc.request(way, { type: 'find-node', target }, options)
  return { node: answer.responder, hops: answer.route.length, rttMs: answer.rttMs }
}
