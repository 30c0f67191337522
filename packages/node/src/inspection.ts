/** What can be seen of a node from outside. */
import { bucketIndex, idToHex } from '@kadrtc/kademlia'
import type { IntroducerState } from './joining/introductions.js'
import type { NodeParts } from './node-parts.js'
import type { NodePorts } from './node-ports.js'
import type { LinkReason } from './overlay/link-reasons.js'

/** connecting: no answer yet. joined: has links. alone: nobody is linked, others are looked for. closed: for good. */
export type NodeStatus = 'connecting' | 'joined' | 'alone' | 'closed'

export interface LinkInspection {
  /** The peer's node id in hex. */
  readonly peer: string
  /** Why the link lives; empty: it is about to be offered for closing. */
  readonly reasons: readonly LinkReason[]
  readonly rttMs: number | undefined
  /** The k-bucket the peer falls into: 159 is the far half of the id space. */
  readonly bucket: number
  readonly openForMs: number
}

/** A plain object, made anew at each call, that says what the node is doing. */
export interface Inspection {
  readonly id: string
  readonly network: string
  readonly status: NodeStatus
  readonly links: readonly LinkInspection[]
  /** Contacts known, linked or not. */
  readonly contacts: number
  readonly dialling: number
  readonly records: { readonly count: number; readonly bytes: number; readonly published: number }
  readonly introducers: readonly {
    readonly name: string
    readonly state: IntroducerState['type']
    readonly error?: string
  }[]
  /**
   * What has happened so far, and how much waits now: `pending` requests of ours and `answering` those of peers, `signals` on their way
   * over relays, `avoided` peers, `channels` with `channelBytes` that wait for their links, `remembered` records.
   */
  readonly counters: Readonly<Record<string, number>>
}

export function inspectionOf(
  parts: NodeParts,
  { network, clock }: NodePorts,
  status: NodeStatus,
): Inspection {
  const { router, rpc, shelf, publisher, dialler, channels } = parts
  const { own } = parts.lookupPorts
  const reasons = parts.keeper.budget.reasons()
  const nowMs = clock.now()
  const neighbours = parts.links.neighbours()
  return {
    id: idToHex(own),
    network,
    status,
    links: neighbours.map(({ link, openedAtMs }) => ({
      peer: idToHex(link.peer),
      reasons: reasons.get(link) ?? [],
      rttMs: link.rttMs,
      bucket: bucketIndex(own, link.peer),
      openForMs: nowMs - openedAtMs,
    })),
    contacts: parts.keeper.contacts.size,
    dialling: dialler.underWay,
    records: { count: shelf.count, bytes: shelf.bytes, published: publisher.count },
    introducers: parts.introductions.states.map(({ name, state }) => ({
      name,
      state: state.type,
      ...(state.type === 'down' ? { error: state.error.code } : {}),
    })),
    counters: {
      ...router.counters,
      ...rpc.counters,
      ...parts.replicator.counters,
      ...parts.handlers.served,
      malformed: router.counters.malformed + rpc.counters.malformed,
      pending: rpc.pending,
      answering: neighbours.reduce((sum, { inbound }) => sum + inbound, 0),
      repeated: rpc.repeated,
      signals: rpc.signalsUnderWay,
      dialFailures: dialler.failures,
      linksTried: parts.keeper.linksTried,
      avoided: dialler.avoided,
      channels: channels.count,
      channelBytes: channels.bufferedBytes,
      remembered: parts.records.remembered,
    },
  }
}
