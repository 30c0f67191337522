import { describe, expect, test } from 'vitest'
import { Lookup, type LookupOptions } from '../src/index.js'
import { bitsOf, type Contact, tinyContact, tinyId } from './ids.js'

const options = {
  target: tinyId('0000'),
  own: tinyId('1111'),
  k: 2,
  alpha: 1,
  slowAfterMs: 10,
  timeoutMs: 30,
}

function lookupFrom(seeds: readonly string[], more: Partial<LookupOptions<Contact>> = {}): Lookup<Contact> {
  return new Lookup({ ...options, seeds: seeds.map(tinyContact), ...more })
}

/** A step in short: 'ask 0101', 'wait 30', 'at-capacity 10', 'finished 0001 0010'. */
function step(lookup: Lookup<Contact>, now = 0): string {
  const next = lookup.next(now)
  switch (next.type) {
    case 'ask':
      return `ask ${bitsOf(next.contact.id, 4)}`
    case 'wait':
    case 'at-capacity':
      return `${next.type} ${next.untilMs}`
    case 'finished':
      return ['finished', ...next.closest.map(({ id }) => bitsOf(id, 4))].join(' ')
  }
}

const reply = (lookup: Lookup<Contact>, from: string, closer: readonly string[] = [], now = 0) =>
  lookup.onReply(tinyId(from), closer.map(tinyContact), now)

describe('a lookup', () => {
  test('walks towards the target and ends when the k closest have answered', () => {
    const lookup = lookupFrom(['1000', '0100'])
    expect(step(lookup)).toBe('ask 0100')
    expect(step(lookup)).toBe('at-capacity 10')
    expect(reply(lookup, '0100', ['0010', '1000'])).toBe('accepted')
    expect(step(lookup)).toBe('ask 0010')
    expect(reply(lookup, '0010', ['0001'])).toBe('accepted')
    expect(step(lookup)).toBe('ask 0001')
    reply(lookup, '0001')
    expect(step(lookup)).toBe('finished 0001 0010')
    expect(lookup.asked).toBe(3)
  })

  test('goes on from contacts that were heard of otherwise, until it has ended', () => {
    const lookup = lookupFrom(['1000', '0100'], { alpha: 2 })
    expect([step(lookup), step(lookup)]).toEqual(['ask 0100', 'ask 1000'])
    reply(lookup, '0100')
    lookup.hear(['0001', '0100', '1111'].map(tinyContact))
    expect(step(lookup)).toBe('ask 0001')
    reply(lookup, '0001')
    expect(step(lookup)).toBe('finished 0001 0100')
    lookup.hear([tinyContact('0000')])
    expect(step(lookup)).toBe('finished 0001 0100')
    expect(lookup.asked).toBe(3)
  })

  test('with nobody to ask ends at once', () => {
    expect(step(lookupFrom([]))).toBe('finished')
    expect(step(lookupFrom(['1111']))).toBe('finished')
  })

  test('asks on when a contact is slow, and keeps waiting for it', () => {
    const lookup = lookupFrom(['0001', '0010', '0100'])
    expect(step(lookup, 0)).toBe('ask 0001')
    expect(step(lookup, 9)).toBe('at-capacity 10')
    expect(step(lookup, 10)).toBe('ask 0010')
    expect(step(lookup, 20)).toBe('ask 0100')
    reply(lookup, '0010', [], 21)
    reply(lookup, '0100', [], 21)
    expect(step(lookup, 21)).toBe('wait 30')
    expect(reply(lookup, '0001', [], 22)).toBe('accepted')
    expect(step(lookup, 22)).toBe('finished 0001 0010')
  })

  test('asks who is known to be silent, and is held up by it from no moment', () => {
    const silent = tinyContact('0001')
    const lookup = lookupFrom(['0001', '0010'], {
      isSilent: ({ id }) => bitsOf(id, 4) === bitsOf(silent.id, 4),
    })
    expect(step(lookup, 0)).toBe('ask 0001')
    expect(step(lookup, 0)).toBe('ask 0010')
    expect(step(lookup, 0)).toBe('wait 10')
    expect(reply(lookup, '0001', ['0000'], 5)).toBe('accepted')
  })

  test('looks beyond the k closest while one of them is slow', () => {
    const lookup = lookupFrom(['0001', '0010'], { k: 1 })
    expect(step(lookup, 0)).toBe('ask 0001')
    expect(step(lookup, 9)).toBe('wait 10')
    expect(step(lookup, 10)).toBe('ask 0010')
    reply(lookup, '0010', [], 11)
    expect(step(lookup, 11)).toBe('wait 30')
    expect(step(lookup, 30)).toBe('finished 0010')
  })

  test('replaces a contact that timed out or failed by the next closest', () => {
    const lookup = lookupFrom(['0001', '0010', '0100'], { alpha: 2 })
    expect(step(lookup)).toBe('ask 0001')
    expect(step(lookup)).toBe('ask 0010')
    expect(lookup.onFailure(tinyId('0010'), 1)).toBe('accepted')
    expect(step(lookup, 1)).toBe('ask 0100')
    reply(lookup, '0100', [], 2)
    expect(step(lookup, 29)).toBe('wait 30')
    expect(step(lookup, 30)).toBe('finished 0100')
  })

  test('does not wait for answers beyond the k closest', () => {
    const lookup = lookupFrom(['1000', '0100', '0010'], { alpha: 3 })
    for (const expected of ['ask 0010', 'ask 0100']) expect(step(lookup)).toBe(expected)
    expect(step(lookup)).toBe('wait 10')
    reply(lookup, '0010', ['0001'])
    expect(step(lookup)).toBe('ask 0001')
    reply(lookup, '0001')
    expect(step(lookup)).toBe('finished 0001 0010')
    expect(reply(lookup, '0100', ['0000'])).toBe('late')
    expect(step(lookup)).toBe('finished 0001 0010')
  })

  test('uses the first k contacts of a reply, never itself, and nobody twice', () => {
    const lookup = lookupFrom(['1000'])
    step(lookup)
    reply(lookup, '1000', ['1111', '0011', '0001'])
    expect(step(lookup)).toBe('ask 0011')
    reply(lookup, '0011', ['0011', '1000'])
    expect(step(lookup)).toBe('finished 0011 1000')
  })
})

