/** RoutingTable.closest against npm's k-bucket: 10,000 random ids offered to both, the 20 closest to random targets. */

import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { type Id, idFromBytes, RoutingTable } from '@kadrtc/kademlia'
import { type Benchmark, medianRatio } from './measurement.js'

const ids = 10_000
const targets = 1_000
const wanted = 20

/** The parts of k-bucket 5.1.0 used here; it brings no types. */
interface KBucket {
  add(contact: { id: Uint8Array }): void
  closest(id: Uint8Array, count: number): { id: Uint8Array }[]
  count(): number
}
type KBucketClass = new (options: { localNodeId: Uint8Array; numberOfNodesPerKBucket: number }) => KBucket

export const closest: Benchmark = {
  aims: [
    {
      name: 'closest20.time_vs_kbucket',
      unit: 'ratio',
      better: 'lower',
      goal: 0.5,
      against: `npm k-bucket 5.1.0, ${ids} random ids offered to both`,
    },
  ],
  async run(note) {
    const KBucket = createRequire(import.meta.url)('k-bucket') as KBucketClass
    const own = randomId()
    const ours = new RoutingTable<{ readonly id: Id }>(own, { k: wanted })
    // The same bytes as a Buffer would be slower for neither: k-bucket only indexes them.
    const theirs = new KBucket({ localNodeId: own, numberOfNodesPerKBucket: wanted })
    for (let index = 0; index < ids; index++) {
      const id = randomId()
      ours.offer({ id })
      theirs.add({ id })
    }
    note(`contacts held: ${ours.size} by us, ${theirs.count()} by k-bucket`)
    const asked = Array.from({ length: targets }, randomId)
    note(`answers that agree: ${agreement(asked, ours, theirs)} of ${targets}`)
    const time = (table: { closest(id: Id, count: number): unknown[] }) => {
      const startedAt = performance.now()
      for (const target of asked) table.closest(target, wanted)
      return performance.now() - startedAt
    }
    // Both compilers warm before anything counts.
    for (let round = 0; round < 5; round++) {
      time(ours)
      time(theirs)
    }
    const value = await medianRatio(
      () => time(ours),
      () => time(theirs),
      21,
    )
    return { 'closest20.time_vs_kbucket': value }
  },
}

function randomId(): Id {
  return idFromBytes(new Uint8Array(randomBytes(20)))!
}

function agreement(asked: readonly Id[], ours: RoutingTable<{ readonly id: Id }>, theirs: KBucket): number {
  const text = (contacts: readonly { id: Uint8Array }[]) =>
    contacts.map(({ id }) => Buffer.from(id).toString('hex')).join()
  return asked.filter((target) => text(ours.closest(target, wanted)) === text(theirs.closest(target, wanted)))
    .length
}
