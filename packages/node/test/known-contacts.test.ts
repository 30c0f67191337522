import { compareDistances, idToHex, keyIdOf } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import type { Cluster } from '@kadrtc/simulator'
import { knownContacts, type Message, type Request } from '@kadrtc/wire'
import { describe, expect, test } from 'vitest'
import { RawPeer } from './raw-peer.js'
import { swarm, text } from './swarm.js'

const size = 12
const k = 4

async function scene() {
  const cluster: Cluster<KadNode> = swarm({ settings: { k } })
  await cluster.grow(size)
  await cluster.clock.advance(20_000)
  return cluster
}

async function ask(cluster: Cluster<KadNode>, peer: RawPeer, question: Request): Promise<Message> {
  peer.say(question)
  await cluster.clock.advance(1_000)
  return peer.heard.find((heard) => 'nonce' in heard && heard.nonce === question.nonce)!
}

const contactsOf = (reply: Message): string[] =>
  (reply.type === 'nodes' || reply.type === 'value' ? reply.contacts : []).map(idToHex)

describe('contacts that the asker knows', () => {
  test('are not named, and no farther ones instead', async () => {
    const cluster = await scene()
    const raw = await RawPeer.dial(cluster, 0)
    const target = keyIdOf('anything')
    const all = contactsOf(await ask(cluster, raw, { type: 'find-node', nonce: 1, target }))
    expect(all.length).toBeGreaterThan(3)
    const ids = cluster.nodes.map(({ id }) => id)
    const told = ids.filter((id) => all.slice(0, 2).includes(idToHex(id)))
    for (const turn of [0, 7, 1_000_000_007]) {
      const known = knownContacts(told, turn)
      const reply = await ask(cluster, raw, { type: 'find-node', nonce: 2 + turn, target, known })
      expect(contactsOf(reply)).toEqual(all.slice(2))
    }
  })

  test('are named by who has a record and is none of the k closest: it must not pass for a replica', async () => {
    const cluster = await scene()
    const key = keyIdOf('a key')
    const byDistance = [...cluster.nodes].sort((a, b) => compareDistances(key, a.id, b.id))
    const [writer] = byDistance
    const far = byDistance.at(-1)!
    const sent = await cluster.run(writer!.records.put(key, text('a value'), { until: 'all' }))
    expect(sent.stored).toBe(k)
    const record = (await cluster.run(writer!.records.get(key)))!
    // It is given a copy that it keeps as a former holder would.
    const shelf = far.records.ports.shelf
    shelf.offer(record, {})
    const raw = await RawPeer.dial(cluster, cluster.nodes.indexOf(far))
    const known = knownContacts(
      cluster.nodes.map(({ id }) => id),
      0,
    )
    const reply = await ask(cluster, raw, { type: 'find-value', nonce: 9, keyId: key, all: false, known })
    expect(reply.type === 'value' && reply.records.length).toBe(1)
    expect(contactsOf(reply)).toHaveLength(1)
  })
})
