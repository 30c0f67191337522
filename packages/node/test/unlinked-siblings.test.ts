import { compareDistances, equalIds, type Id, idToHex, keyIdOf } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import type { Cluster } from '@kadrtc/simulator'
import { expect, test } from 'vitest'
import { signed } from './made-records.js'
import { said, swarm, text } from './swarm.js'

const k = 4

/**
 * Twelve nodes. The first, the third and whoever is nearest to the first: to that one, the `other`, neither of the two can open a
 * link.
 */
async function twoApart() {
  const cluster = swarm({ settings: { k } })
  const ids = Array.from({ length: 12 }, (_, index) => cluster.drawIdentity(index).id)
  const [first, other, third] = [...ids].sort((a, b) => compareDistances(ids[0]!, a, b)) as [Id, Id, Id]
  const isPair = (a: Id, b: Id) => equalIds(b, other) && (equalIds(a, first) || equalIds(a, third))
  cluster.network.faults.canConnect = (a, b) => !isPair(a, b) && !isPair(b, a)
  await cluster.grow(12)
  // By then each dial has failed.
  await cluster.clock.advance(20_000)
  const nodeOf = (id: Id) => cluster.nodes.find((node) => equalIds(node.id, id))!
  return { cluster, one: nodeOf(first), other: nodeOf(other), third: nodeOf(third) }
}

const linksTo = (node: KadNode, peer: KadNode) =>
  node.inspect().links.some((link) => link.peer === idToHex(peer.id))

/** Whom `node` names, asked by somebody else for who is near an id. */
async function named(cluster: Cluster<KadNode>, node: KadNode, target: Id): Promise<string[]> {
  const asker = cluster.nodes.find((one) => linksTo(one, node))!
  const { rpc, links } = asker.records.ports
  const link = links.get(node.id)!
  const answer = await cluster.run(rpc.request({ kind: 'link', link }, { type: 'find-node', target }))
  return answer.reply.contacts.map(idToHex)
}

test('a sibling to whom no link comes about is named to who asks about a key, and not to who asks about itself', async () => {
  const { cluster, one, other } = await twoApart()
  expect(linksTo(one, other)).toBe(false)
  expect(await named(cluster, one, other.id)).toContain(idToHex(other.id))
  const asker = cluster.nodes.find((node) => linksTo(node, one))!
  expect(await named(cluster, one, asker.id)).not.toContain(idToHex(other.id))
})

test('a request reaches it by who is linked to both', async () => {
  const { cluster, one, other, third } = await twoApart()
  const way = { kind: 'route', route: [one.id, other.id] } as const
  const asking = third.records.ports.rpc.request(way, { type: 'ping', payload: new Uint8Array(0) })
  expect(idToHex((await cluster.run(asking)).responder)).toBe(idToHex(other.id))
})

test('it has the records that it should hold, though the nearest holder has no link to it', async () => {
  const { cluster, one, other } = await twoApart()
  const keys = Array.from({ length: 600 }, (_, i) => keyIdOf(`key ${i}`)).filter((key) => {
    const nearestFirst = [...cluster.nodes].sort((a, b) => compareDistances(key, a.id, b.id))
    return nearestFirst[0] === one && nearestFirst.slice(0, k).includes(other)
  })
  expect(keys.length).toBeGreaterThan(3)
  for (const key of keys) {
    const author = cluster.nodes.find((node) => node !== one && node !== other)!
    await cluster.run(author.records.put(key, text('value'), { until: 'all' }))
    const slots = [...other.records.ports.shelf.entries()].map(({ keyId }) => idToHex(keyId))
    expect(slots).toContain(idToHex(key))
  }
  expect(said(await cluster.run(other.records.get(keys[0]!)))).toBe('value')
})

test('a record that is to be spread is passed on to it', async () => {
  const { cluster, one, other } = await twoApart()
  const author = cluster.nodes.find((node) => linksTo(node, one) && node !== other)!
  const { rpc, links } = author.records.ports
  const link = links.get(one.id)!
  const record = signed({ keyId: other.id, expiresAtMs: cluster.clock.wallMs() + 3_600_000 })
  const stored: string[] = []
  const way = { kind: 'toward', target: one.id, link } as const
  rpc.gather(way, { type: 'store', record, cached: false, spread: true }, ({ responder }) => {
    stored.push(idToHex(responder))
  })
  await cluster.clock.advance(1_000)
  expect(stored).toContain(idToHex(other.id))
})

test('once it has gone it is named no more, within a little more than a minute', async () => {
  const { cluster, one, other } = await twoApart()
  cluster.crash(cluster.members.find(({ node }) => node === other)!.index)
  await cluster.clock.advance(110_000)
  expect(await named(cluster, one, other.id)).not.toContain(idToHex(other.id))
})

test('both know each other as soon as one has answered the other, though the dial goes on', async () => {
  const cluster = swarm({ settings: { k } })
  await cluster.grow(11)
  const { member, started } = cluster.add()
  const newcomer = member.node
  const [nearest] = cluster.nodes
    .filter((node) => node !== newcomer)
    .sort((a, b) => compareDistances(newcomer.id, a.id, b.id)) as [KadNode]
  const isPair = (a: Id, b: Id) => [a, b].every((id) => id === newcomer.id || id === nearest.id)
  cluster.network.faults.canConnect = (a, b) => !isPair(a, b)
  await cluster.run(started)
  await cluster.clock.advance(3_000)
  expect(newcomer.inspect().dialling + nearest.inspect().dialling).toBeGreaterThan(0)
  expect(linksTo(newcomer, nearest)).toBe(false)
  expect(await named(cluster, newcomer, nearest.id)).toContain(idToHex(nearest.id))
  expect(await named(cluster, nearest, newcomer.id)).toContain(idToHex(newcomer.id))
})

test('it is reached, and stays known, when those who named it have gone', async () => {
  const { cluster, one, other, third } = await twoApart()
  const way = { kind: 'route', route: [one.id, other.id] } as const
  const ask = () =>
    cluster.run(third.records.ports.rpc.request(way, { type: 'ping', payload: new Uint8Array(0) }))
  const relay = (await ask()).route.at(-2)!
  cluster.crash(cluster.members.find(({ node }) => equalIds(node.id, relay))!.index)
  await cluster.clock.advance(30_000)
  const { responder, route } = await ask()
  expect(idToHex(responder)).toBe(idToHex(other.id))
  expect(route.map(idToHex)).not.toContain(idToHex(relay))
  await cluster.clock.advance(180_000)
  expect(await named(cluster, one, other.id)).toContain(idToHex(other.id))
})
