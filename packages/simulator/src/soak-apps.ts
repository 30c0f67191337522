/**
 * What the apps of a soak do: puts, gets and deletes, most of them by a few nodes on a few keys, so that readers come back to
 * what they have seen; and numbered messages over channels. What they see is watched. Used by `soak`.
 */
import { authorIdOf, idToHex, type KadRecord, keyIdOf, type SignedRecord, slotOf } from '@kadrtc/kademlia'
import { type KadNode, KadrtcError } from '@kadrtc/node'
import type { Cluster } from './cluster.js'
import type { Member } from './cluster-member.js'
import { RecordLedger } from './invariants/record-ledger.js'
import { SequenceWatcher } from './invariants/sequence-watcher.js'
import type { SeededRandom } from './seeded-random.js'
import { skewMostMs } from './soak-faults.js'

export interface SoakAppsEvents {
  did(what: string, detail: string): void
  violated(what: string): void
}

type Verb = 'put' | 'delete' | 'get' | 'getAll'

const keys = Array.from({ length: 12 }, (_, i) => `key ${i}`)
/** The first keys are those that the regulars use. */
const busyKeys = 2
/** Nodes that read and write the busy keys all the time, as long as they are up. */
const regulars = 5
const verbsAtOnce = 5
const lifeMsMost = 86_400_000
const lifeMsLeast = 240_000
const channelMessages = 8

export class SoakApps {
  readonly watcher = new SequenceWatcher()
  readonly ledger: RecordLedger
  /** Reader and key of gets and puts under way: one at a time, so that "seen before" has a meaning. */
  readonly #busy = new Set<string>()
  #regulars: readonly Member<KadNode>[] = []

  constructor(
    readonly cluster: Cluster<KadNode>,
    readonly random: SeededRandom,
    readonly events: SoakAppsEvents,
  ) {
    this.ledger = new RecordLedger(cluster)
  }

  /** Some of the nodes do something, and nobody waits for it. */
  act(): void {
    const up = this.#up()
    this.#regulars = this.#regulars.filter((member) => up.includes(member))
    const others = up.filter((member) => !this.#regulars.includes(member))
    this.#regulars = [...this.#regulars, ...this.random.sample(others, regulars - this.#regulars.length)]
    for (let i = 1; i < verbsAtOnce; i++) {
      const key = keys[this.random.integer(busyKeys)]!
      this.#use(this.#draw(0.3), this.random.pick(this.#regulars), key)
    }
    this.#use(this.#draw(0.2), this.random.pick(up), this.random.pick(keys))
    if (this.random.fraction() < 0.1) this.#talk(this.random.pick(up), this.random.pick(up))
  }

  /**
   * What is kept can be read in its newest version, and what has been deleted cannot: by one of three readers at least. Former holders who
   * take themselves for replicas, as in a small network whose nodes cannot all connect, answer a few readers with what they have.
   */
  async readBack(kept: ReadonlyMap<string, KadRecord>): Promise<string[]> {
    const violations: string[] = []
    for (const [slot, record] of kept) {
      if (record.kind === 'content' || this.ledger.isOutdated(slot, record)) continue
      const readers = this.random.sample(this.#up(), 3)
      const right = await this.cluster.run(Promise.all(readers.map(({ node }) => readsBack(node, record))))
      const wrong = readers.filter((_, place) => !right[place]).map(({ index }) => index)
      if (wrong.length < readers.length) continue
      const what = `${record.deleted ? 'the deletion' : 'the value'} ${record.seq} in ${slot}`
      violations.push(`Nodes ${wrong.join(' and ')} do not read ${what}, which is kept`)
    }
    return violations
  }

  #draw(writing: number): Verb {
    const chance = this.random.fraction()
    if (chance < writing) return this.random.fraction() < 0.15 ? 'delete' : 'put'
    return this.random.fraction() < 0.5 ? 'get' : 'getAll'
  }

  #use(verb: Verb, member: Member<KadNode>, key: string): void {
    const place = `${readerOf(member)} ${key}`
    if (this.#busy.has(place)) return
    this.#busy.add(place)
    this.events.did(verb, `${member.index} ${key}`)
    this.#call(verb, member, key)
      .catch((error) => this.failed(`${verb} of ${key} by node ${member.index}`, error))
      .finally(() => this.#busy.delete(place))
  }

  async #call(verb: Verb, member: Member<KadNode>, key: string): Promise<void> {
    const { records } = member.node
    const keyId = keyIdOf(key)
    switch (verb) {
      case 'put': {
        const value = this.random.bytes(this.random.integer(200))
        const lifeMs = this.random.fraction() < 0.1 ? lifeMsLeast : lifeMsMost
        const beganMs = this.cluster.clock.wallMs()
        const outcome = await records.put(keyId, { value, format: 0 }, { lifeMs })
        this.#wrote(member, key, outcome, beganMs + lifeMs)
        break
      }
      case 'delete': {
        const beganMs = this.cluster.clock.wallMs()
        this.#wrote(member, key, await records.delete(keyId), beganMs + lifeMsMost)
        break
      }
      case 'get': {
        const found = await records.get(keyId)
        this.events.did(found ? 'found' : 'found nothing', key)
        if (found) this.#read(member, key, found)
        break
      }
      case 'getAll':
        for (const found of await records.getAll(keyId)) this.#read(member, key, found)
    }
  }

  #wrote(
    member: Member<KadNode>,
    key: string,
    { seq, stored }: { seq: number; stored: number },
    expiresAtMs: number,
  ): void {
    const { id, ports } = member.node
    this.#note(member, key, idToHex(id), seq)
    const slot = slotOf({
      kind: 'signed',
      keyId: keyIdOf(key),
      author: ports.identity.publicKey,
    } as SignedRecord)
    // Its author may be behind, and its holders ahead.
    this.ledger.confirm({ slot, seq, stored, expiresAtMs: expiresAtMs - 2 * skewMostMs })
  }

