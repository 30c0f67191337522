import { type Id, idToHex } from '@kadrtc/kademlia'
import { encodeMessage, encodePacket, hopsMax, type Packet } from '@kadrtc/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LinkTable } from '../src/overlay/link-table.js'
import { type Origin, Router } from '../src/overlay/router.js'
import type { Settings } from '../src/settings.js'
import { FakeLink, neighbourOf, settingsWith, tableOf, tinyId } from './fake-link.js'

const nonce = 0x0102_0304_0506
const ping = encodeMessage({ type: 'ping', nonce, payload: new Uint8Array(0) })
const pong = encodeMessage({ type: 'pong', nonce, payload: new Uint8Array(0) })
const signal = encodeMessage({ type: 'signal', nonce, signal: Uint8Array.of(1) })
const goodbye = encodeMessage({ type: 'goodbye' })
const findValue = encodeMessage({ type: 'find-value', nonce, keyId: tinyId('0'), all: false })

interface Stage {
  readonly router: Router
  readonly table: LinkTable
  readonly delivered: { body: Uint8Array; origin: Origin }[]
  nowMs: number
  early: boolean
  /** Ways to siblings that no link leads to, by their id in hex. */
  readonly around: Map<string, Id[]>
  link(bits: string): FakeLink
  /** `packet` arrives over the link to the node with these bits. */
  arrive(bits: string, packet: Packet | Uint8Array): void
}

/** The router of node `own`, linked to `peers`. */
function stage(own: string, peers: readonly string[], settings?: Partial<Settings>): Stage {
  const links = new Map(peers.map((bits) => [bits, new FakeLink(tinyId(bits), 20)]))
  const table = tableOf([...links.values()], settingsWith(settings))
  const stage: Stage = {
    table,
    delivered: [],
    nowMs: 0,
    early: false,
    around: new Map(),
    router: new Router(tinyId(own), table, () => stage.nowMs, {
      deliver: (body, origin) => stage.delivered.push({ body, origin }),
      answersEarly: () => stage.early,
      routeAround: (id) => stage.around.get(idToHex(id)),
    }),
    link: (bits) => links.get(bits)!,
    arrive: (bits, packet) => {
      const bytes = packet instanceof Uint8Array ? packet : encodePacket(packet)
      stage.router.receive(neighbourOf(table, stage.link(bits)), bytes)
    },
  }
  return stage
}

const toward = (target: string, fields: Partial<Extract<Packet, { kind: 'toward' }>> = {}): Packet => ({
  kind: 'toward',
  target: tinyId(target),
  exact: false,
  hopsLeft: 10,
  path: [],
  body: ping,
  ...fields,
})

/** On its way from the first of `path` to the last, over the link to the one at `index`. */
const along = (path: readonly string[], index: number, body = ping): Packet => ({
  kind: 'along',
  passed: path.slice(0, index - 1).map(tinyId),
  ahead: path.slice(index + 1).map(tinyId),
  body,
})

/** What a link was told of a request that could not go on. */
const unreachableAt = (link: FakeLink, hop: string) =>
  expect(link.messages).toEqual([{ type: 'unreachable', nonce, hop: tinyId(hop) }])

