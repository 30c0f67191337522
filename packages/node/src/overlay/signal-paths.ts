/** Ways for WebRTC signals over the overlay, which is why two nodes can meet with no server. */
import type { Id } from '@kadrtc/kademlia'
import type { SignalPath } from '../ports/link-transport.js'
import type { Rpc } from '../rpc/rpc.js'
import type { Way } from '../rpc/way.js'
import type { LinkTable } from './link-table.js'
import { nextHop } from './next-hop.js'

/** Links over which a signal is sent toward a peer, one after the other. A guess. */
const firstLinksTried = 2

/**
 * How a packet gets to `peer` and nobody else: straight where there is a link, else greedily over the overlay. Undefined:
 * this node has no link at all.
 */
export function wayTo(own: Id, links: LinkTable, peer: Id): Way | undefined {
  const direct = links.get(peer)
  if (direct) return { kind: 'link', link: direct }
  const link = nextHop(own, peer, links.links()) ?? nearestLink(links, peer)
  return link && { kind: 'toward', target: peer, link, exact: true }
}

/**
 * A path to `peer`: straight where there is a link, along `route` while its first hops stand, else greedily toward the id.
 * Greed may end at a node that has no link to the peer, and a relay may have lost the next hop; both say so at once, and
 * the signal is sent again over another link. Chosen anew for each signal, since links come and go during a handshake.
 */
export function overlayPath(
  ports: { readonly own: Id; readonly rpc: Rpc; readonly links: LinkTable },
  peer: Id,
  route: readonly Id[] | undefined,
): SignalPath {
  return {
    route,
    send(signal, again) {
      const all = waysTo(ports, peer, route)
      // The first way brought nothing.
      const ways = again ? firstLast(all) : all
      const sendNext = (): void => {
        const next = ways.next()
        if (!next.done) ports.rpc.signal(next.value, signal, sendNext)
      }
      sendNext()
    },
  }
}

/** Ways to try one after the other. Each is looked for when the one before has failed: mostly the first is the only one. */
function* waysTo(
  { own, links }: { readonly own: Id; readonly links: LinkTable },
  peer: Id,
  route: readonly Id[] | undefined,
): Generator<Way, void> {
  const direct = links.get(peer)
  if (direct) return yield { kind: 'link', link: direct }
  if (route?.some((hop) => links.has(hop))) yield { kind: 'route', route }
  const greedy = nextHop(own, peer, links.links())
  const nearest = links.closestNeighbours(peer, firstLinksTried).map(({ link }) => link)
  for (const link of new Set(greedy ? [greedy, ...nearest] : nearest)) {
    yield { kind: 'toward', target: peer, link, exact: true }
  }
}

function* firstLast<T>(items: Iterator<T, void>): Generator<T, void> {
  const first = items.next()
  for (let next = items.next(); !next.done; next = items.next()) yield next.value
  if (!first.done) yield first.value
}

/** Near our own id no link may be closer to the peer than we are; the nearest one may still know it. */
function nearestLink(links: LinkTable, peer: Id) {
  return links.closestNeighbours(peer, 1)[0]?.link
}
