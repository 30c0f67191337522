/** put, get, getAll, delete, add and fetch: what apps do with records. */
import {
  compareRecords,
  contentIdOf,
  type Id,
  idKey,
  idToHex,
  type KadRecord,
  keyIdOfContent,
  nextSeq,
  recordLimits,
  type SignedRecord,
  signedSlot,
  slotOf,
} from '@kadrtc/kademlia'
import type { CancelSignal } from '../cancel-signal.js'
import { type OperationOptions, withDeadline } from '../deadline.js'
import { KadrtcError } from '../errors.js'
import type { LookupPorts } from '../lookups/lookup-ports.js'
import { PatientReads, type PatientReadsPorts } from '../lookups/patient-reads.js'
import { readRecords } from '../lookups/read.js'
import { type Random, randomFraction } from '../ports/random.js'
import { mayBeReplica } from '../replication/replica-rank.js'
import { copyLifeMsMost, type Demand } from './demand.js'
import type { StoreOutcome } from './placement.js'
import type { RecordProofs } from './proofs.js'
import type { Publisher } from './publisher.js'
import type { RecordShelf } from './record-shelf.js'
import { RememberedRecords } from './remembered.js'

/** Gets that leave a copy on the way: a key that many ask for is cached soon, one that few ask for seldom costs a packet. */
const cachedShare = 1 / 4

export interface RecordVerbsPorts extends LookupPorts, PatientReadsPorts {
  readonly random: Random
  readonly shelf: RecordShelf
  readonly proofs: RecordProofs
  readonly demand: Demand
  readonly publisher: Publisher
}

export interface PutOptions extends OperationOptions {
  /** Compare-and-swap: store only if this is the sequence number held; 0: only if there is none. Else CONFLICT. */
  readonly ifSeq?: number | undefined
  /**
   * How long it lives unless it is republished; 24 h by default, 7 days at most, which is what a deletion lives. It lives no
   * shorter than what it replaces, as far as that is known: what is replaced would come back.
   */
  readonly lifeMs?: number | undefined
  /** Resolve on a majority of replicas (default), or when all have answered. */
  readonly until?: 'majority' | 'all'
}

export interface GetOptions extends OperationOptions {
  /** Node id of the only author asked for. */
  readonly author?: Id | undefined
  /** The first valid record, instead of the newest of three replicas. */
  readonly first?: boolean | undefined
}

export interface PutOutcome extends StoreOutcome {
  readonly seq: number
}

/** What a read is after: signed records, or the content under a key id. */
interface Search {
  readonly author?: Id | undefined
  readonly all: boolean
  readonly content?: boolean
  readonly holdersWanted: number
}

export class RecordVerbs {
  readonly #remembered = new RememberedRecords()
  readonly #patientReads: PatientReads
  #lastSeq: number | undefined

  constructor(readonly ports: RecordVerbsPorts) {
    this.#patientReads = new PatientReads(ports)
  }

  /** Records that this node has read or written and keeps in mind, so that no get of it gives an older one. */
  get remembered(): number {
    return this.#remembered.size
  }

  /** Rejects with VALUE_TOO_LARGE, NOT_STORED, CONFLICT, BUSY, TIMEOUT, CLOSED, or the signal's reason. */
  put(
    keyId: Id,
    content: { value: Uint8Array; format: number },
    options: PutOptions = {},
  ): Promise<PutOutcome> {
    return this.#write(keyId, { ...content, deleted: false }, options)
  }

  /** Stores a signed tombstone over the own record. */
  delete(keyId: Id, options: PutOptions = {}): Promise<PutOutcome> {
    return this.#write(keyId, { value: new Uint8Array(0), format: 0, deleted: true }, options)
  }

  /**
   * The newest record under a key, or undefined. Never older than one this node has already read or written. Each read
   * rejects with TIMEOUT, the signal's reason, or, if it found nothing since it could not ask, UNREACHABLE, BUSY or CLOSED.
   */
  async get(keyId: Id, options: GetOptions = {}): Promise<SignedRecord | undefined> {
    const records = await this.#read(keyId, options, false)
    const newest = records.sort((a, b) => b.seq - a.seq)[0]
    return newest && !newest.deleted ? newest : undefined
  }

