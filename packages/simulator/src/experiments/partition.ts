/**
 * A network falls into two halves that hear nothing of each other, both go on writing, and the cut heals: how soon it is
 * one network again. The introduction server is reachable from both halves all the time.
 *
 *     const { recall, sequenceRegressions } = await partition({ seed: 7, nodes: 1_000 })
 */
import { type Id, idKey, idToHex, keyIdOf } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import { SequenceWatcher } from '../invariants.js'
import type { SeededRandom } from '../seeded-random.js'
import { type GrowOptions, growSwarm, type Swarm } from './grow.js'
import { spread } from './hot-key.js'
import { inBatches, timed } from './measure.js'
import { closestNodes, heldKeys } from './routing.js'

export interface PartitionOptions {
  /** How long nothing gets from one half to the other. Default: ten minutes. */
  readonly cutMs?: number
  /** When it is measured, after the cut has healed. Default: a minute. */
  readonly healMs?: number
  /** Values put before the cut, of which each author puts a new version during it; as many new ones are put in each half. */
  readonly values?: number
  /** New values put once it is measured, to see whom lookups reach. */
  readonly probes?: number
  readonly valueBytes?: number
}

export interface PartitionResult {
  /** Of the true k closest living nodes to new keys, how many of 1 a put reaches once it is measured. */
  readonly recall: number
  /** The same before the cut. */
  readonly recallBefore: number
  /** Gets of what the other half wrote, and those that found it. */
  readonly otherHalfGets: number
  readonly otherHalfFound: number
  /** Gets of values of which the other half wrote a new version, and those that gave the new one. */
  readonly updatedGets: number
  readonly updatedFound: number
  /** Times that a reader was given an older sequence number than it had seen before. */
  readonly sequenceRegressions: number
  /** Reads that this was watched in. */
  readonly sequenceReads: number
  /** Links between the halves: at the end of the cut, and when it is measured. */
  readonly crossLinksWhileCut: number
  readonly crossLinks: number
  /** Puts that failed while the network was cut. */
  readonly putsFailedWhileCut: number
}

interface Written {
  readonly key: Id
  readonly author: KadNode
  seq: number
}

export async function partition(options: GrowOptions & PartitionOptions): Promise<PartitionResult> {
  return new Partition(await growSwarm(options), options).run()
}

export function measurePartition(swarm: Swarm, options: PartitionOptions = {}): Promise<PartitionResult> {
  return new Partition(swarm, options).run()
}

class Partition {
  readonly #options: Required<PartitionOptions>
  readonly #random: SeededRandom
  readonly #halves: readonly [readonly KadNode[], readonly KadNode[]]
  readonly #left: ReadonlySet<string>
  readonly #watcher = new SequenceWatcher()
  #reads = 0
  #regressions = 0
  #putsFailed = 0

  constructor(
    readonly swarm: Swarm,
    options: PartitionOptions,
  ) {
    const { cutMs = 600_000, healMs = 60_000, values = 500, probes = 500, valueBytes = 256 } = options
    this.#options = { cutMs, healMs, values, probes, valueBytes }
    this.#random = swarm.random.fork('partition')
    const shuffled = this.#random.sample(swarm.nodes, swarm.nodes.length)
    const middle = Math.floor(shuffled.length / 2)
    this.#halves = [shuffled.slice(0, middle), shuffled.slice(middle)]
    this.#left = new Set(this.#halves[0].map(({ id }) => idKey(id)))
  }

