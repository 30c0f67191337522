import { bucketIndex, type Id, idToHex } from '@kadrtc/kademlia'
import { KadNode, KadrtcError, type Link, type LinkTransport } from '@kadrtc/node'
import { Cluster, SeededRandom } from '@kadrtc/simulator'
import { expect, test } from 'vitest'
import { Dialler } from '../src/overlay/dialler.js'
import { LinkKeeper } from '../src/overlay/link-keeper.js'
import { LinkTable } from '../src/overlay/link-table.js'
import type { Rpc } from '../src/rpc/rpc.js'
import type { Settings } from '../src/settings.js'
import { FakeLink, settingsWith, tinyId } from './fake-link.js'
import { rig } from './rpc-rig.js'

const k = 4
const own = tinyId('00000000')
const near = ['00000001', '00000010', '00000011', '00000100'].map(tinyId)
const farther = ['10000001', '10000010', '10000011', '10000100'].map(tinyId)
const contactsOf = (ids: typeof near) => ids.map((id) => ({ id, route: [id] }))
const neverOpens = (): Promise<Link> => new Promise(() => undefined)

function keeperRig(
  changes: Partial<Settings> = {},
  dial: (peer: Id) => Promise<Link> = neverOpens,
  keepId?: (id: Id) => Id,
  answering?: Rpc,
) {
  const settings = settingsWith({ k, ...changes })
  const { rpc, clock } = rig()
  const links = new LinkTable(own, settings)
  const transport = { dial } as Pick<LinkTransport, 'dial'> as LinkTransport
  const random = new SeededRandom('link keeper')
  const ports = { own, rpc: answering ?? rpc, links, clock, settings, random }
  const keeper = new LinkKeeper(ports, new Dialler(own, transport, links, clock, 24), keepId)
  return { keeper, links, clock }
}

test('who cannot be reached, and is named over and over, keeps nobody else from being a sibling', async () => {
  const dialled: string[] = []
  const { keeper, clock } = keeperRig({ linksPerBucket: 1 }, async (peer) => {
    dialled.push(idToHex(peer))
    // Others, who can reach it, go on naming it.
    queueMicrotask(() => queueMicrotask(() => keeper.hear(contactsOf(near))))
    throw new KadrtcError('TIMEOUT')
  })
  keeper.hear(contactsOf([...near, ...farther]))
  await clock.advance(1_000)
  keeper.close()
  expect(dialled.slice(0, k).sort()).toEqual(near.map(idToHex).sort())
  expect(dialled.slice(k, 2 * k).sort()).toEqual(farther.map(idToHex).sort())
})

