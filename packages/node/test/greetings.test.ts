import { type Id, idToHex } from '@kadrtc/kademlia'
import { VirtualClock } from '@kadrtc/simulator'
import { expect, test } from 'vitest'
import { Greetings } from '../src/joining/greetings.js'
import type { LinkTable } from '../src/overlay/link-table.js'
import { tinyId } from './fake-link.js'

const peers = ['1', '10', '11', '100', '101', '110', '111', '1000'].map((bits) => tinyId(bits))
const atOnce = 3

/** What comes of each dial, in ms from its beginning; those not named are never answered. */
function meeting(refusedAfterMs: readonly (number | undefined)[], unwanted: readonly number[] = []) {
  const clock = new VirtualClock()
  const links = { size: 0 }
  const numberOf = (peer: Id) => peers.indexOf(peer) + 1
  const dialled: string[] = []
  let ended = 0
  const greetings = new Greetings(
    { clock, links: links as LinkTable, wants: (peer) => !unwanted.includes(numberOf(peer)) },
    () => {
      ended += 1
    },
  )
  const dial = (peer: Id) => {
    dialled.push(`${numberOf(peer)} at ${clock.elapsedMs}`)
    return new Promise((_, reject) => {
      const afterMs = refusedAfterMs[numberOf(peer) - 1]
      if (afterMs !== undefined) clock.setTimer(afterMs, () => reject(new Error('REFUSED')))
    })
  }
  greetings.meet(peers, atOnce, dial)
  return { clock, links, greetings, dialled, ended: () => ended }
}

test('in place of each that refuses another is dialled', async () => {
  const { clock, dialled, greetings } = meeting([200, 300, undefined, 200])
  await clock.advance(1_000)
  expect(dialled).toEqual(['1 at 0', '2 at 0', '3 at 0', '4 at 200', '5 at 300', '6 at 400'])
  expect([...greetings.underWay].map(idToHex)).toEqual([2, 4, 5].map((place) => idToHex(peers[place]!)))
})

test('beside those that take long one more is dialled every three seconds', async () => {
  const { clock, dialled } = meeting([])
  await clock.advance(60_000)
  expect(dialled.slice(atOnce)).toEqual(['4 at 3000', '5 at 6000', '6 at 9000', '7 at 12000', '8 at 15000'])
  expect(clock.pendingTimers).toBe(0)
})

test('who is linked, or was dialled in vain, meanwhile is passed over', async () => {
  const { clock, dialled } = meeting([200], [4, 5])
  await clock.advance(1_000)
  expect(dialled.slice(atOnce)).toEqual(['6 at 200'])
})

test('with a link nobody else is dialled', async () => {
  const { clock, dialled, links, greetings } = meeting([200, 200, 15_000])
  links.size = 1
  greetings.onLinkOpened()
  await clock.advance(10_000)
  expect(dialled).toHaveLength(atOnce)
  // That link has closed: introducers are asked for others.
  links.size = 0
  await clock.advance(10_000)
  expect(dialled).toHaveLength(atOnce)
})

test('it ends when all have refused, once', async () => {
  const { clock, dialled, ended } = meeting(peers.map(() => 200))
  await clock.advance(599)
  expect(ended()).toBe(0)
  await clock.advance(1)
  expect(dialled).toHaveLength(peers.length)
  expect(ended()).toBe(1)
})

test('closed, it dials nobody and has left no timer of its own', async () => {
  const { clock, dialled, greetings, ended } = meeting([200, 200, 200])
  greetings.close()
  expect(clock.pendingTimers).toBe(atOnce)
  await clock.advance(10_000)
  expect(dialled).toHaveLength(atOnce)
  expect(ended()).toBe(0)
})