  /** The newest record of each author under a key, newest first: all that a holder has. */
  async getAll(keyId: Id, options: OperationOptions = {}): Promise<SignedRecord[]> {
    const records = await this.#read(keyId, options, true)
    return records.filter(({ deleted }) => !deleted).sort((a, b) => b.seq - a.seq)
  }

  /** Stores content under its hash. */
  async add(value: Uint8Array, options: PutOptions = {}): Promise<StoreOutcome & { contentId: Uint8Array }> {
    const { clock, settings, publisher } = this.ports
    checkSize(value)
    const contentId = contentIdOf(value)
    const expiresAtMs = clock.wallMs() + lifeMsOf(recordLimits.lifeMsDefault, options)
    const record = {
      kind: 'content',
      keyId: keyIdOfContent(contentId),
      value: value.slice(),
      expiresAtMs,
    } as const
    const outcome = await withDeadline(clock, options, settings.operationTimeoutMs, (signal) =>
      publisher.publish(record.keyId, record, { signal, ...(options.until ? { until: options.until } : {}) }),
    )
    return { ...outcome, contentId }
  }

  /** The content with this hash, or undefined. What proves it is SHA-256, so the first copy wins. */
  async fetch(contentId: Uint8Array, options: OperationOptions = {}): Promise<Uint8Array | undefined> {
    const keyId = keyIdOfContent(contentId)
    const [record] = await this.#find(keyId, options, { content: true, all: false, holdersWanted: 1 })
    return record?.value
  }

  /** Reads that wait to ask again end with CLOSED. */
  close(): void {
    this.#patientReads.close()
  }

