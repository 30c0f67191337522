/**
 * Brings one record to the k nodes closest to its key, while they are still being found: the first answer of the lookup
 * nearly always names them all, and the others only make sure. Whoever turns out not to be among them has a copy that
 * does no harm.
 *
 * Where this node is not near the key the record goes ahead: one packet takes it toward the key, and the node there
 * passes it on to its neighbours, who all answer. Only who has not answered by the time that takes is asked for itself.
 */
import { compareDistances, idKey, type KadRecord } from '@kadrtc/kademlia'
import type { CancelSignal } from '../cancel-signal.js'
import { KadrtcError } from '../errors.js'
import type { Contact } from '../lookups/contact.js'
import type { LookupPorts } from '../lookups/lookup-ports.js'
import { wayToFar } from '../lookups/ways.js'
import { wayTo } from '../overlay/signal-paths.js'
import type { Timer } from '../ports/clock.js'
import type { Way } from '../rpc/way.js'
import type { RecordShelf } from './record-shelf.js'

export interface PlacementPorts extends LookupPorts {
  readonly shelf: RecordShelf
}

export interface StoreOutcome {
  /** Nodes of the k closest that hold the record now, this one included. */
  readonly stored: number
  /** The k closest that were found: what `stored` could be at most. */
  readonly wanted: number
}

export interface StoreOptions {
  readonly ifSeq?: number | undefined
  readonly signal?: CancelSignal | undefined
  /** Resolve when a majority of the k closest stored it, or when all have answered. Default: majority. */
  readonly until?: 'majority' | 'all'
}

/** What a node that was asked to store the record said; 'failed': nothing. */
interface Verdict {
  readonly status: string
  readonly seq?: number | undefined
}

const failed: Verdict = { status: 'failed' }

/** Anybody with a key may answer what went ahead; many more than could be among the k closest. */
const verdictsMax = 256

