/**
 * What a full shelf gives up for a newcomer (DESIGN: records): copies kept on the way first, then what is farthest from
 * this node's id. All or nothing, and pure: a record that finds no room must cost none of those that are held.
 */
import { compareDistances, equalIds, type Id } from '@kadrtc/kademlia'
import type { Settings } from '../settings.js'
import type { ShelfEntry } from './shelf-entry.js'

/** What the shelf holds now. */
export interface Holdings {
  readonly entries: readonly ShelfEntry[]
  readonly bytes: number
  readonly cached: number
  readonly underKey: number
  readonly byAuthor: number
}

/** The share of `recordsMax` that copies kept on the way may take. */
const cachedShare = 0.1

/** Whom `next` displaces, in the place of `held` if there is one; undefined: there is no room for it. */
export function displacedBy(
  next: ShelfEntry,
  held: ShelfEntry | undefined,
  holdings: Holdings,
  own: Id,
  settings: Settings,
): ReadonlySet<ShelfEntry> | undefined {
  const { recordsMax, recordBytesMax, recordsPerKeyMax, recordsPerAuthorMax } = settings
  const displaced = new Set<ShelfEntry>()
  const displace = (eligible: (entry: ShelfEntry) => boolean): boolean => {
    let worst: ShelfEntry | undefined
    for (const entry of holdings.entries) {
      if (entry === held || displaced.has(entry) || !eligible(entry)) continue
      if (!worst || goesBefore(own, entry, worst)) worst = entry
    }
    if (!worst || !goesBefore(own, worst, next)) return false
    displaced.add(worst)
    return true
  }
  const fits = (used: number, max: number, eligible: (entry: ShelfEntry) => boolean): boolean => {
    const left = () => used - [...displaced].filter(eligible).length
    while (left() + 1 > max) if (!displace(eligible)) return false
    return true
  }
  const isSameKey = ({ keyId }: ShelfEntry) => equalIds(keyId, next.keyId)
  const isSameAuthor = ({ author }: ShelfEntry) => author === next.author
  if (!held && !fits(holdings.underKey, recordsPerKeyMax, isSameKey)) return undefined
  if (!held && next.author && !fits(holdings.byAuthor, recordsPerAuthorMax, isSameAuthor)) return undefined
  const cachedMax = Math.ceil(recordsMax * cachedShare)
  if (!held && next.cached && !fits(holdings.cached, cachedMax, ({ cached }) => cached)) return undefined
  if (!held && !fits(holdings.entries.length, recordsMax, () => true)) return undefined
  const bytes = () => [...displaced].reduce((sum, entry) => sum - entry.bytes, holdings.bytes)
  while (bytes() - (held?.bytes ?? 0) + next.bytes > recordBytesMax)
    if (!displace(() => true)) return undefined
  return displaced
}

function goesBefore(own: Id, a: ShelfEntry, b: ShelfEntry): boolean {
  if (a.cached !== b.cached) return a.cached
  return compareDistances(own, a.keyId, b.keyId) > 0
}