describe('toward an id', () => {
  test('the way back is the packet’s path and the authenticated link, whatever the sender says of itself', () => {
    const node = stage('0000', ['0001', '1000'])
    node.arrive('1000', toward('0000', { path: [tinyId('1100')] }))
    const [{ origin }] = node.delivered as [(typeof node.delivered)[0]]
    expect(origin.id).toEqual(tinyId('1100'))
    expect(origin.route).toEqual([tinyId('1000'), tinyId('1100')])
    expect(origin.link).toBe(node.link('1000'))
  })

  test('goes on over a link strictly closer, the last hop written down and one hop fewer left', () => {
    const node = stage('0100', ['0001', '1000', '0110'])
    node.arrive('1000', toward('0000', { path: [tinyId('1100')] }))
    expect(node.delivered).toEqual([])
    expect(node.link('0110').sent).toEqual([])
    expect(node.link('0001').packets).toEqual([
      toward('0000', { path: [tinyId('1100'), tinyId('1000')], hopsLeft: 9 }),
    ])
  })

  test('the owner gets it where it is linked, though another link is faster', () => {
    const node = stage('1111', ['0000', '0111', '1110'])
    node.link('0000').rttMs = 4_000
    node.link('0111').rttMs = 1
    node.arrive('1110', toward('0000'))
    expect(node.link('0000').sent).toHaveLength(1)
  })

  test('goes round a link that has gone silent, and over it where there is no other', () => {
    const node = stage('1111', ['0001', '0111', '1110'])
    neighbourOf(node.table, node.link('0001')).silent = true
    node.arrive('1110', toward('0000'))
    expect(node.link('0111').sent).toHaveLength(1)
    neighbourOf(node.table, node.link('0111')).silent = true
    node.arrive('1110', toward('0000'))
    expect(node.link('0001').sent).toHaveLength(1)
  })

  test('ends at the node that knows nobody closer, unless it is for its target alone', () => {
    const node = stage('0001', ['1000', '0100'])
    node.arrive('1000', toward('0000'))
    expect(node.delivered).toHaveLength(1)
    node.arrive('1000', toward('0000', { exact: true }))
    expect(node.delivered).toHaveLength(1)
    unreachableAt(node.link('1000'), '0')
  })

  test('a holder on the way answers FIND_VALUE early, and nothing else, and not what is for its target alone', () => {
    const node = stage('0100', ['0000', '1000'])
    node.early = true
    node.arrive('1000', toward('0000', { body: findValue }))
    expect(node.delivered).toHaveLength(1)
    node.arrive('1000', toward('0000'))
    node.arrive('1000', toward('0000', { body: findValue, exact: true }))
    expect(node.delivered).toHaveLength(1)
    expect(node.link('0000').sent).toHaveLength(2)
  })

  test('with no hop left the origin hears at once that it is unreachable', () => {
    const node = stage('0100', ['0001', '1000'])
    node.arrive('1000', toward('0000', { hopsLeft: 0 }))
    expect(node.link('0001').sent).toEqual([])
    unreachableAt(node.link('1000'), '0001')
  })

  test('a full link makes the packet unreachable at once, along the way it came', () => {
    const node = stage('0100', ['0001', '1000'])
    node.link('0001').full = true
    node.arrive('1000', toward('0000', { path: [tinyId('1100'), tinyId('1010')] }))
    expect(node.link('1000').packets).toEqual([
      {
        kind: 'along',
        passed: [],
        ahead: ['1010', '1100'].map(tinyId),
        body: encodeMessage({ type: 'unreachable', nonce, hop: tinyId('0001') }),
      },
    ])
  })

  test('a packet that has been here is dropped', () => {
    const node = stage('0100', ['0001', '1000'])
    node.arrive('1000', toward('0000', { path: [tinyId('0100')] }))
    expect(node.delivered).toEqual([])
    for (const bits of ['0001', '1000']) expect(node.link(bits).sent).toEqual([])
  })

  test('a packet is never handed back to where it came from: unreachable, at once', () => {
    const node = stage('1000', ['0010', '0011', '1111'])
    node.arrive('0010', toward('0000', { exact: true, path: [tinyId('0011')] }))
    unreachableAt(node.link('0011'), '0000')
    expect(node.link('0010').sent).toEqual([])
  })
})

describe('along a route', () => {
  test('is handed on to the next hop', () => {
    const node = stage('0001', ['1000', '0010'])
    node.arrive('1000', along(['1000', '0001', '0010', '0011'], 1))
    expect(node.link('0010').packets).toEqual([along(['1000', '0001', '0010', '0011'], 2)])
  })

  test('skips ahead to the furthest later hop that is linked', () => {
    const node = stage('0001', ['1000', '0010', '0100'])
    node.arrive('1000', along(['1000', '0001', '0010', '0011', '0100'], 1))
    expect(node.link('0010').sent).toEqual([])
    expect(node.link('0100').packets).toEqual([along(['1000', '0001', '0100'], 2)])
  })

  test('at its end it is delivered, with the reversed path as the way back', () => {
    const node = stage('0001', ['0010'])
    node.arrive('0010', along(['1000', '0100', '0010', '0001'], 3))
    expect(node.delivered[0]?.origin).toEqual({
      id: tinyId('1000'),
      link: node.link('0010'),
      route: ['0010', '0100', '1000'].map(tinyId),
    })
  })

  test('a broken hop answers unreachable at once', () => {
    const node = stage('0001', ['1000'])
    node.arrive('1000', along(['1000', '0001', '0010', '0011'], 1))
    unreachableAt(node.link('1000'), '0010')
    expect(node.delivered).toEqual([])
  })

  test('what goes to a sibling that no link leads to goes by the sibling that is linked to it', () => {
    const node = stage('0001', ['1000', '0011'])
    node.around.set(idToHex(tinyId('0000')), ['0011', '0000'].map(tinyId))
    node.arrive('1000', along(['1000', '0001', '0000'], 1))
    node.arrive('1000', toward('0000', { exact: true, path: [tinyId('1100')] }))
    expect(node.link('0011').packets).toEqual([
      along(['1000', '0001', '0011', '0000'], 2),
      along(['1100', '1000', '0001', '0011', '0000'], 3),
    ])
    expect(node.link('1000').sent).toEqual([])
  })

  test('but never back to where it came from, and not when that sibling has gone', () => {
    const node = stage('0001', ['1000', '0011'])
    node.around.set(idToHex(tinyId('0000')), ['0011', '0000'].map(tinyId))
    node.arrive('0011', along(['0011', '0001', '0000'], 1))
    unreachableAt(node.link('0011'), '0000')
    node.around.set(idToHex(tinyId('0000')), ['0010', '0000'].map(tinyId))
    node.arrive('1000', along(['1000', '0001', '0000'], 1))
    unreachableAt(node.link('1000'), '0000')
  })

  test('replies, notices and what is no message die in silence', () => {
    const node = stage('0001', ['1000'])
    for (const body of [pong, goodbye, new Uint8Array(0), Uint8Array.of(1, 2)]) {
      node.arrive('1000', along(['1000', '0001', '0010', '0011'], 1, body))
    }
    expect(node.link('1000').sent).toEqual([])
    expect(node.link('1000').closedAs).toBeUndefined()
  })

  test('whose link it came over stands on the way back, whatever the packet says of who passed it on', () => {
    const node = stage('0001', ['1000', '0010'])
    node.arrive('1000', { kind: 'along', passed: [tinyId('0010')], ahead: [], body: ping })
    expect(node.delivered[0]?.origin.route).toEqual(['1000', '0010'].map(tinyId))
    node.arrive('1000', { kind: 'along', passed: [tinyId('0100')], ahead: [tinyId('0010')], body: ping })
    expect(node.link('0010').packets).toEqual([
      { kind: 'along', passed: ['0100', '1000'].map(tinyId), ahead: [], body: ping },
    ])
  })
})

