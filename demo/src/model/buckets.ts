/** The k-buckets that hold links, for the chart: 160 there are, a handful is used. Pure. */
import type { LinkInspection } from 'kadrtc'

export interface UsedBucket {
  /** 159 is the far half of the id space. */
  readonly bucket: number
  /** In the order of their ids. */
  readonly links: readonly LinkInspection[]
}

/** Farthest bucket first, as they fill. */
export function usedBuckets(links: readonly LinkInspection[]): UsedBucket[] {
  const byBucket = new Map<number, LinkInspection[]>()
  for (const link of [...links].sort(farthestFirst)) {
    byBucket.set(link.bucket, [...(byBucket.get(link.bucket) ?? []), link])
  }
  return Array.from(byBucket, ([bucket, inBucket]) => ({ bucket, links: inBucket }))
}

/**
 * How far apart two ids (hex) are by XOR, from 0 to just below 1 of the id space. The first 32 bits are finer than any
 * screen.
 */
export function distanceFraction(a: string, b: string): number {
  const high = (id: string) => Number.parseInt(id.slice(0, 8), 16)
  return ((high(a) ^ high(b)) >>> 0) / 2 ** 32
}

/** An order that measurements do not change, so that rows stand still while they are read. */
export function farthestFirst(a: LinkInspection, b: LinkInspection): number {
  return b.bucket - a.bucket || (a.peer < b.peer ? -1 : 1)
}
