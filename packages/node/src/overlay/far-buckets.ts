/**
 * The k-buckets between a node and its siblings: which of their contacts are to be linked, near which ids others are to be met, and how slow
 * the links are that they have.
 */
import { commonPrefixLength, type Id, idBits, type RoutingTable, randomIdInBucket } from '@kadrtc/kademlia'
import type { Contact } from '../lookups/contact.js'
import { type Random, randomFraction } from '../ports/random.js'
import type { Settings } from '../settings.js'
import { areInOneHalf, bestOfBucket, linksWantedInto, toOtherHalf } from './bucket-links.js'
import type { Dialler } from './dialler.js'
import type { LinkTable } from './link-table.js'

export interface FarBucketsPorts {
  readonly own: Id
  readonly links: LinkTable
  readonly settings: Settings
  readonly random: Random
}

export class FarBuckets {
  constructor(
    readonly ports: FarBucketsPorts,
    readonly contacts: RoutingTable<Contact>,
    readonly dialler: Pick<Dialler, 'wants'>,
  ) {}

  /** To be dialled, so that each bucket has its links, and has them in both of its halves. Who was met last first. */
  wanted(): Contact[] {
    const { links, settings } = this.ports
    return this.#indices().flatMap((bucket) => {
      const linked = links.inBucket(bucket)
      const count = linksWantedInto(bucket, settings.linksPerBucket)
      if (linked.length >= count && !areInOneHalf(bucket, linked)) return []
      const best = bestOfBucket<Contact>(bucket, [...linked, ...this.#unlinked(bucket).reverse()], count)
      return best.filter(({ id }) => !links.has(id))
    })
  }

  /**
   * An id in each bucket of which too few are linked or known, and in that half of it into which no link leads and nobody is known:
   * near these contacts are to be met.
   */
  thin(): Id[] {
    const { own, links, settings, random } = this.ports
    return this.#indices().flatMap((bucket) => {
      const linked = links.inBucket(bucket)
      const unlinked = this.#unlinked(bucket)
      const count = linksWantedInto(bucket, settings.linksPerBucket)
      const needsOther = count > 1 && linked.length > 1 && areInOneHalf(bucket, [...linked, ...unlinked])
      if (linked.length + unlinked.length >= count && !needsOther) return []
      const id = randomIdInBucket(own, bucket, (length) => random.bytes(length))
      return [needsOther && areInOneHalf(bucket, [...linked, { id }]) ? toOtherHalf(bucket, id) : id]
    })
  }

  /** One of them by chance; undefined if there is none. */
  drawn(): number | undefined {
    const buckets = this.#indices()
    return buckets[Math.floor(randomFraction(this.ports.random) * buckets.length)]
  }

  /**
   * The round trip that a link to `id`, of this bucket, has to beat to be wanted: that of the slowest that is. Infinity while fewer are there
   * or measured, and if `id` is in that half of it into which no link leads.
   */
  toBeatMs(bucket: number, id: Id): number {
    const { links, settings } = this.ports
    const count = linksWantedInto(bucket, settings.linksPerBucket)
    const linked = links.inBucket(bucket)
    if (count > 1 && areInOneHalf(bucket, linked) && !areInOneHalf(bucket, [...linked, { id }]))
      return Number.POSITIVE_INFINITY
    const fastestFirst = linked
      .map(({ link }) => link.rttMs ?? Number.POSITIVE_INFINITY)
      .sort((a, b) => a - b)
    return fastestFirst[count - 1] ?? Number.POSITIVE_INFINITY
  }

  /** Farthest first; buckets nearer than these hold siblings alone and need no links of their own. */
  #indices(): number[] {
    const { own, links, settings } = this.ports
    const siblings = links.siblings()
    const farthest = siblings.at(-1)
    const shared = siblings.length < settings.k || !farthest ? 0 : commonPrefixLength(own, farthest)
    return Array.from({ length: shared }, (_, prefix) => idBits - 1 - prefix)
  }

  #unlinked(bucket: number): Contact[] {
    return this.contacts.bucket(bucket).filter(({ id }) => this.dialler.wants(id))
  }
}