describe('sending', () => {
  test('straight where the destination is linked, else along the route from the furthest hop that is', () => {
    const node = stage('0000', ['0001', '0010'])
    const route = ['0001', '0010', '0011'].map(tinyId)
    expect(node.router.sendAlong(route, ping)).toBe(true)
    expect(node.link('0010').packets).toEqual([along(['0000', '0010', '0011'], 1)])
    expect(node.router.sendAlong(route.slice(0, 1), ping)).toBe(true)
    expect(node.link('0001').packets).toEqual([{ kind: 'direct', body: ping }])
  })

  test('a reply goes back over the link that brought its request, though others of its way are linked', () => {
    const node = stage('0000', ['0001', '0010', '0100'], { relayedPerSecond: 1, relayedBurst: 2 })
    const origin = {
      id: tinyId('0100'),
      link: node.link('0001'),
      route: ['0001', '0010', '0100'].map(tinyId),
    }
    const large = new Uint8Array(2_049)
    node.router.sendBack(origin, large)
    expect(node.link('0001').packets).toEqual([along(['0000', '0001', '0010', '0100'], 1, large)])
    expect([node.link('0010'), node.link('0100')].flatMap(({ sent }) => sent)).toEqual([])
    node.router.sendBack({ ...origin, id: tinyId('0001'), route: [tinyId('0001')] }, large)
    expect(node.link('0001').packets.at(-1)).toEqual({ kind: 'direct', body: large })
  })

  test('a small reply may take a shortcut, as often as what came by that link may be relayed', () => {
    const node = stage('0000', ['0001', '0010'], { relayedPerSecond: 1, relayedBurst: 2 })
    const origin = {
      id: tinyId('0100'),
      link: node.link('0001'),
      route: ['0001', '0010', '0100'].map(tinyId),
    }
    const small = new Uint8Array(2_048)
    for (let i = 0; i < 5; i++) node.router.sendBack(origin, small)
    expect(node.link('0010').packets).toEqual(Array(2).fill(along(['0000', '0010', '0100'], 1, small)))
    expect(node.link('0001').packets).toEqual(
      Array(3).fill(along(['0000', '0001', '0010', '0100'], 1, small)),
    )
  })

  test('where nothing is left out nothing is taken of the ration', () => {
    const node = stage('0000', ['0001', '1000'], { relayedPerSecond: 1, relayedBurst: 1 })
    const origin = { id: tinyId('0100'), link: node.link('0001'), route: ['0001', '0100'].map(tinyId) }
    for (let i = 0; i < 5; i++) node.router.sendBack(origin, pong)
    expect(node.link('0001').sent).toHaveLength(5)
    node.arrive('0001', along(['0001', '0000', '1000'], 1))
    expect(node.link('1000').sent).toHaveLength(1)
  })

  test('is refused where no hop is linked, the link is full, or the way is too long', () => {
    const node = stage('0000', ['0001'])
    expect(node.router.sendAlong([tinyId('0100')], ping)).toBe(false)
    const way = (length: number) => [tinyId('0001'), ...Array(length - 1).fill(tinyId('0100'))]
    expect(node.router.sendAlong(way(hopsMax), ping)).toBe(true)
    expect(node.router.sendAlong(way(hopsMax + 1), ping)).toBe(false)
    node.link('0001').full = true
    expect(node.router.sendDirect(node.link('0001'), ping)).toBe(false)
    expect(node.router.sendToward(node.link('0001'), tinyId('1'), ping)).toBe(false)
  })

  test('a packet toward an id is born with an empty path and fifteen hops left', () => {
    const node = stage('0000', ['0001'])
    node.router.sendToward(node.link('0001'), tinyId('0011'), ping, true)
    expect(node.link('0001').packets).toEqual([toward('0011', { exact: true, hopsLeft: hopsMax - 1 })])
  })
})

