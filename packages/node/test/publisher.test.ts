import {
  compareDistances,
  equalIds,
  type Id,
  idToHex,
  keyIdOf,
  type SignedRecord,
  slotOf,
} from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import type { Cluster } from '@kadrtc/simulator'
import { decodeRecord, encodeRecord } from '@kadrtc/wire'
import { expect, test } from 'vitest'
import { content, signed } from './made-records.js'
import { said, swarm, text } from './swarm.js'

const key = keyIdOf('key')
const minuteMs = 60_000

/** What node `index` keeps of its own publications, decoded, by key. */
async function kept(cluster: Cluster<KadNode>, index: number): Promise<SignedRecord[]> {
  const entries = await cluster.members[index]!.ports.published.scan()
  return entries.map(([, bytes]) => decodeRecord(bytes)).filter((record) => record.kind === 'signed')
}

/** Does a node hold a replica of what is under a key? */
async function holds(cluster: Cluster<KadNode>, node: KadNode, keyId: Id): Promise<boolean> {
  const { ports } = cluster.members.find((member) => member.node === node)!
  return (await ports.records.scan()).some(([slot]) => slot.includes(idToHex(keyId)))
}

test('a put while other records are being republished is not undone by it', async () => {
  const cluster = swarm({ settings: { k: 3 } })
  await cluster.grow(5)
  const node = cluster.node(0)
  const keys = ['a', 'b', 'c', 'd'].map(keyIdOf)
  for (const keyId of keys) await cluster.run(node.records.put(keyId, text('old'), { lifeMs: minuteMs }))
  const republished = () => cluster.network.counters.messages
  await cluster.clock.advance(minuteMs / 2 - 5_000)
  const before = republished()
  await cluster.clock.runUntil(() => republished() > before + 20, { withinMs: 20_000 })
  const { seq } = await cluster.run(node.records.put(keys[3]!, text('new')))
  await cluster.clock.advance(10_000)
  const record = (await kept(cluster, 0)).find(({ keyId }) => keyId.every((byte, i) => byte === keys[3]![i]))
  expect(said(record)).toBe('new')
  expect(record?.seq).toBe(seq)
})

test('an older put that settles last does not replace what was put after it', async () => {
  const cluster = swarm({ settings: { k: 4 } })
  await cluster.grow(12)
  await cluster.clock.advance(5_000)
  const author = cluster.node(0)
  const others = cluster.nodes.filter((node) => node !== author)
  const [, replica] = others.sort((a, b) => compareDistances(key, a.id, b.id))
  const slow = cluster.members.findIndex(({ node }) => node === replica)
  cluster.freeze(slow)
  const older = author.records.put(key, text('old'), { until: 'all' })
  await cluster.clock.advance(200)
  const { seq } = await cluster.run(author.records.delete(key))
  expect(await kept(cluster, 0)).toMatchObject([{ seq, deleted: true }])
  expect((await cluster.run(older)).seq).toBeLessThan(seq)
  expect(await kept(cluster, 0)).toMatchObject([{ seq, deleted: true }])
})

test('content that was to live for a week is republished with no shorter life', async () => {
  const cluster = swarm({ allowAlone: true })
  await cluster.grow(1)
  await cluster.run(cluster.node(0).records.add(Uint8Array.of(1), { lifeMs: 160 * 60 * minuteMs }))
  const expiry = async () => {
    const [entry] = await cluster.members[0]!.ports.published.scan()
    return decodeRecord(entry![1]).expiresAtMs
  }
  const before = await expiry()
  await cluster.clock.advance(100 * 60 * minuteMs)
  expect(await expiry()).toBe(before)
})

test('what was put by who was alone is put again when links have come', async () => {
  const cluster = swarm({ allowAlone: true, settings: { k: 4, linksMax: 16 } })
  await cluster.grow(40)
  const { member, started } = cluster.add()
  const author = member.node
  cluster.network.faults.canConnect = (a, b) => !equalIds(a, author.id) && !equalIds(b, author.id)
  await cluster.run(started)
  const keys = Array.from({ length: 10 }, (_, index) => keyIdOf(`key ${index}`))
  for (const keyId of keys) {
    const outcome = await cluster.run(author.records.put(keyId, text('early')))
    expect(outcome).toMatchObject({ stored: 1, wanted: 1 })
  }
  cluster.network.faults.canConnect = undefined
  await cluster.clock.runUntil(() => author.status === 'joined', { withinMs: 120_000 })
  await cluster.clock.advance(30_000)
  let replicas = 0
  for (const keyId of keys) {
    const nearest = cluster.nodes.sort((a, b) => compareDistances(keyId, a.id, b.id)).slice(0, 4)
    for (const node of nearest) if (await holds(cluster, node, keyId)) replicas++
  }
  // Of 40; 12 if they are left where they are.
  expect(replicas).toBeGreaterThan(35)
})

