/** Which of the records under a key answer a question, by what the shelf knows of them without reading any. Pure. */
import { recordsPerReplyBytesMax, recordsPerReplyMax } from '@kadrtc/wire'
import type { ShelfEntry } from './shelf-entry.js'

export interface FindOptions {
  /** `idKey` of one author's node id. */
  readonly author?: string | undefined
  /** All authors in the order of their ids, not only the newest. */
  readonly all?: boolean
  /** Only authors whose ids come after this one; `idKey`. */
  readonly after?: string | undefined
  /** No more than one reply takes, and one besides if there are more. */
  readonly forReply?: boolean
  /** Content alone, or signed records alone; undefined: both. */
  readonly content?: boolean | undefined
  readonly skipCache?: boolean
}

/** Those that live and are asked for. */
export function matching(
  entries: readonly ShelfEntry[],
  { author, after, content, skipCache }: FindOptions,
  nowMs: number,
): ShelfEntry[] {
  return entries.filter(
    (entry) =>
      entry.expiresAtMs > nowMs &&
      (author === undefined || entry.author === author) &&
      (after === undefined || (entry.author ?? '') > after) &&
      (content === undefined || (entry.author === undefined) === content) &&
      !(skipCache && entry.cached),
  )
}

/** Of those that match: the newest, or all authors'. */
export function chosen(entries: ShelfEntry[], { all, forReply }: FindOptions): ShelfEntry[] {
  if (!all) return newest(entries)
  entries.sort((a, b) => ((a.author ?? '') < (b.author ?? '') ? -1 : 1))
  if (!forReply) return entries
  let bytes = 0
  const beyond = entries.findIndex((entry, index) => {
    bytes += entry.bytes
    return bytes > recordsPerReplyBytesMax || index === recordsPerReplyMax
  })
  return beyond === -1 ? entries : entries.slice(0, beyond + 1)
}

function newest(entries: ShelfEntry[]): ShelfEntry[] {
  if (entries.length < 2) return entries
  return [entries.reduce((best, entry) => (isNewer(entry, best) ? entry : best))]
}

function isNewer(a: ShelfEntry, b: ShelfEntry): boolean {
  return a.seq === b.seq ? a.expiresAtMs > b.expiresAtMs : a.seq > b.seq
}
