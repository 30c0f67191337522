/** Puts and gets by nodes of a cluster, timed on the virtual clock, beside the direct round trip to the key's owner. */
import { type Id, isCloser, keyIdOf } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import type { Cluster, LatencyModel, Member, SeededRandom } from '@kadrtc/simulator'
import type { Checks } from './checks.js'
import type { OperationEvent, Outcome } from './events.js'
import { Ideal, type IdealMs } from './ideal.js'

/** After the node's own deadline, so that only the promises of those that have crashed or stand still meet it. */
const giveUpMs = 20_000
const traceMs = 5_000

export interface StoredValue {
  readonly keyId: Id
  /** Index of the member that put it. */
  readonly author: number
}

export interface OperationsOptions {
  readonly checks: Checks
  /** Without jitter, so that asking draws nothing. */
  readonly direct: LatencyModel
  readonly valueBytes: number
  readonly onDone: (event: OperationEvent) => void
}

export class Operations {
  readonly stored: StoredValue[] = []
  readonly #cluster: Cluster<KadNode>
  readonly #options: OperationsOptions
  readonly #random: SeededRandom
  readonly #ideal: Ideal
  /** How often each member's tab has frozen; bounded by the members. */
  readonly #freezes = new Map<number, number>()
  #numbered = 0

  constructor(cluster: Cluster<KadNode>, options: OperationsOptions) {
    this.#cluster = cluster
    this.#options = options
    this.#random = cluster.random.fork('operations')
    this.#ideal = new Ideal(cluster, options.direct)
  }

  /** What the member has under way is interrupted. */
  onFreeze({ index }: Member<KadNode>): void {
    this.#freezes.set(index, this.#freezesOf(index) + 1)
  }

  /** A value under a new key, by a random member. Never rejects. */
  async put(): Promise<OperationEvent | undefined> {
    const member = this.#pick()
    if (!member) return undefined
    const keyId = keyIdOf(`value ${this.#numbered++}`)
    const value = this.#random.bytes(this.#options.valueBytes)
    return this.#time('put', member, keyId, async () => {
      const { stored, wanted } = await member.node.records.put(keyId, { value, format: 0 })
      this.stored.push({ keyId, author: member.index })
      return 2 * stored > wanted
    })
  }

  /** One of the values, asked for by a random member that did not put it, beside the ideal or not. Never rejects. */
  async get(
    values: readonly StoredValue[] = this.stored,
    hasIdeal = false,
  ): Promise<OperationEvent | undefined> {
    if (values.length === 0) return undefined
    const { keyId, author } = this.#random.pick(values)
    const member = this.#pick(author)
    if (!member) return undefined
    const ideal = hasIdeal ? this.#ideal.of(member.node, keyId) : undefined
    const act = async () => {
      const record = await member.node.records.get(keyId)
      if (record) this.#options.checks.read(member, record)
      return record !== undefined
    }
    return this.#time('get', member, keyId, act, ideal)
  }

  async #time(
    kind: 'put' | 'get',
    member: Member<KadNode>,
    keyId: Id,
    act: () => Promise<boolean>,
    ideal?: IdealMs,
  ): Promise<OperationEvent> {
    const { clock } = this.#cluster
    const { checks, onDone } = this.#options
    const what = `A ${kind} by node ${member.index}`
    const atMs = clock.elapsedMs
    const directMs = this.#directMs(member, keyId)
    const freezes = this.#freezesOf(member.index)
    const acted = act().then(
      (isDone): Outcome => (isDone ? 'ok' : 'missing'),
      (error: unknown): Outcome => {
        checks.failed(what, error)
        return 'failed'
      },
    )
    const ended = await Promise.race([acted, this.#after(giveUpMs, undefined)])
    const tookMs = clock.elapsedMs - atMs
    const isInterrupted = member.state !== 'up' || this.#freezesOf(member.index) > freezes
    if (!ended && !isInterrupted) checks.violate(`${what} did not end within ${giveUpMs / 1_000} s`)
    const outcome = isInterrupted ? 'interrupted' : (ended ?? 'failed')
    const event: OperationEvent = {
      kind,
      atMs: rounded(atMs),
      tookMs: rounded(tookMs),
      outcome,
      directMs: rounded(directMs),
      ...(ideal ? { greedyMs: rounded(ideal.greedyMs), dialingMs: rounded(ideal.dialingMs) } : {}),
      ...(kind === 'get' && outcome === 'ok' ? await this.#hops(member, keyId) : {}),
    }
    onDone(event)
    return event
  }

  async #hops({ node, index }: Member<KadNode>, keyId: Id): Promise<{ hops?: number }> {
    const traced = node.traceRoute(keyId, { timeoutMs: traceMs }).then(
      ({ hops }) => ({ hops }),
      (error: unknown) => {
        this.#options.checks.failed(`A trace by node ${index}`, error)
        return {}
      },
    )
    return Promise.race([traced, this.#after(2 * traceMs, {})])
  }

  #freezesOf(index: number): number {
    return this.#freezes.get(index) ?? 0
  }

  #after<T>(delayMs: number, value: T): Promise<T> {
    return new Promise((resolve) => this.#cluster.clock.setTimer(delayMs, () => resolve(value)))
  }

  #directMs({ node }: Member<KadNode>, keyId: Id): number {
    let owner = node.id
    for (const other of this.#cluster.nodes) if (isCloser(keyId, other.id, owner)) owner = other.id
    return owner === node.id ? 0 : this.#options.direct(node.id, owner) + this.#options.direct(owner, node.id)
  }

  /** A member that has joined and tells no lies; undefined in the rare case that a few draws meet none. */
  #pick(except?: number): Member<KadNode> | undefined {
    const { members } = this.#cluster
    for (let draws = 0; draws < 100; draws++) {
      const member = this.#random.pick(members)
      if (member.index === except || member.conditions.lying) continue
      if (member.state === 'up' && member.node.status === 'joined') return member
    }
    return undefined
  }
}

/** To a thousandth, so that what is printed is short. */
export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}
