/** How the first packets of a fast lookup leave: on different links, toward the target where that is progress. */
import { asId, commonPrefixLength, equalIds, type Id, idBits, idBytes } from '@kadrtc/kademlia'
import { cornerBits, type LinkTable } from '../overlay/link-table.js'
import { nextHop, nextHops } from '../overlay/next-hop.js'
import type { Link } from '../ports/link-transport.js'
import type { Random } from '../ports/random.js'
import { replicasShareBits } from '../replication/replica-rank.js'
import type { Way } from '../rpc/way.js'
import type { Settings } from '../settings.js'

/** As many ways more than alpha as bits are missing between the nearest link and the replicas, and one, or three where they are far, up to the most. */
const farBits = 3
const waysMoreMost = 7

/**
 * Up to `count` ways to the owner of `target`, over as many links. Links strictly closer carry a packet toward it;
 * when there are fewer, we are near the end of the way ourselves and ask our own nearest links straight. Links that have
 * gone silent are left out while there are others.
 */
export function firstWays(own: Id, target: Id, links: LinkTable, count: number): Way[] {
  const hops = nextHops(own, target, links.lively(), count, links.nearBits)
  const ways: Way[] = hops.map((link) => ({ kind: 'toward', target, link }))
  if (ways.length >= count) return ways
  const isHop = (peer: Id) => hops.some((hop) => equalIds(hop.peer, peer))
  const nearest = links.closestNeighbours(target, 3 * count)
  const others = nearest.filter(({ link }) => !isHop(link.peer))
  const livelyFirst = [...others.filter(({ silent }) => !silent), ...others.filter(({ silent }) => silent)]
  // Nobody is closer to our own id than we are; whoever is next closest is still found by going there.
  const isOwn = equalIds(own, target)
  for (const { link } of livelyFirst.slice(0, count - ways.length)) {
    ways.push(isOwn ? { kind: 'toward', target, link } : { kind: 'link', link })
  }
  return ways
}

/**
 * Ways to holders of a key, which are to be different holders: packets toward one id end at one node, and two answers
 * of one holder say no more than one. So each heads for another corner of the replica set. Ways differ in time by as much
 * as they take: the farther the replicas are, the more are sent than the answers that are waited for. Of 1,000 nodes the
 * third answer of five came after 126 ms and that of three after 169; of 1,200 that of eight after 112 and of five after 127; of
 * 3,000 one way more takes 117 ms instead of 121, for an eighth more of a get's bytes. Two are taken where the replicas are
 * far: 10,000 nodes took 0.150 of what a lookup that dials takes without the first, and 0.147 with it; 0.147 without the second and
 * 0.143 with it, for a ninth more of a get's bytes (2,400 gets each; with a third 0.141, with a fourth 0.138). Where they
 * are near one more cost 1,000 nodes in churn 2 % of their bytes.
 */
export function waysToReplicas(
  own: Id,
  keyId: Id,
  links: LinkTable,
  { k, alpha }: Pick<Settings, 'k' | 'alpha'>,
  /** The id that the way of this number heads for. */
  corner: (number: number, sharedBits: number) => Id,
  countWhenFar?: number,
): Way[] {
  const ways: Way[] = []
  const free = new Set(links.lively())
  const sharedBits = replicasShareBits(own, links, k)
  const [nearest] = links.closest(keyId, 1)
  const missingBits = nearest ? sharedBits - commonPrefixLength(nearest, keyId) : 0
  if (missingBits <= 0) return firstWays(own, keyId, links, alpha)
  const waysMore = Math.min(missingBits + (missingBits < farBits ? 1 : 3), waysMoreMost)
  const count = countWhenFar ?? alpha + waysMore
  for (let number = 0; number < count; number++) {
    const target = corner(number, sharedBits)
    const link: Link | undefined = nextHop(own, target, free)
    if (!link) continue
    free.delete(link)
    ways.push({ kind: 'toward', target, link })
  }
  if (ways.length >= alpha) return ways
  const isTaken = (link: Link) => ways.some((way) => way.kind === 'toward' && way.link === link)
  const others = firstWays(own, keyId, links, 2 * alpha).filter(
    (way) => way.kind !== 'route' && !isTaken(way.link),
  )
  return [...ways, ...others.slice(0, alpha - ways.length)]
}

