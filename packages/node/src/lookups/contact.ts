import type { Id } from '@kadrtc/kademlia'

/** Somebody to ask, and the way there: nodes from here on, the contact itself last. */
export interface Contact {
  readonly id: Id
  readonly route: readonly Id[]
}

/** The contacts of a reply: whoever the responder is linked to is one hop behind it. */
export function contactsBehind(ids: readonly Id[], route: readonly Id[]): Contact[] {
  return ids.map((id) => ({ id, route: [...route, id] }))
}
