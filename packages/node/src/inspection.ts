import type { IntroducerState } from './joining/introductions.js'
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
  readonly counters: Readonly<Record<string, number>>
}