describe('what relaying may cost', () => {
  const relayed = (node: Stage) => node.link('0000').sent.length

  test('each link has a ration, which fills again with time', () => {
    const node = stage('0100', ['0000', '1000', '1001'], { relayedPerSecond: 10, relayedBurst: 3 })
    for (let i = 0; i < 9; i++) node.arrive('1000', toward('0000'))
    expect(relayed(node)).toBe(3)
    expect(node.router.counters).toMatchObject({ relayed: 3, relayRefused: 6 })
    node.arrive('1001', toward('0000'))
    expect(relayed(node)).toBe(4)
    node.nowMs = 200
    for (let i = 0; i < 9; i++) node.arrive('1000', along(['1000', '0100', '0000'], 1))
    expect(relayed(node)).toBe(6)
  })

  test('signals have one of their own', () => {
    const node = stage('0100', ['0000', '1000'], { relayedBurst: 1, signalsPerSecond: 10, signalsBurst: 2 })
    for (let i = 0; i < 5; i++) node.arrive('1000', toward('0000', { body: signal }))
    expect(relayed(node)).toBe(2)
    node.arrive('1000', toward('0000'))
    expect(relayed(node)).toBe(3)
  })

  test('what is for this node is not rationed', () => {
    const node = stage('0100', ['0000', '1000'], { relayedBurst: 1 })
    for (let i = 0; i < 5; i++) {
      node.arrive('1000', { kind: 'direct', body: ping })
      node.arrive('1000', toward('0100'))
      node.arrive('1000', along(['1000', '0100'], 1))
    }
    expect(node.delivered).toHaveLength(15)
  })
})

describe('malformed packets', () => {
  test('cost the link they came over, and nothing else', () => {
    const malformed: Uint8Array[] = [
      new Uint8Array(0),
      Uint8Array.of(0xff, 1, 2, 3),
      encodePacket(toward('0000')).slice(0, 20),
      Uint8Array.from(encodePacket(toward('0000')), (byte, at) => (at === 1 ? 16 : byte)),
      Uint8Array.from(encodePacket(toward('0000')), (byte, at) => (at === 2 ? 255 : byte)),
      Uint8Array.from(encodePacket(along(['1000', '0100'], 1)), (byte, at) => (at === 1 ? 16 : byte)),
      Uint8Array.from(encodePacket(along(['1000', '0100'], 1)), (byte, at) => (at === 2 ? 255 : byte)),
    ]
    for (const bytes of malformed) {
      const node = stage('0100', ['0000', '1000'])
      node.arrive('1000', bytes)
      expect(node.link('1000').closedAs, `${bytes}`).toBe('violation')
      expect(node.link('0000').closedAs).toBeUndefined()
      expect(node.link('0000').sent).toEqual([])
      expect(node.delivered).toEqual([])
      expect(node.router.counters.malformed).toBe(1)
    }
  })

  test('any bytes are a packet or a violation, and nothing throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const node = stage('0100', ['0000', '1000'])
        node.arrive('1000', bytes)
        expect(node.link('0000').closedAs).toBeUndefined()
        expect([undefined, 'violation']).toContain(node.link('1000').closedAs)
      }),
    )
  })
})

test('of the links to nodes nearer to the target, by three bits, than our siblings are to us a packet takes the fastest', () => {
  const own = tinyId('11110000')
  const links = new LinkTable(own, settingsWith({ k: 2 }))
  const [before, sibling] = [new FakeLink(tinyId('11110001'), 20), new FakeLink(tinyId('11010000'), 20)]
  const [fast, nearer] = [new FakeLink(tinyId('00000011'), 10), new FakeLink(tinyId('00000001'), 40)]
  links.add(before, 0)
  expect(links.nearBits).toBe(-1)
  for (const link of [sibling, fast, nearer]) links.add(link, 0)
  expect(links.nearBits).toBe(2)
  const router = new Router(own, links, () => 0, {
    deliver: () => undefined,
    answersEarly: () => false,
    routeAround: () => undefined,
  })
  router.receive(neighbourOf(links, before), encodePacket(toward('0')))
  expect([fast.sent.length, nearer.sent.length]).toEqual([1, 0])
})
