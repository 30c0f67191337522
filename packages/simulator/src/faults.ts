/** What can go wrong on a virtual network, and what can be seen of it. */
import type { Id } from '@kadrtc/kademlia'
import type { CloseReason } from '@kadrtc/node'

/** A message that a fault may strike. */
export interface MessageOnTheWay {
  readonly from: Id
  readonly to: Id
  readonly bytes: Uint8Array
}

/** Asked each time; replace them while the simulation runs. Anything drawn here must come from a seeded stream. */
export interface NetworkFaults {
  /** False: the two can open no link, whoever dials (NAT). They agree by signals all the same. */
  canConnect?: ((dialler: Id, peer: Id) => boolean) | undefined
  /** True: the message is lost, though the link is said to be reliable. */
  drop?: ((message: MessageOnTheWay) => boolean) | undefined
  /** How much longer the message takes, in ms. What was sent later over its link comes later all the same. */
  delayMs?: ((message: MessageOnTheWay) => number) | undefined
  /** The message comes a second time so many ms after the first; undefined: it does not. */
  replay?: ((message: MessageOnTheWay) => number | undefined) | undefined
}

/** One thing that happened, seen from where it took effect. */
export type NetworkEvent =
  | { readonly kind: 'opened'; readonly from: Id; readonly to: Id; readonly connectionId: string }
  | { readonly kind: 'message'; readonly from: Id; readonly to: Id; readonly bytes: Uint8Array }
  | { readonly kind: 'closed'; readonly from: Id; readonly to: Id; readonly reason: CloseReason }
