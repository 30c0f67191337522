/**
 * Lookups of three kinds among nodes that come and go, made one by one, and how each ended: gets of keys that nobody has
 * put, single packets toward a key, and gets of values. An asker that has gone meanwhile does not count.
 */
import { type Id, idKey, idToHex, isCloser } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import { decodeMessage, decodePacket } from '@kadrtc/wire'
import type { Member } from '../cluster-member.js'
import type { SeededRandom } from '../seeded-random.js'
import type { Swarm } from './grow.js'
import { quantile } from './measure.js'
import type { OracleSample } from './oracle-sample.js'

export interface LookupCounts {
  /** Those whose asker was still there at the end. */
  readonly lookups: number
  /** Ended at the node that was the closest of those that had joined, when they began or when they ended. */
  readonly right: number
  /** Ended at another. */
  readonly wrong: number
  /** Nobody answered in time. */
  readonly unanswered: number
}

/** How long the app waits for a packet's answer before it sends another. A relayed round trip takes a tenth of it. */
const attemptMs = 4_000

/** A FIND_VALUE is shorter than this, with the longest path there is: 17 ids, and a request of 50 bytes. */
const questionBytesMost = 450

interface MutableCounts extends LookupCounts {
  lookups: number
  right: number
  wrong: number
  unanswered: number
}

function noCounts(): MutableCounts {
  return { lookups: 0, right: 0, wrong: 0, unanswered: 0 }
}

function rightShare({ right, lookups }: LookupCounts): number {
  return right / lookups
}

/** Gets of keys that nobody has put: whom they ask is seen on the wire. */
export class Looking {
  readonly #counts = noCounts()
  readonly #tookMs: number[] = []
  /** Whom a FIND_VALUE was sent to, by key, while its lookup goes on. */
  readonly #asked = new Map<string, Set<string>>()
  #joinedShares = 0
  #begun = 0

