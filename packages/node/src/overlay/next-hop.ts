/**
 * Which open link a packet goes on: greedy routing over XOR distance, weighed by what a hop costs.
 *
 * Progress is counted in bits, log2(own distance / link's distance). A link that gains more bits per
 * millisecond wins; the constant cost of a hop keeps small differences in round-trip time from turning a
 * packet away from its owner.
 */
import { distanceBits, type Id, isCloser } from '@kadrtc/kademlia'
import type { Link } from '../ports/link-transport.js'

/** What forwarding costs besides the wire: reading, choosing, sending. Measured in browsers: 1-3 ms; doubled, a guess. */
const hopCostMs = 5

/** Up to `count` links strictly closer to `target` than `own`, best first. */
export function nextHops(own: Id, target: Id, links: Iterable<Link>, count: number): Link[] {
  const ownBits = distanceBits(own, target)
  const ranked: { link: Link; score: number }[] = []
  for (const link of links) {
    if (!isCloser(target, link.peer, own)) continue
    const gainBits = ownBits - distanceBits(link.peer, target)
    const score = gainBits / ((link.rttMs ?? 0) / 2 + hopCostMs)
    ranked.push({ link, score })
  }
  ranked.sort((a, b) => b.score - a.score)
  return ranked.slice(0, count).map(({ link }) => link)
}

/** The single best of `nextHops`, with no list made: every relayed packet asks. */
export function nextHop(own: Id, target: Id, links: Iterable<Link>): Link | undefined {
  const ownBits = distanceBits(own, target)
  let best: Link | undefined
  let bestScore = Number.NEGATIVE_INFINITY
  for (const link of links) {
    if (!isCloser(target, link.peer, own)) continue
    const gainBits = ownBits - distanceBits(link.peer, target)
    const score = gainBits / ((link.rttMs ?? 0) / 2 + hopCostMs)
    if (score <= bestScore) continue
    best = link
    bestScore = score
  }
  return best
}