export class Placement {
  /** Rejects with NOT_STORED, CONFLICT, CLOSED, or the signal's reason. */
  readonly outcome: Promise<StoreOutcome>
  /** Called once it waits for no time to pass: who is found later is asked at once. */
  onQuiet: () => void = () => undefined
  /** Whoever has been asked or answered, with what came of it; bounded by what one lookup names and `verdictsMax`. */
  readonly #verdicts = new Map<string, Verdict | undefined>()
  readonly #options: StoreOptions
  /** The replicas besides this node, once the lookup has ended. */
  #remote: readonly Contact[] | undefined
  #own: Verdict | undefined
  /** The replicas besides this node, as far as they were known when somebody was heard of last. */
  #aimedAt: readonly Contact[] = []
  /** Runs until those to whom the record went ahead should have answered. */
  #ahead: Timer | undefined
  #settled = false
  #closed = false
  #resolve!: (outcome: StoreOutcome) => void
  #reject!: (reason: unknown) => void
  readonly #abort = () => {
    this.#stop()
    this.#settle(() => this.#reject(this.#options.signal?.reason))
  }

  constructor(
    readonly ports: PlacementPorts,
    readonly record: KadRecord,
    options: StoreOptions,
  ) {
    this.#options = options
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.outcome.catch(() => undefined)
    if (options.signal?.aborted) this.#abort()
    else options.signal?.addEventListener('abort', this.#abort)
  }

  /** Sends the record ahead, unless this node is near the key. */
  goAhead(): void {
    const { own, links, settings, rpc, clock } = this.ports
    const way = this.#settled ? undefined : wayToFar(own, this.record.keyId, links, settings)
    if (!way) return
    rpc.gather(way, { ...this.#store(), spread: true }, ({ reply, responder }) => {
      const key = idKey(responder)
      if (this.#verdicts.size >= verdictsMax && !this.#verdicts.has(key)) return
      this.#verdicts.set(key, reply)
      this.#consider()
    })
    // The answers of those it is passed on to come one link farther than a relayed answer does.
    const { direct, relayed } = rpc.roundTrips
    this.#ahead = clock.setTimer(relayed.hedgeAfterMs + direct.hedgeAfterMs, () => {
      this.#ahead = undefined
      for (const contact of [...(this.#remote ?? []), ...this.#aimedAt]) this.#ask(contact)
      if (this.#remote) this.onQuiet()
    })
  }

  /**
   * The closest contacts as far as they are known now, nearest first: they are asked to store the record. Who is found after
   * the lookup has ended, or a majority has stored it, is to have it too, and does not change what it comes to.
   */
  aim(contacts: readonly Contact[]): void {
    if (this.#closed) return
    this.#aimedAt = this.#remoteOf(contacts).remote
    if (!this.#ahead) for (const contact of this.#aimedAt) this.#ask(contact)
  }

  /** The lookup has ended: these are the closest. */
  finish(contacts: readonly Contact[]): void {
    if (this.#closed) return
    const { remote, ownIsReplica } = this.#remoteOf(contacts)
    this.#remote = remote
    if (ownIsReplica) this.#own = this.ports.shelf.offer(this.record, { ifSeq: this.#options.ifSeq })
    if (!this.#ahead) {
      for (const contact of remote) this.#ask(contact)
      this.onQuiet()
    }
    this.#consider()
  }

  /** Asks nobody any more. An outcome that is not known yet is CLOSED: whoever was asked may have stored the record. */
  close(): void {
    this.#stop()
    this.#settle(() => this.#reject(new KadrtcError('CLOSED', 'the node')))
  }

  #stop(): void {
    this.#closed = true
    this.#ahead?.cancel()
    this.#ahead = undefined
    this.#remote ??= []
    this.onQuiet()
  }

  #remoteOf(contacts: readonly Contact[]): { remote: readonly Contact[]; ownIsReplica: boolean } {
    const { own, settings } = this.ports
    const closer = contacts.filter(({ id }) => compareDistances(this.record.keyId, id, own) < 0).length
    const ownIsReplica = closer < settings.k
    return { remote: contacts.slice(0, ownIsReplica ? settings.k - 1 : settings.k), ownIsReplica }
  }

  #ask({ id, route }: Contact): void {
    const key = idKey(id)
    if (this.#verdicts.has(key)) return
    this.#verdicts.set(key, undefined)
    this.#askBy({ kind: 'route', route })
      .catch((error) => {
        // A link on the way has closed since: the packet finds another way by itself.
        const isBroken = error instanceof KadrtcError && error.code === 'UNREACHABLE'
        const way = isBroken && !this.#closed ? wayTo(this.ports.own, this.ports.links, id) : undefined
        if (!way) throw error
        return this.#askBy(way)
      })
      .then(
        ({ reply }) => this.#verdicts.set(key, reply),
        () => {
          // It may have answered the copy that went ahead.
          if (this.#verdicts.get(key) === undefined) this.#verdicts.set(key, failed)
        },
      )
      .finally(() => this.#consider())
  }

  #askBy(way: Way) {
    return this.ports.rpc.request(way, this.#store())
  }

  #store() {
    const { ifSeq } = this.#options
    const condition = ifSeq === undefined ? {} : { ifSeq }
    return { type: 'store', record: this.record, cached: false, ...condition } as const
  }

  #consider(): void {
    if (this.#settled || !this.#remote) return
    const asked = this.#remote.map(({ id }) => this.#verdicts.get(idKey(id)))
    const wanted = this.#remote.length + (this.#own ? 1 : 0)
    const verdicts = [...asked, this.#own].filter((verdict) => verdict !== undefined)
    const stored = verdicts.filter(({ status }) => this.#isHeld(status)).length
    const enough = this.#options.until === 'all' ? wanted : Math.floor(wanted / 2) + 1
    if (stored >= enough) this.#settle(() => this.#resolve({ stored, wanted }))
    else if (verdicts.length === wanted) this.#settle(() => this.#end(verdicts, stored, wanted))
  }

  /** Content for which this is stale is the same content, and stays longer. */
  #isHeld(status: string): boolean {
    return status === 'stored' || status === 'same' || (status === 'stale' && this.record.kind === 'content')
  }

  /** All have answered, and too few have stored it. */
  #end(verdicts: readonly Verdict[], stored: number, wanted: number): void {
    const conflicts = verdicts.filter(({ status }) => status === 'conflict' || status === 'stale')
    const refused = verdicts.findLast(({ status }) => status !== 'failed')?.status
    if (conflicts.length > 0 && conflicts.length >= stored) {
      const seq = Math.max(0, ...conflicts.map((conflict) => conflict.seq ?? 0))
      this.#stop()
      this.#reject(new KadrtcError('CONFLICT', `the sequence number there is ${seq}`))
    } else if (stored === 0) this.#reject(new KadrtcError('NOT_STORED', refused))
    else this.#resolve({ stored, wanted })
  }

  #settle(end: () => void): void {
    if (this.#settled) return
    this.#settled = true
    this.#options.signal?.removeEventListener('abort', this.#abort)
    end()
  }
}