  constructor(
    readonly swarm: Swarm,
    readonly random: SeededRandom,
    readonly sample: OracleSample,
  ) {
    swarm.network.faults.drop = ({ to, bytes }) => {
      if (this.#asked.size > 0 && bytes.length < questionBytesMost) this.#note(to, bytes)
      return false
    }
  }

  stop(): void {
    this.swarm.network.faults.drop = undefined
  }

  async once(): Promise<void> {
    const { swarm, random } = this
    const key = random.bytes(20) as Id
    const asker = pickJoined(swarm, random)
    if (!asker) return
    this.sample.note(asker.node.id, key, () => joinedIds(swarm))
    const atFirst = closestJoined(swarm, key)
    this.#joinedShares += atFirst.share
    this.#begun++
    const asked = new Set([idKey(asker.node.id)])
    this.#asked.set(idToHex(key), asked)
    const { isDone, ms } = await patiently(swarm, asker, () => asker.node.records.get(key))
    this.#asked.delete(idToHex(key))
    if (asker.state !== 'up') return
    const ends = [atFirst.id, closestJoined(swarm, key).id]
    this.#counts.lookups++
    if (!isDone) this.#counts.unanswered++
    else if (ends.some((end) => end && asked.has(idKey(end)))) {
      this.#counts.right++
      this.#tookMs.push(ms)
    } else this.#counts.wrong++
  }

  result() {
    return {
      lookupSuccess: rightShare(this.#counts),
      lookups: { ...this.#counts },
      lookupMsP50: quantile(this.#tookMs, 0.5),
      lookupMsP99: quantile(this.#tookMs, 0.99),
      joinedShare: this.#joinedShares / this.#begun,
    }
  }

  #note(to: Id, bytes: Uint8Array): void {
    const packet = decodePacket(bytes)
    const isPassedOn = packet.kind === 'along' && packet.ahead.length > 0
    if (isPassedOn) return
    const { message } = decodeMessage(packet.body)
    if (message.type === 'find-value') this.#asked.get(idToHex(message.keyId))?.add(idKey(to))
  }
}

/** Packets that each go one way, with nobody to go around what is broken. */
export class Tracing {
  readonly #plain = noCounts()
  readonly #retried = noCounts()

  constructor(
    readonly swarm: Swarm,
    readonly random: SeededRandom,
  ) {}

  async once(): Promise<void> {
    const { swarm, random } = this
    const key = random.bytes(20) as Id
    const asker = pickJoined(swarm, random)
    if (!asker) return
    const atFirst = closestJoined(swarm, key).id
    const first = await this.#trace(asker, key)
    if (asker.state === 'up') this.#count(this.#plain, key, first, atFirst)
    const end = first ?? (await this.#trace(asker, key))
    if (asker.state === 'up') this.#count(this.#retried, key, end, atFirst)
  }

  result() {
    return {
      retriedSuccess: rightShare(this.#retried),
      retried: { ...this.#retried },
      plainSuccess: rightShare(this.#plain),
      plain: { ...this.#plain },
    }
  }

  /** Where a packet toward the key ends, which may be here; undefined: nobody answered. */
  async #trace(asker: Member<KadNode>, key: Id): Promise<Id | undefined> {
    const { node } = asker
    const { value: end } = await patiently(this.swarm, asker, () =>
      node.traceRoute(key, { timeoutMs: attemptMs }),
    )
    if (!end) return undefined
    // A packet always leaves: who is the closest itself is answered by the next one, and knows better.
    return isCloser(key, node.id, end.node) ? node.id : end.node
  }

  #count(counts: MutableCounts, key: Id, end: Id | undefined, closestAtFirst: Id | undefined): void {
    counts.lookups++
    if (!end) counts.unanswered++
    else if (same(end, closestAtFirst) || same(end, closestJoined(this.swarm, key).id)) counts.right++
    else counts.wrong++
  }
}

/** Values that were put before the churn. */
export class Reading {
  #gets = 0
  #found = 0
  readonly #tookMs: number[] = []

  constructor(
    readonly swarm: Swarm,
    readonly keys: readonly Id[],
    readonly random: SeededRandom,
    readonly sample: OracleSample,
  ) {}

  async once(): Promise<void> {
    const { swarm, keys, random } = this
    const key = random.pick(keys)
    const reader = pickJoined(swarm, random)
    if (!reader) return
    this.sample.note(reader.node.id, key, () => joinedIds(swarm))
    const { ms, value: record } = await patiently(swarm, reader, () => reader.node.records.get(key))
    if (reader.state !== 'up') return
    this.#gets++
    if (!record) return
    this.#found++
    this.#tookMs.push(ms)
  }

  result() {
    return {
      gets: this.#gets,
      getsFound: this.#found,
      getSuccess: this.#found / this.#gets,
      getMsP50: quantile(this.#tookMs, 0.5),
      getMsP99: quantile(this.#tookMs, 0.99),
    }
  }
}

/** The closest to a key of all nodes that are up and have joined, and how many of 1 have. */
function closestJoined(swarm: Swarm, key: Id): { readonly id: Id | undefined; readonly share: number } {
  let closest: Id | undefined
  let joined = 0
  let up = 0
  for (const { node, state } of swarm.members) {
    if (state !== 'up') continue
    up++
    if (node.status !== 'joined') continue
    joined++
    if (!closest || isCloser(key, node.id, closest)) closest = node.id
  }
  return { id: closest, share: joined / up }
}

function joinedIds({ members }: Swarm): Id[] {
  const joined = members.filter(({ node, state }) => state === 'up' && node.status === 'joined')
  return joined.map(({ node }) => node.id)
}

/** A member that is up and has joined; undefined in the rare case that many draws meet none. */
function pickJoined(swarm: Swarm, random: SeededRandom): Member<KadNode> | undefined {
  const { members } = swarm
  for (let draws = 0; draws < 100; draws++) {
    const member = random.pick(members)
    if (member.state === 'up' && member.node.status === 'joined') return member
  }
  return undefined
}

/** As `timed`, and it ends though the node has crashed: its promises never settle. */
function patiently<T>(
  swarm: Swarm,
  { node }: Member<KadNode>,
  verb: () => Promise<T>,
): Promise<{ readonly ms: number; readonly isDone: boolean; readonly value: T | undefined }> {
  const giveUpMs = node.settings.operationTimeoutMs + 1_000
  const startMs = swarm.clock.elapsedMs
  return new Promise((resolve) => {
    const end = (isDone: boolean, value?: T) => {
      timer.cancel()
      resolve({ ms: swarm.clock.elapsedMs - startMs, isDone, value })
    }
    const timer = swarm.clock.setTimer(giveUpMs, () => end(false))
    verb().then(
      (value) => end(true, value),
      () => end(false),
    )
  })
}

function same(a: Id, b: Id | undefined): boolean {
  return b !== undefined && idKey(a) === idKey(b)
}
