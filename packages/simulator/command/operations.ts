/** Puts and gets by nodes of a cluster, timed on the virtual clock, beside the direct round trip to the key's owner. */
import { type Id, isCloser, keyIdOf } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import type { Cluster, LatencyModel, Member, SeededRandom } from '@kadrtc/simulator'
import type { OperationEvent, Outcome } from './events.js'

/** After the node's own deadline, so that only the promises of those that have crashed meet it. */
const giveUpMs = 20_000
const traceMs = 5_000

export interface StoredValue {
  readonly keyId: Id
  /** Index of the member that put it. */
  readonly author: number
}

export class Operations {
  readonly stored: StoredValue[] = []
  readonly #random: SeededRandom
  #numbered = 0

  constructor(
    private readonly cluster: Cluster<KadNode>,
    /** Without jitter, so that asking draws nothing. */
    private readonly direct: LatencyModel,
    private readonly valueBytes: number,
    private readonly onDone: (event: OperationEvent) => void,
  ) {
    this.#random = cluster.random.fork('operations')
  }

  /** A value under a new key, by a random member. Never rejects. */
  async put(): Promise<OperationEvent | undefined> {
    const member = this.#pick()
    if (!member) return undefined
    const keyId = keyIdOf(`value ${this.#numbered++}`)
    const value = this.#random.bytes(this.valueBytes)
    return this.#time('put', member, keyId, async () => {
      await member.node.records.put(keyId, { value, format: 0 })
      this.stored.push({ keyId, author: member.index })
      return true
    })
  }

  /** One of the values, asked for by a random member that did not put it. Never rejects. */
  async get(values: readonly StoredValue[] = this.stored): Promise<OperationEvent | undefined> {
    if (values.length === 0) return undefined
    const { keyId, author } = this.#random.pick(values)
    const member = this.#pick(author)
    if (!member) return undefined
    return this.#time('get', member, keyId, async () => (await member.node.records.get(keyId)) !== undefined)
  }

  async #time(
    kind: 'put' | 'get',
    member: Member<KadNode>,
    keyId: Id,
    act: () => Promise<boolean>,
  ): Promise<OperationEvent> {
    const { clock } = this.cluster
    const atMs = clock.elapsedMs
    const directMs = this.#directMs(member, keyId)
    const acted = act().then(
      (isFound): Outcome => (isFound ? 'ok' : 'missing'),
      (): Outcome => 'failed',
    )
    const outcome = await Promise.race([acted, this.#after(giveUpMs, 'failed' as const)])
    const tookMs = clock.elapsedMs - atMs
    const isGone = outcome !== 'ok' && member.state !== 'up'
    const event: OperationEvent = {
      kind,
      atMs: rounded(atMs),
      tookMs: rounded(tookMs),
      outcome: isGone ? 'interrupted' : outcome,
      directMs: rounded(directMs),
      ...(kind === 'get' && outcome === 'ok' ? await this.#hops(member, keyId) : {}),
    }
    this.onDone(event)
    return event
  }

  async #hops({ node }: Member<KadNode>, keyId: Id): Promise<{ hops?: number }> {
    const traced = node.traceRoute(keyId, { timeoutMs: traceMs }).then(
      ({ hops }) => ({ hops }),
      () => ({}),
    )
    return Promise.race([traced, this.#after(2 * traceMs, {})])
  }

  #after<T>(delayMs: number, value: T): Promise<T> {
    return new Promise((resolve) => this.cluster.clock.setTimer(delayMs, () => resolve(value)))
  }

  #directMs({ node }: Member<KadNode>, keyId: Id): number {
    let owner = node.id
    for (const other of this.cluster.nodes) if (isCloser(keyId, other.id, owner)) owner = other.id
    return owner === node.id ? 0 : this.direct(node.id, owner) + this.direct(owner, node.id)
  }

  /** A member that has joined; undefined in the rare case that a few draws meet none. */
  #pick(except?: number): Member<KadNode> | undefined {
    const { members } = this.cluster
    for (let draws = 0; draws < 100; draws++) {
      const member = this.#random.pick(members)
      if (member.index !== except && member.state === 'up' && member.node.status === 'joined') return member
    }
    return undefined
  }
}

/** To a thousandth, so that what is printed is short. */
export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}