  async #write(
    keyId: Id,
    content: { value: Uint8Array; format: number; deleted: boolean },
    options: PutOptions,
  ): Promise<PutOutcome> {
    const { clock, settings, proofs, publisher } = this.ports
    const { ifSeq, until } = options
    checkSize(content.value)
    if (ifSeq !== undefined && !(Number.isSafeInteger(ifSeq) && ifSeq >= 0)) {
      throw new KadrtcError('INVALID_ARGUMENT', 'ifSeq is a sequence number, 0 or more')
    }
    const { lifeMsDefault, lifeMsMax } = recordLimits
    const lifeMs = lifeMsOf(content.deleted ? lifeMsMax : lifeMsDefault, options)
    return withDeadline(clock, options, settings.operationTimeoutMs, async (signal) => {
      const seq = nextSeq(clock.wallMs(), this.#latestSeq())
      this.#lastSeq = seq
      const value = content.value.slice()
      const expiresAtMs = Math.max(clock.wallMs() + lifeMs, this.#replacedUntilMs(keyId))
      const record = proofs.sign({ ...content, value, keyId, seq, expiresAtMs })
      const outcome = await publisher.publish(keyId, record, { ifSeq, signal, ...(until ? { until } : {}) })
      this.#remembered.note(await record)
      return { ...outcome, seq }
    })
  }

  /** How long the own records under a key may live that this node knows of. */
  #replacedUntilMs(keyId: Id): number {
    const { own, publisher } = this.ports
    const known = this.#remembered.under(keyId).filter((record) => isBy(record, own))
    const published = publisher.published(signedSlot(keyId, own))
    return Math.max(0, ...[...known, ...(published ? [published] : [])].map((record) => record.expiresAtMs))
  }

  /** Sequence numbers are monotonic per author, over restarts too. */
  #latestSeq(): number | undefined {
    const kept = this.ports.publisher.highestSeq
    if (kept === undefined) return this.#lastSeq
    return Math.max(kept, this.#lastSeq ?? 0)
  }

  async #read(keyId: Id, options: GetOptions, all: boolean): Promise<SignedRecord[]> {
    const { settings, clock } = this.ports
    const holdersWanted = options.first ? 1 : settings.readReplicas
    const { author } = options
    const found = await this.#find(keyId, options, { author, all, holdersWanted })
    const nowMs = clock.wallMs()
    const remembered = this.#remembered.under(keyId).filter((record) => isBy(record, author))
    const newest = newestPerSlot(found.length > 0 ? [...found, ...remembered] : found).filter(
      ({ expiresAtMs }) => expiresAtMs > nowMs,
    )
    for (const record of newest) this.#remembered.note(record)
    return newest.filter((record) => record.kind === 'signed')
  }

  #find(keyId: Id, options: OperationOptions, search: Search): Promise<readonly KadRecord[]> {
    const { clock, settings } = this.ports
    return withDeadline(clock, options, settings.operationTimeoutMs, (signal) =>
      this.#lookUp(keyId, search, signal),
    )
  }

  async #lookUp(keyId: Id, search: Search, signal: CancelSignal): Promise<readonly KadRecord[]> {
    const { own, links, settings, shelf, proofs, rpc, random, demand, clock } = this.ports
    const { author, all, content = false, holdersWanted } = search
    // Of all authors' records a copy is only one.
    const filter = { author: author && idKey(author), all, content, skipCache: all }
    const local = shelf.findInMemory(keyId, filter) ?? (await shelf.find(keyId, filter))
    const wanted = { ...(author ? { author } : {}), ...(content ? { content } : {}) }
    const question = { type: 'find-value', keyId, all, ...wanted } as const
    // The wanted three answers, if one who is asked has no copy.
    const copiesAsked = !all && demand.hasCopies(keyId) ? settings.alpha + 1 : 0
    const hasCopy = local.some((record) => shelf.entry(slotOf(record))?.cached)
    const pauseMs = rpc.roundTrips.relayed.hedgeAfterMs
    const read = () =>
      readRecords(this.ports, proofs, {
        question,
        local,
        vouched: (hasCopy && copiesAsked > 0) || mayBeReplica(own, keyId, links, settings.k),
        holdersWanted,
        copyHolders: demand.inTurn(links.lively(), copiesAsked),
        signal,
      })
    const { records, copyMs, onlyCopies, lacking } = await this.#patientReads.untilSure(read, {
      pauseMs,
      signal,
    })
    const [record] = records
    if (!record || records.length > 1 || all) return records
    demand.onAnswered(keyId, copyMs, onlyCopies)
    if (copyMs !== undefined && demand.hasCopies(keyId)) {
      // A replica, or a former one, is renewed by the other holders only.
      if (shelf.entry(slotOf(record))?.cached === false) return records
      shelf.offer(record, { cachedUntilMs: clock.wallMs() + Math.min(copyMs, copyLifeMsMost) })
    } else if (record.kind === 'signed') {
      // Of a signed record only holders give copies: it may be an old version, for all that who gets it can tell.
      return records
    } else if (copyMs === undefined && !hasCopy && lacking && randomFraction(random) < cachedShare) {
      // Never of what may be a copy itself: it would go on for ever.
      const store = { type: 'store', record, cached: true } as const
      rpc.request({ kind: 'route', route: lacking.route }, store).catch(() => undefined)
    }
    return records
  }
}

function newestPerSlot(records: readonly KadRecord[]): KadRecord[] {
  const newest = new Map<string, KadRecord>()
  for (const record of records) {
    const slot = slotOf(record)
    const known = newest.get(slot)
    if (!known || compareRecords(record, known) > 0) newest.set(slot, record)
  }
  return [...newest.values()]
}

function isBy(record: KadRecord, author: Id | undefined): boolean {
  return author === undefined || slotOf(record).endsWith(idToHex(author))
}

function checkSize(value: Uint8Array): void {
  if (value.length > recordLimits.valueBytesMax)
    throw new KadrtcError('VALUE_TOO_LARGE', `${value.length} bytes`)
}

function lifeMsOf(defaultMs: number, { lifeMs = defaultMs }: PutOptions): number {
  if (typeof lifeMs === 'number' && lifeMs >= 1_000 && lifeMs <= recordLimits.lifeMsMax)
    return Math.floor(lifeMs)
  throw new KadrtcError('INVALID_ARGUMENT', 'lifeMs is 1,000 to 604,800,000')
}
