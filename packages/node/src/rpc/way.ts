/** How a request travels: over which link it leaves, and who may answer it. */
import type { Id } from '@kadrtc/kademlia'
import type { LinkTable, Neighbour } from '../overlay/link-table.js'
import type { Link } from '../ports/link-transport.js'

/** Straight over a link; greedily toward an id, over a given link first; or from hop to hop along a route. */
export type Way =
  | { readonly kind: 'link'; readonly link: Link }
  | { readonly kind: 'toward'; readonly target: Id; readonly link: Link; readonly exact?: boolean }
  | { readonly kind: 'route'; readonly route: readonly Id[] }

/** Is nobody between here and the other end? */
export function isDirect(way: Way): boolean {
  return way.kind === 'link' || (way.kind === 'route' && way.route.length === 1)
}

/** The only node that may answer; undefined: whoever is closest to the target. */
export function destinationOf(way: Way): Id | undefined {
  switch (way.kind) {
    case 'link':
      return way.link.peer
    case 'toward':
      return way.exact ? way.target : undefined
    case 'route':
      return way.route.at(-1)
  }
}

/** Who is at the other end of the link on which a way begins. A route begins at the last of its hops that is linked. */
export function firstNeighbour(way: Way, links: LinkTable): Neighbour | undefined {
  if (way.kind !== 'route') {
    const neighbour = links.neighbour(way.link.peer)
    return neighbour?.link === way.link ? neighbour : undefined
  }
  for (let hop = way.route.length - 1; hop >= 0; hop--) {
    const neighbour = links.neighbour(way.route[hop]!)
    if (neighbour) return neighbour
  }
  return undefined
}