  async run(): Promise<PartitionResult> {
    const { swarm } = this
    const { cutMs, healMs, values } = this.#options
    const old = await this.#putAll('old', values, swarm.nodes)
    const recallBefore = await this.#recall('before')
    const readers = old.map(() => this.#halves.map((half) => this.#random.pick(half)))
    await this.#readAll(old, readers)

    swarm.network.cut((from, to) => this.#isLeft(from) !== this.#isLeft(to))
    await swarm.clock.advance(cutMs / 2)
    const fresh = [
      await this.#putAll('left', values, this.#halves[0]),
      await this.#putAll('right', values, this.#halves[1]),
    ] as const
    await this.#updateAll(old)
    await swarm.clock.advance(10_000)
    await this.#readAll(old, readers)
    await swarm.clock.advance(Math.max(0, cutMs / 2 - 60_000))
    const crossLinksWhileCut = this.#crossLinks()

    swarm.network.heal()
    const healedMs = swarm.clock.elapsedMs
    await swarm.clock.advance(Math.min(5_000, healMs))
    await this.#readAll(old, readers)
    await swarm.clock.advance(Math.max(0, healedMs + healMs - swarm.clock.elapsedMs))

    const crossLinks = this.#crossLinks()
    const otherHalf = await this.#readOtherHalf(fresh)
    const updated = await this.#readAll(old, readers)
    const recall = await this.#recall('after')
    return {
      recall,
      recallBefore,
      otherHalfGets: otherHalf.length,
      otherHalfFound: otherHalf.filter((seq) => seq !== undefined).length,
      updatedGets: updated.length,
      updatedFound: updated.filter((isNewest) => isNewest).length,
      sequenceRegressions: this.#regressions,
      sequenceReads: this.#reads,
      crossLinksWhileCut,
      crossLinks,
      putsFailedWhileCut: this.#putsFailed,
    }
  }

  #isLeft(id: Id): boolean {
    return this.#left.has(idKey(id))
  }

  /** Puts under new keys. Those that failed are left out. */
  async #putAll(label: string, count: number, authors: readonly KadNode[]): Promise<Written[]> {
    const written = Array.from({ length: count }, (_, index): Written => {
      const key = keyIdOf(`${this.swarm.seed} ${label} ${index}`)
      return { key, author: this.#random.pick(authors), seq: 0 }
    })
    await this.#updateAll(written)
    return written.filter(({ seq }) => seq > 0)
  }

  /** Each author puts a new version. */
  async #updateAll(written: readonly Written[]): Promise<void> {
    const content = { value: new Uint8Array(this.#options.valueBytes), format: 0 }
    const puts = written.map((one) => async () => {
      const { value: outcome } = await timed(this.swarm, () =>
        one.author.records.put(one.key, content, { until: 'all' }),
      )
      if (outcome) one.seq = outcome.seq
      else this.#putsFailed++
    })
    await inBatches(this.swarm, puts, 100)
  }

  /** Every value by the same readers each time; tells for each read whether it gave the newest version. */
  async #readAll(written: readonly Written[], readers: readonly (readonly KadNode[])[]): Promise<boolean[]> {
    const reads = written.flatMap((one, index) => readers[index]!.map((reader) => ({ one, reader })))
    const { length } = reads
    return spread(this.swarm, length, length, async (index) => {
      const { one, reader } = reads[index]!
      const { value: record } = await timed(this.swarm, () => reader.records.get(one.key))
      if (!record) return false
      this.#reads++
      const [name, key] = [idToHex(reader.id), idToHex(one.key)]
      this.#regressions += this.#watcher.note(name, key, idToHex(one.author.id), record.seq).length
      return record.seq >= one.seq
    })
  }

  /** What each half wrote while it was alone, by nodes of the other. */
  async #readOtherHalf([left, right]: readonly [Written[], Written[]]): Promise<(number | undefined)[]> {
    const [leftNodes, rightNodes] = this.#halves
    const reads = [
      ...left.map((one) => ({ one, reader: this.#random.pick(rightNodes) })),
      ...right.map((one) => ({ one, reader: this.#random.pick(leftNodes) })),
    ]
    return spread(this.swarm, reads.length, reads.length, async (index) => {
      const { one, reader } = reads[index]!
      const { value: record } = await timed(this.swarm, () => reader.records.get(one.key))
      return record?.seq
    })
  }

  /** Whom puts reach, before holders begin to see to each other. */
  async #recall(label: string): Promise<number> {
    const { swarm } = this
    const { k } = swarm.nodes[0]!.settings
    const content = { value: new Uint8Array(this.#options.valueBytes), format: 0 }
    const keys = Array.from({ length: this.#options.probes }, (_, i) =>
      keyIdOf(`${swarm.seed} ${label} ${i}`),
    )
    await spread(swarm, keys.length, 1_000, (index) =>
      timed(swarm, () => this.#random.pick(swarm.nodes).records.put(keys[index]!, content, { until: 'all' })),
    )
    const held = await heldKeys(swarm)
    let reached = 0
    let wanted = 0
    for (const key of keys) {
      for (const { id } of closestNodes(swarm, key, k)) {
        wanted++
        if (held.get(idKey(id))?.has(idToHex(key))) reached++
      }
    }
    return reached / wanted
  }

  #crossLinks(): number {
    const [left] = this.#halves
    const peers = left.flatMap((node) => node.inspect().links.map(({ peer }) => peer))
    const right = new Set(this.#halves[1].map(({ id }) => idToHex(id)))
    return peers.filter((peer) => right.has(peer)).length
  }
}
