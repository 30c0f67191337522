/**
 * What must hold of a network all the time, checked as it runs: what its nodes have under way every so often, each read when it
 * comes, each verb when it fails. A violation throws out of the cluster's clock, at the moment at which it was found.
 *
 *     const checks = new Checks(cluster)
 *     checks.start()
 *     checks.failed('A get by node 3', error)
 */
import { authorIdOf, idToHex, type SignedRecord } from '@kadrtc/kademlia'
import { type KadNode, KadrtcError } from '@kadrtc/node'
import { atEveryMoment, type Cluster, type Member, SequenceWatcher } from '@kadrtc/simulator'

/** A law was broken. The message says what and when, for people. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

/** Of virtual time. A look at one node takes 0.2 ms, so larger networks are looked at less often: some 10 ms for each virtual second. */
const everyMsLeast = 2_000
const everyMsPerNode = 20
const violationsShown = 20

export class Checks {
  readonly #watcher = new SequenceWatcher()
  /** What was found and has not been thrown; bounded by the operations under way. */
  #violations: string[] = []

  constructor(private readonly cluster: Cluster<KadNode>) {}

  /** From now on, for as long as the clock is driven. */
  start(): void {
    const { clock, nodes } = this.cluster
    clock.setTimer(Math.max(everyMsLeast, everyMsPerNode * nodes.length), () => {
      this.demand()
      this.start()
    })
  }

  /** Throws what does not hold now, and what was found since the last time. */
  demand(): void {
    const violations = [...this.#violations, ...atEveryMoment(this.cluster)]
    this.#violations = []
    if (violations.length === 0) return
    const shown = violations.slice(0, violationsShown)
    if (violations.length > shown.length) shown.push(`and ${violations.length - shown.length} more`)
    const seconds = (this.cluster.clock.elapsedMs / 1_000).toFixed(3)
    throw new Violation(`After ${seconds} s of virtual time:\n${shown.join('\n')}`)
  }

  /** Ends the run, also where whoever calls it swallows what is thrown. */
  violate(violation: string): void {
    this.#violations.push(violation)
    this.cluster.clock.setTimer(0, () => this.demand())
  }

  /** Nodes may refuse and time out, in the ways that are documented. All else is a bug. */
  failed(what: string, error: unknown): void {
    if (error instanceof KadrtcError) return
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.violate(`${what} failed with what is no KadrtcError: ${reason}`)
  }

  /** The same promise, with an eye on how it fails. */
  watched<T>(what: string, work: Promise<T>): Promise<T> {
    work.catch((error: unknown) => this.failed(what, error))
    return work
  }

  /** A member has read a record; it never may be older than one that it has read before. */
  read({ ports, index }: Member<KadNode>, record: SignedRecord): void {
    const [key, author] = [idToHex(record.keyId), idToHex(authorIdOf(record))]
    for (const violation of this.#watcher.note(ports.random.seed, key, author, record.seq)) {
      this.violate(`Node ${index}: ${violation}`)
    }
  }
}
