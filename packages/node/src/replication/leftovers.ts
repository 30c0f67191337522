/**
 * What is left with a node that is none of the k closest any more, since closer ones have come: once enough of these have it,
 * it is kept as a cached copy, which soon expires.
 */
import { compareDistances, type Id } from '@kadrtc/kademlia'
import type { LinkTable } from '../overlay/link-table.js'
import type { Clock } from '../ports/clock.js'
import type { RecordShelf } from '../records/record-shelf.js'
import type { Settings } from '../settings.js'
import type { Handover } from './handover.js'
import { isFar } from './replica-rank.js'

/** So many closer holders must have a record before a former one lets go of it, of so many that are asked. Guesses. */
const witnesses = 3
const witnessesAsked = 8
const leftoverLifeMs = 60_000

export interface LeftoverPorts {
  readonly own: Id
  readonly links: LinkTable
  readonly shelf: RecordShelf
  readonly clock: Clock
  readonly settings: Settings
}

/** Asks by digests, and lets go as the answers come. */
export function retireLeftovers(ports: LeftoverPorts, handover: Handover): void {
  const { own, links, settings, shelf, clock } = ports
  const perPeer = new Map<Id, string[]>()
  const all = () => true
  shelf.forEachHeld(all, (slot, keyId) => {
    // By the measure by which others offer: what one lets go of the next would bring again.
    const isFormer = isFar(own, keyId, own, links, settings.k) || links.countCloser(keyId) >= settings.k
    if (!isFormer) return
    for (const peer of links.closest(keyId, witnessesAsked)) {
      // Of those who hold a record the closest ones never let go.
      if (compareDistances(keyId, peer, own) >= 0) continue
      const slots = perPeer.get(peer)
      if (slots) slots.push(slot)
      else perPeer.set(peer, [slot])
    }
  })
  const confirmed = new Map<string, number>()
  const confirm = (slot: string) => {
    const times = (confirmed.get(slot) ?? 0) + 1
    confirmed.set(slot, times)
    if (times === witnesses) shelf.demote(slot, clock.wallMs() + leftoverLifeMs)
  }
  for (const [id, slots] of perPeer) {
    const peer = { id, route: [id] }
    handover.compare(peer, slots, ({ held }) => held.forEach(confirm)).catch(() => undefined)
  }
}
