import type { Id } from '@kadrtc/kademlia'
import type { LinkTable } from '../overlay/link-table.js'
import type { Clock } from '../ports/clock.js'
import type { Rpc } from '../rpc/rpc.js'
import type { Settings } from '../settings.js'

/** What lookups need of the node. */
export interface LookupPorts {
  readonly own: Id
  readonly clock: Clock
  readonly rpc: Rpc
  readonly links: LinkTable
  readonly settings: Settings
}
