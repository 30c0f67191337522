/** Ways for WebRTC signals over the overlay, which is why two nodes can meet with no server. */
import type { Id } from '@kadrtc/kademlia'
import type { SignalPath } from '../ports/link-transport.js'
import type { Rpc, Way } from '../rpc/rpc.js'
import type { LinkTable } from './link-table.js'
import { nextHop } from './next-hop.js'

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
 * A path to `peer`: straight where there is a link, along `route` while its first hops stand, else, and if a relay says
 * that the route is broken, greedily toward the id. Chosen anew for each signal, since links come and go during a
 * handshake.
 */
export function overlayPath(
  ports: { readonly own: Id; readonly rpc: Rpc; readonly links: LinkTable },
  peer: Id,
  route: readonly Id[] | undefined,
): SignalPath {
  const { own, rpc, links } = ports
  return {
    send(signal) {
      const known = !links.has(peer) && route?.some((hop) => links.has(hop)) ? route : undefined
      const sendToward = () => {
        const way = wayTo(own, links, peer)
        if (way) rpc.signal(way, signal)
      }
      if (known) rpc.signal({ kind: 'route', route: known }, signal, sendToward)
      else sendToward()
    },
  }
}

/** Near our own id no link may be closer to the peer than we are; the nearest one may still know it. */
function nearestLink(links: LinkTable, peer: Id) {
  const [nearest] = links.closest(peer, 1)
  return nearest && links.get(nearest)
}