test('a failed put is not republished', async () => {
  const cluster = swarm({ settings: { k: 3 } })
  await cluster.grow(4)
  await cluster.run(cluster.node(0).records.put(key, text('one'), { until: 'all' }))
  const conflicting = cluster.node(0).records.put(key, text('two'), { ifSeq: 1, until: 'all' })
  await expect(cluster.run(conflicting)).rejects.toMatchObject({ code: 'CONFLICT' })
  expect((await kept(cluster, 0)).map(said)).toEqual(['one'])
})

test('a put that the node is closed under is CLOSED at once, unless it had been stored before', async () => {
  const cluster = swarm({ settings: { k: 4 } })
  await cluster.grow(20)
  await cluster.clock.advance(5_000)
  const ends: string[] = []
  for (const [index, afterMs] of [1, 10, 25, 30, 45, 60].entries()) {
    for (const until of ['all', 'majority'] as const) {
      const node = cluster.nodes[(until === 'all' ? 0 : 6) + index]!
      const end = node.records.put(keyIdOf(`${until} ${afterMs}`), text('x'), { until }).then(
        ({ stored }) => (stored > 0 ? 'stored' : 'stored by nobody'),
        ({ code }) => code,
      )
      await cluster.clock.advance(afterMs)
      const closing = node.close()
      const closedAtMs = cluster.clock.elapsedMs
      ends.push(await cluster.run(end))
      expect(cluster.clock.elapsedMs - closedAtMs).toBeLessThan(100)
      await cluster.run(closing)
      await expect(node.records.put(key, text('late'))).rejects.toMatchObject({ code: 'CLOSED' })
    }
  }
  expect(new Set(ends)).toEqual(new Set(['CLOSED', 'stored']))
})

test('more own records than the bound are BUSY; changing one of them is not', async () => {
  const cluster = swarm({ settings: { publishedMax: 2 } })
  await cluster.grow(3)
  const { records } = cluster.node(0)
  for (const name of ['a', 'b']) await cluster.run(records.put(keyIdOf(name), text(name)))
  await expect(cluster.run(records.put(keyIdOf('c'), text('c')))).rejects.toMatchObject({ code: 'BUSY' })
  await cluster.run(records.put(keyIdOf('a'), text('again')))
  expect(cluster.node(0).inspect().records.published).toBe(2)
})

test('a tombstone is republished until it expires, and then forgotten', async () => {
  const cluster = swarm({ settings: { k: 3 } })
  await cluster.grow(4)
  await cluster.run(cluster.node(0).records.put(key, text('here'), { lifeMs: minuteMs }))
  await cluster.run(cluster.node(0).records.delete(key, { lifeMs: minuteMs }))
  await cluster.clock.advance(minuteMs - 5_000)
  expect((await kept(cluster, 0)).map(({ deleted }) => deleted)).toEqual([true])
  expect(await cluster.run(cluster.node(2).records.get(key))).toBeUndefined()
  await cluster.clock.advance(10_000)
  expect(cluster.node(0).inspect().records.published).toBe(0)
  expect(await cluster.members[0]!.ports.published.scan()).toEqual([])
})

test('nothing lives shorter than what it replaces, also after a restart, and a tombstone nearly as long as can be', async () => {
  const cluster = swarm({ allowAlone: true })
  await cluster.grow(1)
  const leftMs = async () =>
    (await kept(cluster, 0)).map(({ expiresAtMs }) => expiresAtMs - cluster.clock.wallMs())
  const hourMs = 60 * minuteMs
  const put = (lifeMs: number) => cluster.run(cluster.node(0).records.put(key, text('x'), { lifeMs }))
  await put(100 * hourMs)
  await cluster.clock.advance(hourMs)
  await put(hourMs)
  expect(await leftMs()).toEqual([99 * hourMs])
  cluster.crash(0)
  await cluster.run(cluster.restart(0).started)
  await cluster.run(cluster.node(0).records.delete(key, { lifeMs: hourMs }))
  expect((await leftMs())[0]! / hourMs).toBeCloseTo(99, 1)
  await put(120 * hourMs)
  expect(await leftMs()).toEqual([120 * hourMs])
  await cluster.run(cluster.node(0).records.delete(key))
  expect(await leftMs()).toEqual([7 * 24 * hourMs])
})