  #read(member: Member<KadNode>, key: string, found: SignedRecord): void {
    this.#note(member, key, idToHex(authorIdOf(found)), found.seq)
    this.ledger.saw(slotOf(found), found.seq)
    if (found.deleted) this.events.violated(`Node ${member.index} read a deleted record of ${key}`)
  }

  #note(member: Member<KadNode>, key: string, author: string, seq: number): void {
    const before = this.watcher.compared
    for (const what of this.watcher.note(readerOf(member), key, author, seq)) this.events.violated(what)
    if (this.watcher.compared > before) this.events.did('compared', key)
  }

  /** Messages over a channel, which is closed when they have had time to arrive. */
  #talk(from: Member<KadNode>, to: Member<KadNode>): void {
    if (from === to) return
    this.events.did('connect', `${from.index} ${to.index}`)
    from.node.connect(to.node.id).then(
      (channel) => {
        for (let number = 0; number < channelMessages && channel.open; number++) {
          const message = new Uint8Array(4)
          new DataView(message.buffer).setUint32(0, number)
          channel.send(message)
        }
        from.clock.setTimer(10_000, () => channel.close())
      },
      (error) => this.failed(`connect of node ${from.index}`, error),
    )
  }

  /** Under faults a verb may fail, but only in the ways that are documented. */
  failed(what: string, error: unknown): void {
    if (error instanceof KadrtcError) this.events.did(error.code, what)
    else this.events.violated(`${what} failed with what is no KadrtcError: ${String(error)}`)
  }

  #up(): Member<KadNode>[] {
    return this.cluster.members.filter(({ state }) => state === 'up')
  }
}

async function readsBack(node: KadNode, record: SignedRecord): Promise<boolean> {
  const all = await node.records.getAll(record.keyId)
  const author = idToHex(authorIdOf(record))
  const found = all.find((one) => idToHex(authorIdOf(one)) === author)
  return record.deleted ? !found || found.seq > record.seq : found !== undefined && found.seq >= record.seq
}

/** A reloaded node has another seed. */
function readerOf({ ports }: Member<KadNode>): string {
  return ports.random.seed
}
