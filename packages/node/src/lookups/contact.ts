import { equalIds, type Id } from '@kadrtc/kademlia'

/** Somebody to ask, and the way there: nodes from here on, the contact itself last. */
export interface Contact {
  readonly id: Id
  readonly route: readonly Id[]
}

/** The contacts of a reply: whoever the responder is linked to is one hop behind it. */
export function contactsBehind(ids: readonly Id[], route: readonly Id[]): Contact[] {
  return ids.map((id) => ({ id, route: [...route, id] }))
}

/**
 * A contact that is going to be kept: a decoded id is a view of its whole message, which would be kept with it. `kept` gives
 * the same id in memory that does not keep more.
 */
export function keptContact({ id, route }: Contact, kept: (id: Id) => Id): Contact {
  const own = kept(id)
  return { id: own, route: route.map((hop) => (equalIds(hop, own) ? own : kept(hop))) }
}
