import { expect, test } from 'vitest'
import { overlayPath } from '../src/overlay/signal-paths.js'
import type { Rpc } from '../src/rpc/rpc.js'
import type { Way } from '../src/rpc/way.js'
import { FakeLink, settingsWith, tableOf, tinyId } from './fake-link.js'

const own = tinyId('11110000')
const peer = tinyId('00000000')
const [relay, other] = [new FakeLink(tinyId('00001111'), 10), new FakeLink(tinyId('00110000'), 20)]

/** The ways that a signal takes when the first `failing` bring nothing. */
function waysTaken(failing: number, again?: boolean): Way[] {
  const taken: Way[] = []
  const signal = (way: Way, _: Uint8Array, onFailed: () => void) => {
    taken.push(way)
    if (taken.length <= failing) onFailed()
  }
  const links = tableOf([relay, other], settingsWith())
  const ports = { own, links, rpc: { signal } as unknown as Rpc }
  overlayPath(ports, peer, [relay.peer, peer]).send(Uint8Array.of(1), again)
  return taken
}

const route: Way = { kind: 'route', route: [relay.peer, peer] }

test('a signal takes the route by which the peer was named, and other links only when that fails', () => {
  expect(waysTaken(0)).toEqual([route])
  const all = waysTaken(10)
  expect(all[0]).toEqual(route)
  expect(all.slice(1).map((way) => way.kind === 'toward' && way.link)).toEqual([relay, other])
})

test('a signal that is sent again takes the first way last', () => {
  const all = waysTaken(10, true)
  expect(all.map(({ kind }) => kind)).toEqual(['toward', 'toward', 'route'])
})
