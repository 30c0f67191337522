/** A record that authors were told is stored, and that nobody keeps any more, is told, unless too many went at once. */
import { type Id, keyIdOf, type SignedRecord, slotOf } from '@kadrtc/kademlia'
import { KadNode } from '@kadrtc/node'
import { Cluster, RecordLedger, replicas } from '@kadrtc/simulator'
import { expect, test } from 'vitest'

const key: Id = keyIdOf('kept')

async function withRecord() {
  const cluster = new Cluster<KadNode>({
    seed: process.env.SEED ?? 1,
    createNode: (ports) => new KadNode({ ...ports, settings: { k: 4 } }),
    start: (node) => node.start({ allowAlone: true }),
    stop: (node) => node.close(),
  })
  await cluster.grow(12)
  await cluster.clock.advance(60_000)
  const ledger = new RecordLedger(cluster)
  const { records, ports } = cluster.node(0)
  const put = async () => {
    const outcome = await cluster.run(
      records.put(key, { value: Uint8Array.of(1), format: 0 }, { until: 'all' }),
    )
    const slot = slotOf({ kind: 'signed', keyId: key, author: ports.identity.publicKey } as SignedRecord)
    const expiresAtMs = cluster.clock.wallMs() + 3_600_000
    return { slot, ...outcome, expiresAtMs }
  }
  const holders = async () => {
    const held = await Promise.all(cluster.members.map(({ ports: { records } }) => records.scan()))
    return cluster.members.filter((_, place) => held[place]!.length > 0)
  }
  return { cluster, ledger, put, holders }
}

test('what is kept is no loss, nor what is kept in a newer version', async () => {
  const { ledger, put } = await withRecord()
  ledger.confirm(await put())
  expect(await ledger.check()).toEqual([])
  await put()
  expect(await ledger.check()).toEqual([])
  expect(ledger.size).toBe(1)
})

test('what all stores have lost is told, once', async () => {
  const { ledger, put, holders } = await withRecord()
  const confirmation = await put()
  ledger.confirm(confirmation)
  for (const { ports } of await holders()) await ports.records.delete([confirmation.slot])
  const { slot, seq } = confirmation
  expect(await ledger.check()).toEqual([
    `Record ${slot} with sequence number ${seq}, stored by 4, is lost: 0 that kept it went within 60 s`,
  ])
  expect(await ledger.check()).toEqual([])
})

test('an older version that is kept is no comfort, and one that few had confirmed is not missed', async () => {
  const { ledger, put, holders } = await withRecord()
  const before = await put()
  const confirmation = await put()
  ledger.confirm({ ...confirmation, seq: confirmation.seq + 1 })
  expect(await ledger.check()).toHaveLength(1)
  for (const { ports } of await holders()) await ports.records.delete([confirmation.slot])
  ledger.confirm({ ...confirmation, stored: 1 })
  expect(await ledger.check()).toEqual([])
  ledger.confirm(confirmation)
  ledger.confirm(before)
  expect(await ledger.check()).toEqual([
    expect.stringContaining(`with sequence number ${confirmation.seq}, `),
  ])
})

test('half of its replicas gone within a minute are an excuse; one after the other they are none', async () => {
  for (const [pauseMs, lost] of [
    [1_000, 0],
    [70_000, 1],
  ] as const) {
    const { cluster, ledger, put, holders } = await withRecord()
    const confirmation = await put()
    ledger.confirm(confirmation)
    await ledger.check()
    // Nothing is repaired.
    cluster.network.cut(() => true)
    const found: string[] = []
    for (const { index } of await holders()) {
      cluster.crash(index)
      for (let waitedMs = 0; waitedMs < pauseMs; waitedMs += 5_000) {
        await cluster.clock.advance(Math.min(5_000, pauseMs))
        found.push(...(await ledger.check()))
      }
    }
    expect(found).toHaveLength(lost)
  }
})

test('what has expired is not missed', async () => {
  const { cluster, ledger, put, holders } = await withRecord()
  const confirmation = await put()
  ledger.confirm({ ...confirmation, expiresAtMs: cluster.clock.wallMs() })
  for (const { ports } of await holders()) await ports.records.delete([confirmation.slot])
  expect(await ledger.check()).toEqual([])
  expect(ledger.size).toBe(0)
})

test('what somebody still keeps is outdated once there was a newer version, expired or not', async () => {
  const { cluster, ledger, put, holders } = await withRecord()
  const { slot, seq } = await put()
  await (await holders())[0]!.ports.records.delete([slot])
  const floored = () => replicas(cluster, { floor: 4, isOutdated: ledger.isOutdated })
  ledger.saw(slot, seq)
  expect(await floored()).toEqual([expect.stringContaining('is on 3 of the 4 closest')])
  ledger.saw(slot, seq + 1)
  expect(await floored()).toEqual([])
})
