import { type Id, idToHex } from '@kadrtc/kademlia'
import { SeededRandom } from '@kadrtc/simulator'
import { isKnownContact } from '@kadrtc/wire'
import { describe, expect, test } from 'vitest'
import { findClosest } from '../src/lookups/find-closest.js'
import type { LookupPorts } from '../src/lookups/lookup-ports.js'
import { readRecords } from '../src/lookups/read.js'
import type { RecordProofs } from '../src/records/proofs.js'
import { nearestFirst, randomIds, type ViewRigOptions, viewRig } from './view-rig.js'

const k = 8
const targets = randomIds('targets', 60)

const ids = randomIds('find closest', 200)

function scene(options: Pick<ViewRigOptions, 'firstMs' | 'alongMs' | 'offRoute'>) {
  const linked = [...nearestFirst(ids, ids[0]!).slice(1, k + 1), ...ids.slice(150, 165)]
  const rig = viewRig({ ids, k, linked, ...options })
  return { ...rig, closestTo: (target: (typeof ids)[0]) => nearestFirst(ids.slice(1), target).slice(0, k) }
}

function readNothing(ports: LookupPorts, keyId: Id) {
  return readRecords({ ...ports, random: new SeededRandom(1) }, {} as RecordProofs, {
    question: { type: 'find-value', keyId, all: false },
    local: [],
    vouched: false,
    holdersWanted: 3,
    copyHolders: [],
    signal: new AbortController().signal,
  })
}

test('a key that is far is asked for over two more ways than a get takes: a put waits for those of two ends', async () => {
  const { clock, ports, asked } = scene({ firstMs: 20, alongMs: 20 })
  const ways: number[] = []
  for (const target of targets) {
    asked.length = 0
    await clock.settle(findClosest(ports, target), { withinMs: 1_000 })
    ways.push(asked.length)
  }
  expect(Math.max(...ways)).toBe(ports.settings.alpha + 2)
})

test('a newcomer that was told who is near names them, and looks for them behind whoever answers', async () => {
  const [own, far] = [ids[0]!, ids[150]!]
  const [nearest, ...named] = nearestFirst(ids.slice(1), own).slice(0, k)
  const { clock, ports, asked } = viewRig({ ids, k, linked: [far], firstMs: 20, alongMs: 20 })
  const found = await clock.settle(findClosest(ports, own, { named }), { withinMs: 1_000 })
  expect(asked).toHaveLength(1)
  const { known } = asked[0]!.question
  expect(named.every((id) => isKnownContact(known!, id))).toBe(true)
  expect(found.map(({ id }) => idToHex(id))).toEqual([nearest!, ...named].map(idToHex))
  expect(found[0]!.route).toEqual([far, nearest])
  for (const { id, route } of found.slice(1)) expect(route).toEqual([far, nearest, id])
})

describe('when the answer leaves open who the last of the closest are', () => {
  test('one more node is asked, and then they are the true ones', async () => {
    const { clock, ports, asked, closestTo } = scene({ firstMs: 20, alongMs: 20 })
    for (const target of targets) {
      const found = await clock.settle(findClosest(ports, target, { inDoubt: 'wait' }), { withinMs: 1_000 })
      expect(found.map(({ id }) => idToHex(id))).toEqual(closestTo(target).map(idToHex))
    }
    const questions = asked.length
    for (const target of targets) await clock.settle(findClosest(ports, target), { withinMs: 1_000 })
    const more = questions - (asked.length - questions)
    expect(more).toBeGreaterThan(targets.length / 10)
    expect(more).toBeLessThan(targets.length / 1.5)
  })

  test('who does not wait is told, and gets its answer no later', async () => {
    const { clock, ports, closestTo } = scene({ firstMs: 20, alongMs: 20 })
    let changed = 0
    for (const target of targets) {
      const startMs = clock.elapsedMs
      let heard: string[] = []
      const onHeard = (closest: readonly { id: (typeof targets)[0] }[]) => {
        heard = closest.map(({ id }) => idToHex(id))
      }
      const finding = findClosest(ports, target, { inDoubt: 'tell', onHeard })
      const found = await clock.settle(finding, { withinMs: 1_000 })
      expect(clock.elapsedMs - startMs).toBe(20)
      await clock.advance(30)
      expect(heard).toEqual(closestTo(target).map(idToHex))
      if (found.some(({ id }, rank) => idToHex(id) !== heard[rank])) changed++
    }
    expect(changed).toBeGreaterThan(0)
  })
})

describe('when the first answers come late, while the careful lookup is under way', () => {
  test('it goes on from what they name, for nobody else will name it', async () => {
    const { clock, ports, closestTo } = scene({ firstMs: 150, alongMs: 40 })
    for (const target of targets) {
      const found = await clock.settle(findClosest(ports, target), { withinMs: 10_000 })
      expect(found.map(({ id }) => idToHex(id))).toEqual(closestTo(target).map(idToHex))
    }
  })

  test('a get asks all who are near before it says that there is nothing', async () => {
    const { clock, ports, asked, closestTo } = scene({ firstMs: 150, alongMs: 40 })
    for (const keyId of targets) {
      asked.length = 0
      const reading = readNothing(ports, keyId)
      expect((await clock.settle(reading, { withinMs: 10_000 })).records).toEqual([])
      const all = new Set(asked.map(({ id }) => idToHex(id)))
      for (const id of closestTo(keyId)) expect(all.has(idToHex(id))).toBe(true)
    }
  })
})

describe('what a lookup that is careful says it knows', () => {
  const target = targets[0]!
  // The closest one answers the fast way of a get.
  const offRoute = nearestFirst(ids.slice(1), target).slice(1, 2)

  for (const [verb, look] of [
    ['find-node', (ports: LookupPorts) => findClosest(ports, target, { paths: 1 })],
    ['find-value', (ports: LookupPorts) => readNothing(ports, target)],
  ] as const) {
    test(`goes along routes, but not with a packet that finds its way itself: ${verb}`, async () => {
      const { clock, ports, asked } = scene({ firstMs: 150, alongMs: 40, offRoute })
      await clock.settle<unknown>(look(ports), { withinMs: 10_000 })
      const itself = asked.filter(({ way }) => way.kind === 'toward' && way.exact)
      expect(itself.map(({ id }) => id)).toEqual(offRoute)
      expect(itself[0]!.question.known).toBeUndefined()
      const along = asked.filter(({ way }) => way.kind === 'route')
      expect(along.some(({ question }) => question.known)).toBe(true)
    })
  }
})