describe('a reply', () => {
  test('after the timeout is late, and its contacts are still used', () => {
    const lookup = lookupFrom(['0100', '1000'])
    step(lookup, 0)
    expect(step(lookup, 30)).toBe('ask 1000')
    expect(reply(lookup, '0100', ['0010'], 31)).toBe('late')
    expect(step(lookup, 40)).toBe('ask 0010')
  })

  test('is late by the clock, even when nobody called next meanwhile', () => {
    const lookup = lookupFrom(['0100'])
    step(lookup, 0)
    expect(reply(lookup, '0100', [], 30)).toBe('late')
    expect(step(lookup, 30)).toBe('finished 0100')
  })

  test('after a reported failure is late', () => {
    const lookup = lookupFrom(['0100'])
    step(lookup)
    lookup.onFailure(tinyId('0100'), 1)
    expect(reply(lookup, '0100', ['0010'], 2)).toBe('late')
    expect(step(lookup, 2)).toBe('ask 0010')
  })

  test('that comes twice is a duplicate, and its contacts are not used', () => {
    const lookup = lookupFrom(['0100'])
    step(lookup)
    reply(lookup, '0100')
    expect(reply(lookup, '0100', ['0001'])).toBe('duplicate')
    expect(step(lookup)).toBe('finished 0100')
  })

  test('of somebody who was not asked is rogue, and its contacts are not used', () => {
    const lookup = lookupFrom(['0100', '1000'])
    expect(reply(lookup, '0010', ['0001'])).toBe('rogue')
    expect(reply(lookup, '0100', ['0001'])).toBe('rogue')
    expect(reply(lookup, '1111', ['0001'])).toBe('rogue')
    expect(step(lookup)).toBe('ask 0100')
  })
})

describe('a failure', () => {
  test('is accepted, late, duplicate or rogue as a reply is', () => {
    const lookup = lookupFrom(['0001', '0010', '0100', '1000'], { alpha: 3, k: 3 })
    for (let i = 0; i < 3; i++) step(lookup, 0)
    const fail = (bits: string, now: number) => lookup.onFailure(tinyId(bits), now)
    expect(fail('0001', 1)).toBe('accepted')
    expect(fail('0001', 1)).toBe('duplicate')
    expect(fail('1000', 1)).toBe('rogue')
    expect(fail('0111', 1)).toBe('rogue')
    reply(lookup, '0010', [], 2)
    expect(fail('0010', 2)).toBe('duplicate')
    expect(fail('0100', 30)).toBe('late')
    expect(fail('0100', 31)).toBe('duplicate')
  })
})

