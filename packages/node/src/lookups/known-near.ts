/** What a question need not be answered with. */
import { commonPrefixLength, type Id } from '@kadrtc/kademlia'
import { type KnownContacts, knownContacts, knownContactsMax } from '@kadrtc/wire'
import { replicasShareBits } from '../replication/replica-rank.js'
import type { Contact } from './contact.js'
import type { LookupPorts } from './lookup-ports.js'

/**
 * Names those of `contacts` that others may think are among the closest to `target`; undefined when there are none.
 * Two bytes in the question save twenty in each answer.
 */
export function knownNear(
  { own, links, settings, clock }: LookupPorts,
  target: Id,
  contacts: Iterable<Contact>,
  turn: number,
): { known?: KnownContacts } {
  // Twice as many as there are replicas: an answer names those that its sender takes for them.
  const bits = replicasShareBits(own, links, settings.k) - 1
  const near: Id[] = []
  for (const { id } of contacts) {
    if (commonPrefixLength(id, target) >= bits && near.push(id) === knownContactsMax) break
  }
  return near.length === 0 ? {} : { known: knownContacts(near, clock.now() + turn) }
}
