import type { Id } from '@kadrtc/kademlia'
import type { Channels } from '../channels/channels.js'
import type { Contact } from '../lookups/contact.js'
import type { LinkTable } from '../overlay/link-table.js'
import type { Router } from '../overlay/router.js'
import type { LinkTransport } from '../ports/link-transport.js'
import type { Demand } from '../records/demand.js'
import type { RecordProofs } from '../records/proofs.js'
import type { RecordShelf } from '../records/record-shelf.js'
import type { Settings } from '../settings.js'
import type { Rpc } from './rpc.js'

/** What answering requests needs. */
export interface HandlerPorts {
  readonly own: Id
  readonly links: LinkTable
  readonly shelf: RecordShelf
  readonly proofs: RecordProofs
  readonly demand: Demand
  readonly settings: Settings
  readonly transport: LinkTransport
  readonly wallMs: () => number
  /** Told of each replica that is new here, and of each that a holder offers straight over its link. */
  readonly replication: ReplicaEvents
  /** Siblings that are there and to whom no link comes about. */
  unlinkedSiblings(): readonly Contact[]
  rpc(): Rpc
  router(): Router
  channels(): Channels
}

export interface ReplicaEvents {
  onStored(slot: string, keyId: Id): void
  onOffered(slot: string, keyId: Id, holder: Id): void
}
