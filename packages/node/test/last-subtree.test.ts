import type { Id } from '@kadrtc/kademlia'
import { describe, expect, test } from 'vitest'
import { whoKnowsTheLast } from '../src/lookups/last-subtree.js'
import { tinyId } from './fake-link.js'
import { nearestFirst, randomIds, viewsOf } from './view-rig.js'

const asker = tinyId('1'.repeat(30))
const last = (target: string, responder: string, contacts: string[], k: number) =>
  whoKnowsTheLast(tinyId(target), asker, { responder: tinyId(responder), contacts: contacts.map(tinyId) }, k)

describe('whose answer is certain', () => {
  test('that of a node which has named somebody beyond the subtree of the k-th closest', () => {
    expect(last('0000', '0001', ['0100', '1000'], 2)).toBeUndefined()
  })

  test('not that of a node whose last two are where it and the target see another order: the first of them is asked', () => {
    // To 0010 the nearest of those that begin with 1 is 1011, to 0000 it is 1000: 0010 need not know of 1000.
    expect(last('0000', '0010', ['1011', '1010'], 2)).toEqual(tinyId('1010'))
  })

  test('that of a node which names all it is linked to', () => {
    expect(last('0000', '0010', ['1011'], 2)).toBeUndefined()
  })

  test('the asker is one of the closest, and is not asked', () => {
    const target = tinyId('0000')
    const view = { responder: tinyId('0010'), contacts: [tinyId('1010'), tinyId('1011')] }
    expect(whoKnowsTheLast(target, tinyId('1000'), view, 2)).toEqual(tinyId('1010'))
    expect(whoKnowsTheLast(target, tinyId('0001'), view, 2)).toBeUndefined()
  })
})

// `view.contacts` are those of the closest node's own links, which are its k nearest and whoever has it among his.
test('in random networks an answer said to be certain names all k closest, and whoever is asked besides names the others', () => {
  const k = 8
  const outcomes = { certain: 0, asked: 0, mended: 0 }
  for (let network = 0; network < 6; network++) {
    const ids = randomIds(`last ${network}`, 150 + 40 * network)
    const view = viewsOf(ids, k)
    for (const target of randomIds(`target ${network}`, 50)) {
      const closest = nearestFirst(ids, target).slice(0, k)
      const responder = closest[0]!
      const contacts = view(responder, target)
      const named = nearestFirst([responder, ...contacts], target).slice(0, k)
      const more = whoKnowsTheLast(target, asker, { responder, contacts }, k)
      const isWhole = (of: readonly Id[]) => of.every((id, rank) => id === closest[rank])
      if (!more) {
        expect(isWhole(named)).toBe(true)
        outcomes.certain++
        continue
      }
      outcomes.asked++
      if (isWhole(named)) continue
      const both = nearestFirst([...new Set([...named, ...view(more, target)])], target)
      expect(isWhole(both.slice(0, k))).toBe(true)
      outcomes.mended++
    }
  }
  expect(outcomes.certain).toBeGreaterThan(100)
  expect(outcomes.asked).toBeLessThan(200)
  expect(outcomes.mended).toBeGreaterThan(10)
})
