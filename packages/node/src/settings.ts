/**
 * Every number the node goes by, each with its source. Apps change them through `settings`; one validation
 * for all stands at the end.
 */
import { KadrtcError } from './errors.js'

export interface Settings {
  /** Replicas of a record, siblings of a node, contacts in a reply. Kademlia paper, section 2.2. */
  readonly k: number
  /** Requests of one lookup under way at once. Kademlia paper, section 2.3. */
  readonly alpha: number
  /** Disjoint paths of a careful lookup. S/Kademlia, section 4.4, gains most up to 4; 2 is a guess for small networks. */
  readonly paths: number
  /** Replicas whose answers a get of a signed record compares. A majority of any three holds one repair out. */
  readonly readReplicas: number
  /** Open links, more than k. Chrome keeps 500 connections; 64 cost under 30 MB and route 10,000 nodes in 2 hops (a guess). */
  readonly linksMax: number
  /**
   * Links per k-bucket beyond the siblings; those that others want here come on top. With more than one, both halves of a bucket are linked,
   * and the farthest buckets have more links (`overlay/bucket-links.ts`).
   */
  readonly linksPerBucket: number
  /**
   * Nodes of each k-bucket that are kept in mind, linked or only heard of, replacements included. The more there are, the faster are
   * the links chosen: with 6 the gets of 1,000 nodes took a twelfth longer. 40 is a full bucket and as many replacements; there are never more
   * than k and 20.
   */
  readonly contactsPerBucket: number
  /** Dials under way at once: all siblings of a node that joins, since a dial is mostly waiting. 20 took 15 round trips, 6 took 38. */
  readonly dialsMax: number
  /** A link nobody needs is kept this long, since needs change while neighbours come and go. A guess. */
  readonly idleLinkMs: number
  /** A link to a newcomer serves it this long, in ms. Joining takes seconds. */
  readonly greetingMs: number
  /** Requests under way over one link, in each direction, and proofs of replies from there that are being checked. */
  readonly pendingPerLinkMax: number
  /** Packets relayed per second for one link, and how many may come at once. */
  readonly relayedPerSecond: number
  readonly relayedBurst: number
  /** Signals relayed per second for one link; a newcomer dials k siblings at once, three signals each. */
  readonly signalsPerSecond: number
  readonly signalsBurst: number
  /** A request not answered by then has failed. */
  readonly requestTimeoutMs: number
  /** A whole verb, unless the caller says otherwise. */
  readonly operationTimeoutMs: number
  /** How long joining may take before it is given up. */
  readonly joinTimeoutMs: number
  /** Records held, and their bytes. */
  readonly recordsMax: number
  readonly recordBytesMax: number
  /** Records under one key: one slot per author. */
  readonly recordsPerKeyMax: number
  /** Records of one author. */
  readonly recordsPerAuthorMax: number
  /** Values kept in memory, so that a get waits for no disk. */
  readonly valueCacheBytesMax: number
  /** Own records kept for republishing. */
  readonly publishedMax: number
  /** Step by which lower-ranked holders wait before they stand in for the closest one. */
  readonly handoverStepMs: number
  /** Comparison with a few neighbours while some come and go; when nobody does, up to as rarely as `digestIntervalMs`. */
  readonly compareIntervalMs: number
  /** Digest exchange with the siblings: the paper's hourly republish (section 2.5), as the backstop. */
  readonly digestIntervalMs: number
  /** Refresh of siblings and of buckets with too few links. */
  readonly refreshIntervalMs: number
  /** How often, at first, somebody is looked for who may be faster than the links there are (`overlay/link-trials.ts`). A guess. */
  readonly trialIntervalMs: number
  /** How often, at a mean, a node comes back to its introducers, so that islands find each other. */
  readonly reintroductionMs: number
  /** App channels over one link. */
  readonly channelsPerLinkMax: number
}

export const defaultSettings: Settings = {
  k: 20,
  alpha: 3,
  paths: 2,
  readReplicas: 3,
  linksMax: 64,
  linksPerBucket: 2,
  contactsPerBucket: 40,
  dialsMax: 24,
  idleLinkMs: 60_000,
  greetingMs: 30_000,
  pendingPerLinkMax: 256,
  relayedPerSecond: 200,
  relayedBurst: 400,
  signalsPerSecond: 10,
  signalsBurst: 120,
  requestTimeoutMs: 4_000,
  operationTimeoutMs: 15_000,
  joinTimeoutMs: 10_000,
  recordsMax: 10_000,
  recordBytesMax: 64 * 2 ** 20,
  recordsPerKeyMax: 256,
  recordsPerAuthorMax: 5_000,
  valueCacheBytesMax: 16 * 2 ** 20,
  publishedMax: 10_000,
  handoverStepMs: 1_500,
  compareIntervalMs: 300_000,
  digestIntervalMs: 3_600_000,
  refreshIntervalMs: 60_000,
  trialIntervalMs: 20_000,
  reintroductionMs: 600_000,
  channelsPerLinkMax: 16,
}

/** The defaults with the app's changes; throws INVALID_ARGUMENT for an unknown name, what is no whole number of at least 1, or what does not go together. */
export function settle(changes: Partial<Settings> = {}): Settings {
  for (const [name, value] of Object.entries(changes)) {
    if (!Object.hasOwn(defaultSettings, name))
      throw new KadrtcError('INVALID_ARGUMENT', `no setting is called ${name}`)
    if (value === undefined) continue
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new KadrtcError('INVALID_ARGUMENT', `${name} must be a whole number of at least 1`)
    }
  }
  const given = Object.entries(changes).filter(([, value]) => value !== undefined)
  const settings: Settings = { ...defaultSettings, ...Object.fromEntries(given) }
  if (settings.k > 20) throw new KadrtcError('INVALID_ARGUMENT', 'k is at most 20: a reply holds 20 contacts')
  if (settings.linksMax <= settings.k)
    throw new KadrtcError(
      'INVALID_ARGUMENT',
      'linksMax is more than k: k links are to the siblings, and newcomers need one',
    )
  if (settings.paths > 16) throw new KadrtcError('INVALID_ARGUMENT', 'paths is at most 16')
  return settings
}