test('those who are heard of one after another are dialled together, unless it is not to be waited', async () => {
  const dialled: string[] = []
  const { keeper, clock } = keeperRig({}, (peer) => {
    dialled.push(idToHex(peer))
    return neverOpens()
  })
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
  const { keeper, links } = keeperRig()
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

test('ids that are new here are kept as whoever is asked to keep them says', () => {
  const asked: string[] = []
  const elsewhere = (id: Id) => {
    asked.push(idToHex(id))
    return near.find((one) => idToHex(one) === idToHex(id))!
  }
  const { keeper } = keeperRig({}, neverOpens, elsewhere)
  const [first, second] = near as [Id, Id]
  const heard = (id: Id) => Uint8Array.from(id) as Id
  keeper.hear([{ id: heard(first), route: [heard(second), heard(first)] }])
  keeper.hear([{ id: heard(first), route: [heard(first)] }])
  expect(keeper.contacts.get(first)!.id).toBe(first)
  expect(asked).toEqual([first, second].map(idToHex))
  keeper.close()
})

test('a node has them kept as its ports say', async () => {
  const kept = new Set<string>()
  const cluster = new Cluster({
    seed: 1,
    createNode: (ports) => {
      const keepId = (id: Id) => {
        kept.add(idToHex(id))
        return ports.keepId(id)
      }
      return new KadNode({ ...ports, keepId })
    },
    start: (node) => node.start({ allowAlone: true }),
  })
  await cluster.grow(8)
  const heardOf = cluster.nodes.filter(({ id }) => kept.has(idToHex(id)))
  expect(heardOf.length).toBeGreaterThan(1)
})

test('no more of a bucket are kept in mind than the setting says, replacements included', () => {
  const far = Array.from({ length: 60 }, (_, i) => tinyId((128 + i).toString(2)))
  const kept = (contactsPerBucket: number) => {
    const { keeper } = keeperRig({ contactsPerBucket })
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

test('members are those of now: who is heard of, linked, unlinked or forgotten since is seen at once', () => {
  const { keeper, links } = keeperRig()
  const members = () => keeper.members().map(({ id }) => idToHex(id))
  const [first, second] = near as [Id, Id]
  keeper.hear(contactsOf([first]))
  expect(members()).toEqual([idToHex(first)])
  keeper.hear(contactsOf([second]))
  expect(members()).toEqual([first, second].map(idToHex))
  const link = new FakeLink(second)
  keeper.onLinkOpened(links.add(link, 0).neighbour)
  expect(members()).toEqual([second, first].map(idToHex))
  keeper.forget(first)
  expect(members()).toEqual([idToHex(second)])
  links.remove(link)
  keeper.onLinkClosed(link)
  expect(members()).toEqual([])
  keeper.close()
})

/** Whom a node dials that has its siblings, is linked to `linked` and then hears of `heard`. */
async function dialledOf(linksPerBucket: number, linked: readonly string[], heard: readonly string[]) {
  const dialled: string[] = []
  const { keeper, links, clock } = keeperRig({ linksPerBucket }, (peer) => {
    dialled.push(idToHex(peer))
    return neverOpens()
  })
  for (const id of [...near, ...linked.map(tinyId)])
    keeper.onLinkOpened(links.add(new FakeLink(id), clock.now()).neighbour)
  keeper.hear(contactsOf(heard.map(tinyId)))
  await clock.advance(1_000)
  keeper.close()
  return heard.filter((bits) => dialled.includes(idToHex(tinyId(bits))))
}

test('of a bucket with too few links those who were heard of last are dialled', async () => {
  const heard = ['10000001', '11000001', '10000010', '11000010']
  expect(await dialledOf(3, [], heard)).toEqual(heard.slice(1))
  expect(await dialledOf(3, ['10000100'], heard.slice(0, 3))).toEqual(heard.slice(1, 3))
})

test('a sixteenth of the places is left to others: who has fewer left dials nobody in a far bucket', async () => {
  const dialledWith = async (linksMax: number) => {
    let dialled = 0
    const { keeper, links, clock } = keeperRig({ linksPerBucket: 1, linksMax }, () => {
      dialled++
      return neverOpens()
    })
    for (const id of near) keeper.onLinkOpened(links.add(new FakeLink(id), clock.now()).neighbour)
    for (let i = 0; i < 26; i++) links.add(new FakeLink(tinyId((0b100000 + i).toString(2))), clock.now())
    keeper.hear(contactsOf([tinyId('10000001')]))
    await clock.advance(1_000)
    keeper.close()
    return dialled
  }
  // Of 32 places two are left to others, of 33 and 34 three; 30 links leave 2, 3 and 4.
  expect(await dialledWith(32)).toBe(0)
  expect(await dialledWith(33)).toBe(0)
  expect(await dialledWith(34)).toBe(1)
})

test('a bucket whose links all lead into one half of it gets one into the other, and a bucket of one link none', async () => {
  const inOneHalf = ['10000001', '10000010', '10000011']
  expect(await dialledOf(3, inOneHalf, ['11000001'])).toEqual(['11000001'])
  expect(await dialledOf(2, inOneHalf, ['11000001'])).toEqual(['11000001'])
  expect(await dialledOf(3, inOneHalf, ['10000111'])).toEqual([])
  expect(await dialledOf(3, [...inOneHalf.slice(1), '11000010'], ['11000001'])).toEqual([])
  expect(await dialledOf(1, inOneHalf, ['11000001'])).toEqual([])
  // Two are missing: one of them has to lead into the other half.
  const heard = ['11000001', '10000111', '10000110']
  expect(await dialledOf(3, inOneHalf.slice(0, 1), heard)).toEqual(['11000001', '10000110'])
})

test('now and then a link is asked for somebody faster, who is dialled though nobody is missing, while more than three places are free', async () => {
  const beginningWith = (byte: number) => Uint8Array.from(own).fill(byte, 0, 1) as Id
  // The farthest sibling shares one bit with this node: one bucket lies beyond.
  const siblings = [...near.slice(0, 3), beginningWith(0x40)]
  const beyond = [0x80, 0x90, 0xa0, 0xb0].map(beginningWith)
  const faster = beginningWith(0xc0)
  const triedWith = async (placesFree: number, rttMs: number) => {
    const dialled: string[] = []
    let asked = 0
    const answering = {
      request: async (_way: unknown, { type }: { type: string }) => {
        if (type !== 'find-links') throw new KadrtcError('TIMEOUT')
        asked++
        return { reply: { type: 'links', links: [{ id: faster, rttMs }] } }
      },
      notify: () => true,
    } as unknown as Rpc
    const settings = { linksPerBucket: 1, linksMax: k + 4 + placesFree, trialIntervalMs: 10_000 }
    const dial = (peer: Id) => {
      dialled.push(idToHex(peer))
      return neverOpens()
    }
    const { keeper, links, clock } = keeperRig(settings, dial, undefined, answering)
    for (const id of [...siblings, ...beyond])
      keeper.onLinkOpened(links.add(new FakeLink(id, 20), clock.now()).neighbour)
    await clock.advance(7_000)
    expect([asked, dialled]).toEqual([0, []])
    await clock.advance(6_000)
    keeper.close()
    await clock.advance(60_000)
    expect(dialled).toEqual(keeper.linksTried === 0 ? [] : [idToHex(faster)])
    return { asked, tried: keeper.linksTried }
  }
  expect(await triedWith(4, 10)).toEqual({ asked: 1, tried: 1 })
  expect(await triedWith(4, 50)).toEqual({ asked: 1, tried: 0 })
  expect(await triedWith(3, 10)).toEqual({ asked: 0, tried: 0 })
})

test('nobody is dialled who is named when the places are taken, or the node is closed', async () => {
  const faster = Uint8Array.from(own).fill(0x80, 0, 1) as Id
  for (const ending of ['none', 'full', 'closed'] as const) {
    const dialled: string[] = []
    const answering = {
      request: async () => {
        if (ending === 'closed') keeper.close()
        if (ending === 'full') for (const id of farther) links.add(new FakeLink(id, 20), clock.now())
        return { reply: { type: 'links', links: [{ id: faster, rttMs: 10 }] } }
      },
      notify: () => true,
    } as unknown as Rpc
    const dial = (peer: Id) => {
      dialled.push(idToHex(peer))
      return neverOpens()
    }
    const settings = { linksPerBucket: 1, linksMax: k + 4, trialIntervalMs: 5_000 }
    const { keeper, links, clock } = keeperRig(settings, dial, undefined, answering)
    const siblings = [...near.slice(0, 3), Uint8Array.from(own).fill(0x40, 0, 1) as Id]
    for (const id of siblings) links.add(new FakeLink(id, 20), clock.now())
    await clock.advance(7_000)
    keeper.close()
    expect([ending, dialled]).toEqual([ending, ending === 'none' ? [idToHex(faster)] : []])
  }
})

test('a full node gives up a link to somebody greeted five seconds ago for who comes by way of an introducer, and for nobody else', async () => {
  const { keeper, links, clock } = keeperRig({ linksPerBucket: 1, linksMax: 9 })
  const standing = [...near, ...farther, tinyId('11000000')].map((id) => new FakeLink(id))
  for (const link of standing) links.add(link, clock.now())
  const newcomer = tinyId('11110000')
  await clock.advance(4_999)
  expect(keeper.mayOpen(newcomer, undefined)).toBe(false)
  await clock.advance(1)
  expect(keeper.mayOpen(newcomer, [near[0]!, newcomer])).toBe(false)
  expect(keeper.mayOpen(newcomer, undefined)).toBe(true)

  const link = new FakeLink(newcomer)
  keeper.onLinkOpened(links.add(link, clock.now()).neighbour)
  // Of the far bucket the first is kept, since one has to be.
  expect([...standing, link].filter(({ closedAs }) => closedAs !== undefined)).toEqual([standing[5]])
  keeper.close()
})

test('two newcomers who were let in for the sake of one spare link leave no more links than the budget', async () => {
  const linksMax = 9
  const { keeper, links, clock } = keeperRig({ linksPerBucket: 1, linksMax })
  const standing = [
    ...near,
    ...farther.slice(0, 2),
    ...['0100', '0010', '0001'].map((id) => tinyId(`${id}0000`)),
  ]
  for (const id of standing) links.add(new FakeLink(id), clock.now())
  await clock.advance(5_000)
  const newcomers = ['11110000', '11100000'].map(tinyId)
  expect(newcomers.map((id) => keeper.mayOpen(id, undefined))).toEqual([true, true])
  const opened = newcomers.map((id) => new FakeLink(id))
  for (const link of opened) {
    keeper.onLinkOpened(links.add(link, clock.now()).neighbour)
    for (const { link } of links.neighbours()) if ((link as FakeLink).closedAs) links.remove(link)
  }
  expect(opened.map(({ closedAs }) => closedAs !== undefined)).toEqual([false, true])
  expect(links.size).toBe(linksMax)
  keeper.close()
})
