/** How the first packets of a fast lookup leave: on different links, toward the target where that is progress. */
import { equalIds, type Id } from '@kadrtc/kademlia'
import type { LinkTable } from '../overlay/link-table.js'
import { nextHops } from '../overlay/next-hop.js'
import type { Way } from '../rpc/rpc.js'

/**
 * Up to `count` ways to the owner of `target`, over as many links. Links strictly closer carry a packet toward it;
 * when there are fewer, we are near the end of the way ourselves and ask our own nearest links straight. Links that have
 * gone silent are left out while there are others.
 */
export function firstWays(own: Id, target: Id, links: LinkTable, count: number): Way[] {
  const hops = nextHops(own, target, links.lively(), count)
  const ways: Way[] = hops.map((link) => ({ kind: 'toward', target, link }))
  if (ways.length >= count) return ways
  const isHop = (peer: Id) => hops.some((hop) => equalIds(hop.peer, peer))
  const nearest = links.closest(target, 3 * count).map((peer) => links.neighbour(peer)!)
  const others = nearest.filter(({ link }) => !isHop(link.peer))
  const livelyFirst = [...others.filter(({ silent }) => !silent), ...others.filter(({ silent }) => silent)]
  for (const { link } of livelyFirst.slice(0, count - ways.length)) ways.push({ kind: 'link', link })
  return ways
}
