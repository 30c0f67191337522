/** How a node answers who asks it for its links. */
import { bucketIndex, type Id } from '@kadrtc/kademlia'
import { expect, test } from 'vitest'
import { LinkTable } from '../src/overlay/link-table.js'
import type { HandlerPorts } from '../src/rpc/handler-ports.js'
import { Handlers } from '../src/rpc/handlers.js'
import { FakeLink, settingsWith, tinyId } from './fake-link.js'

const own = tinyId('00000000')
const asker = tinyId('01000111')
const bucket = bucketIndex(asker, tinyId('10000000'))

function ask(peers: readonly (readonly [bits: string, rttMs: number | undefined])[], route: readonly Id[]) {
  const links = new LinkTable(own, settingsWith())
  for (const [bits, rttMs] of peers) links.add(new FakeLink(tinyId(bits), rttMs), 0)
  const handlers = new Handlers({ own, links } as unknown as HandlerPorts)
  const reply = handlers.handle(
    { type: 'find-links', nonce: 9, bucket },
    { id: asker, link: new FakeLink(asker), route },
  )
  return { reply, links, handlers }
}

test('the links into the asker’s bucket are named, fastest first, in whole milliseconds', () => {
  const { reply, handlers } = ask(
    [
      ['10000001', 40.4],
      ['10000010', 7.6],
      ['10000011', undefined],
      ['10000100', 65_536],
      ['11000001', 20],
      // In the buckets of the asker that this node itself is in, and in which it is alone.
      ['00000110', 1],
      ['01000110', 1],
      ['01000111', 1],
    ],
    [asker],
  )
  expect(reply).toEqual({
    type: 'links',
    nonce: 9,
    links: [
      { id: tinyId('10000010'), rttMs: 8 },
      { id: tinyId('11000001'), rttMs: 20 },
      { id: tinyId('10000001'), rttMs: 40 },
    ],
  })
  expect(handlers.served.findLinks).toBe(1)
})

test('the bucket is the asker’s, not one of the node that answers', () => {
  const nearUs = ask([['00000001', 5]], [asker])
  expect(nearUs.reply).toMatchObject({ links: [] })
  const links = new LinkTable(own, settingsWith())
  links.add(new FakeLink(tinyId('00000001'), 5), 0)
  const handlers = new Handlers({ own, links } as unknown as HandlerPorts)
  const from = tinyId('10000000')
  const question = { type: 'find-links', nonce: 9, bucket: bucketIndex(from, own) } as const
  const origin = { id: from, link: new FakeLink(from), route: [from] }
  expect(handlers.handle(question, origin)).toMatchObject({ links: [{ rttMs: 5 }] })
})

test('of many the eight fastest', () => {
  const peers = Array.from({ length: 12 }, (_, i) => [(0b10000000 + i).toString(2), 100 - i] as const)
  const { reply } = ask(peers, [asker])
  const named = reply && 'links' in reply ? reply.links.map(({ rttMs }) => rttMs) : []
  expect(named).toEqual([89, 90, 91, 92, 93, 94, 95, 96])
})

test('who asks over a relay is refused: only a neighbour may know', () => {
  const { reply, handlers } = ask([['10000001', 40]], [tinyId('1'), asker])
  expect(reply).toEqual({ type: 'error', nonce: 9, code: 'bad-request' })
  expect(handlers.served.findLinks).toBe(0)
})
