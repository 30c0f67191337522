/** Laws of forwarding, over random networks. */
import { equalIds, type Id, idKey } from '@kadrtc/kademlia'
import { decodeMessage, encodeMessage } from '@kadrtc/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Origin, Router } from '../src/overlay/router.js'
import { FakeLink, settingsWith, tableOf, tinyId } from './fake-link.js'

const nonce = 0x0102_0304_0506
const ping = encodeMessage({ type: 'ping', nonce, payload: new Uint8Array(0) })
const pong = encodeMessage({ type: 'pong', nonce, payload: new Uint8Array(0) })

/** Routers of a whole small network; a packet moves when it is taken off its link. */
function network(edges: readonly (readonly [number, number])[]) {
  const ids = new Map<number, Id>()
  const links = new Map<number, FakeLink[]>()
  for (const [a, b] of edges) {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      ids.set(from, tinyId(from.toString(2)))
      const list = links.get(from) ?? []
      links.set(from, list)
      const peer = tinyId(to.toString(2))
      if (!list.some((link) => equalIds(link.peer, peer))) list.push(new FakeLink(peer, (from * to) % 97))
    }
  }
  const delivered: { at: number; origin: Origin; body: Uint8Array }[] = []
  const nodes = new Map(
    [...ids].map(([number, id]) => {
      const table = tableOf(links.get(number)!, settingsWith())
      const events = {
        deliver: (body: Uint8Array, origin: Origin) => delivered.push({ at: number, origin, body }),
        answersEarly: () => false,
        routeAround: () => undefined,
      }
      return [idKey(id), { number, id, table, router: new Router(id, table, () => 0, events) }] as const
    }),
  )
  /** Moves everything until nothing moves; the nodes at which a request was, in order. */
  const settle = () => {
    const visited: number[] = []
    for (let moved = true; moved; ) {
      moved = false
      for (const from of nodes.values()) {
        for (const link of links.get(from.number)!) {
          for (const bytes of link.sent.splice(0)) {
            moved = true
            const to = nodes.get(idKey(link.peer))!
            if (bytes[0] === 2 || bytes[0] === 3) visited.push(to.number)
            to.router.receive(to.table.neighbour(from.id)!, bytes)
          }
        }
      }
    }
    return visited
  }
  return { nodes: [...nodes.values()], delivered, settle }
}

const edges = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 31 }), fc.integer({ min: 0, max: 31 })).filter(([a, b]) => a !== b),
  { minLength: 1, maxLength: 60 },
)

describe('laws over random networks', () => {
  test('a packet toward an id visits no node twice, and ends in one delivery or one unreachable', () => {
    fc.assert(
      fc.property(edges, fc.nat(), fc.nat(), fc.nat(), fc.boolean(), (list, a, b, c, exact) => {
        const { nodes, delivered, settle } = network(list)
        const origin = nodes[a % nodes.length]!
        const first = [...origin.table.links()][b % origin.table.size]!
        origin.router.sendToward(first, tinyId((c % 32).toString(2)), ping, exact)
        const visited = settle()
        expect(new Set(visited).size).toBe(visited.length)
        expect(visited).not.toContain(origin.number)
        const ends = delivered.map(({ at, body }) => ({ at, type: decodeMessage(body).message.type }))
        expect(ends).toHaveLength(1)
        const [end] = ends as [{ at: number; type: string }]
        if (end.type === 'unreachable') expect(end.at).toBe(origin.number)
        else expect(end).toEqual({ at: visited.at(-1), type: 'ping' })
        if (exact && end.type === 'ping') expect(end.at).toBe(c % 32)
      }),
    )
  })

  test('the way a request came leads its reply back to the origin', () => {
    fc.assert(
      fc.property(edges, fc.nat(), fc.nat(), fc.nat(), (list, a, b, c) => {
        const { nodes, delivered, settle } = network(list)
        const origin = nodes[a % nodes.length]!
        const first = [...origin.table.links()][b % origin.table.size]!
        origin.router.sendToward(first, tinyId((c % 32).toString(2)), ping)
        settle()
        const [request] = delivered.splice(0) as [(typeof delivered)[0]]
        fc.pre(decodeMessage(request.body).message.type === 'ping')
        const responder = nodes.find(({ number }) => number === request.at)!
        expect(responder.router.sendAlong(request.origin.route, pong)).toBe(true)
        settle()
        expect(delivered.map(({ at, body }) => ({ at, body }))).toEqual([{ at: origin.number, body: pong }])
        expect(delivered[0]!.origin.id).toEqual(responder.id)
      }),
    )
  })

  test('a packet along any route, honest or not, moves at most as often as the route is long', () => {
    const paths = fc.array(fc.integer({ min: 0, max: 31 }), { minLength: 1, maxLength: 16 })
    fc.assert(
      fc.property(edges, fc.nat(), paths, (list, a, rest) => {
        const { nodes, delivered, settle } = network(list)
        const origin = nodes[a % nodes.length]!
        const route = rest.map((number) => tinyId(number.toString(2)))
        origin.router.sendAlong(route, ping)
        settle()
        expect(delivered.length).toBeLessThanOrEqual(1)
        const hops = nodes.reduce((sum, { router }) => sum + router.counters.relayed, 0)
        expect(hops).toBeLessThanOrEqual(2 * rest.length)
      }),
    )
  })
})
