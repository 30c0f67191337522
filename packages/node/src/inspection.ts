/** What can be seen of a node from outside. */
import { bucketIndex, type Id, idToHex } from '@kadrtc/kademlia'
import type { Channels } from './channels/channels.js'
import type { IntroducerState, Introductions } from './joining/introductions.js'
import type { Dialler } from './overlay/dialler.js'
import type { LinkKeeper } from './overlay/link-keeper.js'
import type { LinkReason } from './overlay/link-reasons.js'
import type { LinkTable } from './overlay/link-table.js'
import type { Router } from './overlay/router.js'
import type { Clock } from './ports/clock.js'
import type { Publisher } from './records/publisher.js'
import type { RecordShelf } from './records/record-shelf.js'
import type { RecordVerbs } from './records/record-verbs.js'
import type { Replicator } from './replication/replicator.js'
import type { Handlers } from './rpc/handlers.js'
import type { Rpc } from './rpc/rpc.js'

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

/** The parts of a node that are looked at. */
export interface InspectedParts {
  readonly id: Id
  readonly ports: { readonly network: string; readonly clock: Clock }
  readonly status: NodeStatus
  readonly links: LinkTable
  readonly router: Router
  readonly rpc: Rpc
  readonly handlers: Handlers
  readonly dialler: Dialler
  readonly keeper: LinkKeeper
  readonly channels: Channels
  readonly shelf: RecordShelf
  readonly publisher: Publisher
  readonly replicator: Replicator
  readonly introductions: Introductions
  readonly records: RecordVerbs
}

export function inspectionOf(parts: InspectedParts): Inspection {
  const { router, rpc, shelf, publisher, dialler, channels } = parts
  const reasons = parts.keeper.budget.reasons()
  const nowMs = parts.ports.clock.now()
  const neighbours = parts.links.neighbours()
  return {
    id: idToHex(parts.id),
    network: parts.ports.network,
    status: parts.status,
    links: neighbours.map(({ link, openedAtMs }) => ({
      peer: idToHex(link.peer),
      reasons: reasons.get(link) ?? [],
      rttMs: link.rttMs,
      bucket: bucketIndex(parts.id, link.peer),
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
      avoided: dialler.avoided,
      channels: channels.count,
      channelBytes: channels.bufferedBytes,
      remembered: parts.records.remembered,
    },
  }
}