test('sequence numbers go up over a restart with the clock set back', async () => {
  const cluster = swarm({ allowAlone: true })
  await cluster.grow(1)
  const { ports } = cluster.members[0]!
  const ahead = signed({
    by: ports.identity,
    seq: cluster.clock.wallMs() + 300_000,
    expiresAtMs: cluster.clock.wallMs() + 3_600_000,
  })
  await ports.published.put([[slotOf(ahead), encodeRecord(ahead)]])
  cluster.crash(0)
  await cluster.run(cluster.restart(0).started)
  const { seq } = await cluster.run(cluster.node(0).records.put(keyIdOf('else'), text('x')))
  expect(seq).toBeGreaterThan(ahead.seq)
})

test('what is put while the earlier publications are being read stays, unless an earlier one is newer', async () => {
  const cluster = swarm({ allowAlone: true })
  await cluster.grow(1)
  const { ports } = cluster.members[0]!
  const nowMs = cluster.clock.wallMs()
  const aheadMs = 300_000
  const old = (name: string, seq: number, lifeMs: number) =>
    signed({ by: ports.identity, key: name, seq, expiresAtMs: nowMs + lifeMs })
  const earlier = [old('expired', nowMs, 1), old('ahead', nowMs + aheadMs, 24 * 60 * minuteMs)]
  await ports.published.put(earlier.map((record) => [slotOf(record), encodeRecord(record)] as const))
  cluster.crash(0)
  await cluster.clock.advance(1_000)
  const scan = ports.published.scan.bind(ports.published)
  let read = () => {}
  ports.published.scan = async () => {
    const entries = await scan()
    await new Promise<void>((resolve) => {
      read = resolve
    })
    return entries
  }
  const { member, started } = cluster.restart(0)
  const puts = ['expired', 'ahead'].map((name) => member.node.records.put(keyIdOf(name), text('new')))
  await cluster.run(Promise.all(puts))
  ports.published.scan = scan
  read()
  await cluster.run(started)
  expect(new Set((await kept(cluster, 0)).map(said))).toEqual(new Set(['new', said(earlier[1])]))
})

test('rubbish among what was published is deleted at the start', async () => {
  const cluster = swarm({ allowAlone: true })
  await cluster.grow(1)
  await cluster.run(cluster.node(0).records.put(key, text('kept')))
  const { published } = cluster.members[0]!.ports
  const expired = content(Uint8Array.of(1), cluster.clock.wallMs() - 1)
  await published.put([
    ['nonsense', Uint8Array.of(1, 2, 3)],
    ['expired', encodeRecord(expired)],
  ])
  cluster.crash(0)
  await cluster.run(cluster.restart(0).started)
  await cluster.clock.advance(100)
  expect(await published.scan()).toHaveLength(1)
})

test('a store that fails costs warnings, and neither puts nor gets', async () => {
  const cluster = swarm({ allowAlone: true })
  await cluster.grow(3)
  const warnings: string[] = []
  for (const [index, { ports, node }] of cluster.members.entries()) {
    node.on('warning', ({ code }) => warnings.push(`${index} ${code}`))
    for (const store of [ports.records, ports.published]) {
      const broken = () => Promise.reject(new Error('disk'))
      Object.assign(store, { put: broken, delete: broken, get: broken, scan: broken })
    }
  }
  await cluster.run(cluster.node(0).records.put(key, text('here'), { until: 'all' }))
  for (const node of cluster.nodes) expect(said(await cluster.run(node.records.get(key)))).toBe('here')
  expect(new Set(warnings)).toEqual(new Set([0, 1, 2].map((index) => `${index} STORE_UNAVAILABLE`)))
  cluster.crash(2)
  await cluster.run(cluster.restart(2).started)
  await cluster.clock.advance(30_000)
  expect(cluster.node(2).status).toBe('joined')
})