describe('who is asked again', () => {
  test('is waited for though it has failed, and holds nobody up', () => {
    const lookup = lookupFrom(['0001', '0010', '0100'])
    expect(step(lookup)).toBe('ask 0001')
    lookup.onFailure(tinyId('0001'), 0)
    expect(step(lookup)).toBe('ask 0010')
    reply(lookup, '0010')
    lookup.onAskedAgain(tinyId('0001'), 5, 20)
    expect(step(lookup, 5)).toBe('ask 0100')
    reply(lookup, '0100', [], 6)
    expect(step(lookup, 6)).toBe('wait 25')
    expect(reply(lookup, '0001', [], 7)).toBe('accepted')
    expect(step(lookup, 7)).toBe('finished 0001 0010')
  })

  test('fails when it does not answer this time', () => {
    const lookup = lookupFrom(['0001', '0010'], { k: 1 })
    expect(step(lookup)).toBe('ask 0001')
    expect(step(lookup, 10)).toBe('ask 0010')
    reply(lookup, '0010', [], 11)
    lookup.onAskedAgain(tinyId('0001'), 30, 20)
    expect(step(lookup, 30)).toBe('wait 50')
    expect(step(lookup, 50)).toBe('finished 0010')
  })

  test('is waited for no shorter than it was', () => {
    const lookup = lookupFrom(['0001'])
    expect(step(lookup)).toBe('ask 0001')
    lookup.onAskedAgain(tinyId('0001'), 5, 10)
    expect(step(lookup, 5)).toBe('wait 30')
  })

  test('changes nothing when it has answered, was never asked, or all is over', () => {
    const lookup = lookupFrom(['0001', '0100'], { k: 1 })
    lookup.onAskedAgain(tinyId('0100'), 0, 10)
    lookup.onAskedAgain(tinyId('1000'), 0, 10)
    expect(step(lookup)).toBe('ask 0001')
    lookup.onFailure(tinyId('0001'), 0)
    expect(step(lookup)).toBe('ask 0100')
    reply(lookup, '0100')
    lookup.onAskedAgain(tinyId('0100'), 0, 10)
    expect(step(lookup)).toBe('finished 0100')
    lookup.onAskedAgain(tinyId('0001'), 0, 10)
    expect(step(lookup)).toBe('finished 0100')
  })
})

describe('disjoint paths', () => {
  test('ask a contact once, on the path that heard of it first', () => {
    const lookup = lookupFrom(['0100', '1000'], { paths: 2, alpha: 2, k: 4 })
    expect(step(lookup)).toBe('ask 0100')
    expect(step(lookup)).toBe('ask 1000')
    reply(lookup, '0100', ['0010'])
    reply(lookup, '1000', ['0010'])
    expect(step(lookup)).toBe('ask 0010')
    expect(step(lookup)).toBe('wait 10')
  })

  test('share alpha evenly', () => {
    const lookup = lookupFrom(['0001', '0010', '0011', '0100'], { paths: 2, alpha: 2, k: 4 })
    // 0001 and 0011 begin the first path, 0010 and 0100 the second.
    expect(step(lookup)).toBe('ask 0001')
    expect(step(lookup)).toBe('ask 0010')
    reply(lookup, '0010')
    expect(step(lookup)).toBe('ask 0100')
  })

  test('take turns when alpha is smaller than their number', () => {
    const lookup = lookupFrom(['0001', '0010', '0011', '0100'], { paths: 2, alpha: 1, k: 4 })
    for (const next of ['0001', '0010', '0011', '0100']) {
      expect(step(lookup)).toBe(`ask ${next}`)
      reply(lookup, next)
    }
  })

  test('each look for k contacts of their own, so that a liar on one cannot end another', () => {
    const lookup = lookupFrom(['0100', '1000'], { paths: 2, alpha: 2, k: 2 })
    step(lookup)
    step(lookup)
    reply(lookup, '0100', ['0000', '0001'])
    for (const liar of ['0000', '0001']) {
      expect(step(lookup)).toBe(`ask ${liar}`)
      reply(lookup, liar)
    }
    expect(step(lookup)).toBe('wait 10')
    reply(lookup, '1000', ['0010', '0011'])
    expect(step(lookup)).toBe('ask 0010')
    expect(step(lookup)).toBe('ask 0011')
  })

  test('have their own share of contactsMax, which a liar on another cannot use up', () => {
    const lookup = lookupFrom(['0100', '1000'], { paths: 2, alpha: 4, k: 3, contactsMax: 6 })
    step(lookup)
    step(lookup)
    reply(lookup, '0100', ['0000', '0001', '0101'])
    reply(lookup, '1000', ['0010', '0011'])
    const asked = [step(lookup), step(lookup), step(lookup), step(lookup)].sort()
    expect(asked).toEqual(['ask 0000', 'ask 0001', 'ask 0010', 'ask 0011'])
  })
})

test('past contactsMax the farthest contact that was not asked is forgotten', () => {
  const lookup = lookupFrom(['1000', '0111', '0110'], { contactsMax: 3, k: 3 })
  expect(step(lookup)).toBe('ask 0110')
  reply(lookup, '0110', ['0001', '1001', '0010'])
  expect(step(lookup)).toBe('ask 0001')
  reply(lookup, '0001', ['0000'])
  expect(step(lookup)).toBe('ask 0000')
  reply(lookup, '0000', ['0011'])
  expect(step(lookup)).toBe('finished 0000 0001 0110')
})

test('options out of range are refused', () => {
  for (const wrong of [
    { k: 0 },
    { alpha: 1.5 },
    { paths: 0 },
    { timeoutMs: 0 },
    { slowAfterMs: Number.NaN },
  ]) {
    expect(() => lookupFrom([], wrong)).toThrow(RangeError)
  }
  expect(() => lookupFrom([], { paths: 3, contactsMax: 2 })).toThrow(RangeError)
})
