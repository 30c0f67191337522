import type { Id } from '@kadrtc/kademlia'
import type { Identity, IntroducerEvents } from '@kadrtc/node'
import { SeededRandom, StubIdentity, VirtualClock } from '@kadrtc/simulator'
import { expect, test } from 'vitest'
import { Introductions } from '../src/joining/introductions.js'
import { tinyId } from './fake-link.js'

const named = [tinyId('0001'), tinyId('0010')]

/** Introductions with one introducer, which does what the test says and counts how often it is asked. */
function rig() {
  const clock = new VirtualClock()
  const random = new SeededRandom(1)
  const identity: Identity = StubIdentity.random(random)
  const said = { asked: 0, joined: 0 }
  const world = { dials: true, isIsland: false }
  let events: IntroducerEvents | undefined
  const introductions = new Introductions(
    {
      introducers: [
        {
          name: 'a server',
          open: (_identity, _network, heard) => {
            events = heard
            return {
              connect: () => {
                said.asked += 1
              },
              send: () => true,
              joined: () => {
                said.joined += 1
              },
              close: () => undefined,
            }
          },
        },
      ],
      identity,
      network: 'test',
      clock,
      random: { bytes: (length) => random.bytes(length) },
      reintroductionMs: 1_000_000_000,
      overlayPathTo: () => ({ send: () => undefined }),
      mayBeIsland: (peers) => world.isIsland && peers.length > 0,
    },
    { onPeers: () => world.dials, onSignal: () => undefined, onState: () => undefined },
  )
  introductions.open()
  const welcome = (peers: readonly Id[]) => events!.onWelcome(peers)
  return { clock, said, world, introductions, welcome, letGo: () => events!.onDown() }
}

test('who was let go while nobody is linked asks again soon', async () => {
  const { clock, said, introductions, welcome, letGo } = rig()
  welcome(named)
  introductions.waiting()
  letGo()
  await clock.advance(5_000)
  expect(said.asked).toBe(2)
})

test('who could dial none of those it was named asks for others, with growing pauses', async () => {
  const { clock, said, world, welcome } = rig()
  world.dials = false
  const askedAtMs: number[] = []
  welcome(named)
  for (let asked = said.asked; askedAtMs.length < 4; asked = said.asked) {
    await clock.runUntil(() => said.asked > asked, { withinMs: 60_000 })
    askedAtMs.push(clock.elapsedMs)
    welcome(named)
  }
  expect(askedAtMs[3]! - askedAtMs[2]!).toBeGreaterThan(2 * askedAtMs[0]!)
})

test('who has joined asks seldom; who may be on an island asks soon, then ever more seldom', async () => {
  const joined = rig()
  joined.welcome(named)
  joined.introductions.joined()
  await joined.clock.advance(600_000)
  expect(joined.said.asked).toBe(1)

  const { clock, said, world, introductions, welcome, letGo } = rig()
  world.isIsland = true
  welcome(named)
  introductions.joined()
  letGo()
  const askedAtMs: number[] = []
  for (let asked = said.asked; askedAtMs.length < 3; asked = said.asked) {
    await clock.runUntil(() => said.asked > asked, { withinMs: 60_000 })
    askedAtMs.push(clock.elapsedMs)
    welcome(named)
  }
  expect(askedAtMs).toEqual([5_000, 15_000, 35_000])
  world.isIsland = false
  await clock.advance(600_000)
  expect(said.asked).toBe(4)
})

test('who dials those it was named stays with its introducer until that has ended', () => {
  const { said, world, introductions, welcome } = rig()
  world.dials = false
  welcome([])
  introductions.waiting()
  expect(said.joined).toBe(1)
  world.dials = true
  welcome(named)
  expect(said.joined).toBe(1)
  introductions.joined()
  expect(said.joined).toBe(2)
})
