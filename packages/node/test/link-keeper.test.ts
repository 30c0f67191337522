import { bucketIndex, type Id, idToHex } from '@kadrtc/kademlia'
import { KadrtcError, type Link, type LinkTransport } from '@kadrtc/node'
import { SeededRandom } from '@kadrtc/simulator'
import { expect, test } from 'vitest'
import { Dialler } from '../src/overlay/dialler.js'
import { LinkKeeper } from '../src/overlay/link-keeper.js'
import { FakeLink, settingsWith, tinyId } from './fake-link.js'
import { rig } from './rpc-rig.js'

const k = 4
const own = tinyId('00000000')
const near = ['00000001', '00000010', '00000011', '00000100'].map(tinyId)
const farther = ['10000001', '10000010', '10000011', '10000100'].map(tinyId)
const contactsOf = (ids: typeof near) => ids.map((id) => ({ id, route: [id] }))

test('who cannot be reached, and is named over and over, keeps nobody else from being a sibling', async () => {
  const { rpc, table: links, clock } = rig()
  const dialled: string[] = []
  const transport = {
    dial: async (peer): Promise<Link> => {
      dialled.push(idToHex(peer))
      // Others, who can reach it, go on naming it.
      queueMicrotask(() => queueMicrotask(() => keeper.hear(contactsOf(near))))
      throw new KadrtcError('TIMEOUT')
    },
  } as Pick<LinkTransport, 'dial'> as LinkTransport
  const settings = settingsWith({ k, linksPerBucket: 1 })
  const ports = { own, rpc, links, clock, settings, random: new SeededRandom('link keeper') }
  const keeper = new LinkKeeper(ports, new Dialler(own, transport, links, clock, 24))
  keeper.hear(contactsOf([...near, ...farther]))
  await clock.advance(1_000)
  keeper.close()
  expect(dialled.slice(0, k).sort()).toEqual(near.map(idToHex).sort())
  expect(dialled.slice(k, 2 * k).sort()).toEqual(farther.map(idToHex).sort())
})

test('those who are heard of one after another are dialled together, unless it is not to be waited', async () => {
  const { rpc, table: links, clock } = rig()
  const dialled: string[] = []
  const transport = {
    dial: (peer): Promise<Link> => {
      dialled.push(idToHex(peer))
      return new Promise<Link>(() => undefined)
    },
  } as Pick<LinkTransport, 'dial'> as LinkTransport
  const ports = { own, rpc, links, clock, settings: settingsWith({ k }), random: new SeededRandom('at once') }
  const keeper = new LinkKeeper(ports, new Dialler(own, transport, links, clock, 24))
  const [first, second, third, fourth] = near.map(idToHex)
  keeper.hear(contactsOf(near.slice(0, 1)))
  await clock.advance(20)
  keeper.hear(contactsOf(near.slice(0, 2)))
  expect(dialled).toEqual([])
  await clock.advance(10)
  expect(dialled.sort()).toEqual([first, second])
  keeper.hear(contactsOf(near.slice(0, 3)))
  keeper.hear(contactsOf(near), 0)
  await clock.advance(1)
  expect(dialled.sort()).toEqual([first, second, third, fourth])
  await clock.advance(1_000)
  expect(dialled).toHaveLength(4)
  keeper.close()
})

test('a contact that is kept keeps nothing of the message that named it, and shares the ids of links and contacts', () => {
  const { rpc, table: links, clock } = rig()
  const transport = { dial: () => new Promise<Link>(() => undefined) } as Pick<
    LinkTransport,
    'dial'
  > as LinkTransport
  const ports = { own, rpc, links, clock, settings: settingsWith({ k }), random: new SeededRandom('kept') }
  const keeper = new LinkKeeper(ports, new Dialler(own, transport, links, clock, 24))
  const relay = new FakeLink(farther[0]!)
  links.add(relay, 0)
  const message = new Uint8Array(1_000)
  const decoded = (id: Id): Id => {
    const at = 20 * (1 + [...near, ...farther].indexOf(id))
    message.set(id, at)
    return message.subarray(at, at + 20) as Id
  }
  const [first, second] = near as [Id, Id]
  keeper.hear([{ id: decoded(first), route: [decoded(relay.peer), decoded(first)] }])
  keeper.hear([{ id: decoded(second), route: [relay.peer, first, second].map(decoded) }])
  const contact = keeper.contacts.get(second)!
  expect(contact.route).toEqual([relay.peer, first, second])
  for (const id of contact.route) expect(id.buffer).not.toBe(message.buffer)
  expect(contact.route[0]).toBe(relay.peer)
  expect(contact.route[1]).toBe(keeper.contacts.get(first)!.id)
  expect(contact.route[2]).toBe(contact.id)
  keeper.close()
})

test('no more of a bucket are kept in mind than the setting says, replacements included', () => {
  const { rpc, table: links, clock } = rig()
  const transport = { dial: () => new Promise<Link>(() => undefined) } as Pick<
    LinkTransport,
    'dial'
  > as LinkTransport
  const far = Array.from({ length: 60 }, (_, i) => tinyId((128 + i).toString(2)))
  const kept = (contactsPerBucket: number) => {
    const settings = settingsWith({ k, contactsPerBucket })
    const ports = { own, rpc, links, clock, settings, random: new SeededRandom('bounded') }
    const keeper = new LinkKeeper(ports, new Dialler(own, transport, links, clock, 24))
    keeper.hear(contactsOf(far))
    const bucket = bucketIndex(own, far[0]!)
    const counts = [keeper.contacts.bucketSize(bucket), keeper.contacts.replacements(bucket).length]
    keeper.close()
    return counts
  }
  expect(kept(40)).toEqual([k, 20])
  expect(kept(6)).toEqual([k, 2])
  expect(kept(3)).toEqual([3, 0])
})