/** The key itself, and ids that share with it a few bits more than the farthest replica does. */
export function fixedCorners(keyId: Id): (number: number, sharedBits: number) => Id {
  return (number, sharedBits) => (number === 0 ? keyId : withBitFlipped(keyId, sharedBits + number))
}

/**
 * Other corners each time: the half of the replica set that is nearest to the key, in eight parts, and any place within each.
 * Who is asked is then chance: with the same corners for all, five of 1,000 nodes answered most of what all others asked.
 */
function chanceCorners(keyId: Id, random: Random): (number: number, sharedBits: number) => Id {
  const first = random.bytes(1)[0]!
  return (number, sharedBits) => {
    const from = sharedBits + 1
    const corner = asId(random.bytes(idBytes))
    // 5 and 8 have no divisor in common: of eight no part comes twice.
    const part = (first + 5 * number) % cornerParts
    for (let bit = 0; bit < Math.min(from + cornerBits, idBits); bit++) {
      const isSet = bit < from ? bitAt(keyId, bit) : ((part >> (bit - from)) & 1) === 1
      if (isSet !== bitAt(corner, bit)) corner[bit >> 3]! ^= 0x80 >> (bit & 7)
    }
    return corner
  }
}

const cornerParts = 2 ** cornerBits

/**
 * Ways for a FIND_VALUE. Where replicas are linked the fastest of a few of them are asked, and pass the question on if they are
 * none; where they are not, see above.
 */
export function waysToRecords(
  own: Id,
  keyId: Id,
  links: LinkTable,
  settings: Pick<Settings, 'k' | 'alpha'>,
  random: Random,
): Way[] {
  const { k, alpha } = settings
  const sharedBits = replicasShareBits(own, links, k)
  const near = links
    .closestNeighbours(keyId, k)
    .filter(({ id, silent }) => !silent && commonPrefixLength(id, keyId) >= sharedBits)
  // Of those that share one bit more all but a few are replicas, and of the nearer half of these all.
  const nearer = near.filter(({ id }) => commonPrefixLength(id, keyId) > sharedBits)
  const replicas = (nearer.length < alpha ? near : nearer).slice(0, Math.max(alpha, k / 2))
  if (replicas.length < alpha)
    return waysToReplicas(own, keyId, links, settings, chanceCorners(keyId, random))
  const start = random.bytes(1)[0]!
  const step = Math.max(1, Math.floor(replicas.length / (2 * alpha)))
  const some = Array.from({ length: Math.min(replicas.length, 2 * alpha) }, (_, i) => {
    return replicas[(start + i * step) % replicas.length]!.link
  })
  some.sort((a, b) => (a.rttMs ?? Number.POSITIVE_INFINITY) - (b.rttMs ?? Number.POSITIVE_INFINITY))
  return some.slice(0, alpha).map((link) => ({ kind: 'toward', target: keyId, link }))
}

/**
 * The way to a key to whose replicas this node is not linked; undefined where it is one of them, or near them, and linked to most. To be linked
 * to one or two is not enough: of 1,000 nodes a put took 237 ms when those asked the replicas themselves, and takes 196.
 */
export function wayToFar(own: Id, keyId: Id, links: LinkTable, { k }: Pick<Settings, 'k'>): Way | undefined {
  if (commonPrefixLength(own, keyId) >= replicasShareBits(own, links, k)) return undefined
  const link = nextHop(own, keyId, links.lively())
  return link && { kind: 'toward', target: keyId, link }
}

function bitAt(id: Id, bit: number): boolean {
  return ((id[bit >> 3]! << (bit & 7)) & 0x80) !== 0
}

/** `bit` counts from the first, most significant one. */
function withBitFlipped(id: Id, bit: number): Id {
  const flipped = Uint8Array.from(id)
  const at = Math.min(bit, idBits - 1)
  flipped[at >> 3]! ^= 0x80 >> (at & 7)
  return asId(flipped)
}
