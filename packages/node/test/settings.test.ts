import { KadNode, KadrtcError } from '@kadrtc/node'
import { Cluster } from '@kadrtc/simulator'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { defaultSettings, type Settings, settle } from '../src/settings.js'

const codeOf = (run: () => unknown) => {
  try {
    run()
  } catch (error) {
    return error instanceof KadrtcError ? error.code : error
  }
  return undefined
}

test('nothing given, the defaults; what is given wins; undefined means the default', () => {
  expect(settle()).toEqual(defaultSettings)
  expect(settle({ k: 8, alpha: undefined } as unknown as Partial<Settings>)).toEqual({
    ...defaultSettings,
    k: 8,
  })
})

test('the defaults are settings themselves', () => {
  expect(settle(defaultSettings)).toEqual(defaultSettings)
})

test('an unknown name is refused, one that every object has included', () => {
  for (const name of ['linkMax', 'K', '', 'constructor', 'toString', 'hasOwnProperty']) {
    expect(
      codeOf(() => settle({ [name]: 3 })),
      name,
    ).toBe('INVALID_ARGUMENT')
  }
})

test('every setting refuses what is no whole number of at least 1', () => {
  const name = fc.constantFrom(...(Object.keys(defaultSettings) as (keyof Settings)[]))
  const wrong = fc.oneof(
    fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY, 0.5, 2.5, null, '3', {}, [], true),
    fc.integer({ max: 0 }),
    fc.string(),
  )
  fc.assert(
    fc.property(name, wrong, (setting, value) => {
      expect(codeOf(() => settle({ [setting]: value }))).toBe('INVALID_ARGUMENT')
    }),
  )
})

test('k is at most 20, since a reply holds 20 contacts', () => {
  expect(settle({ k: 20 }).k).toBe(20)
  expect(codeOf(() => settle({ k: 21 }))).toBe('INVALID_ARGUMENT')
})

test('there are more links than k, so that a node whose siblings are all linked still lets newcomers in', () => {
  expect(settle({ k: 8, linksMax: 9 }).linksMax).toBe(9)
  expect(codeOf(() => settle({ k: 8, linksMax: 8 }))).toBe('INVALID_ARGUMENT')
  expect(codeOf(() => settle({ linksMax: defaultSettings.k }))).toBe('INVALID_ARGUMENT')
})

test('a node refuses bad settings and bad network names when it is made', () => {
  const make = (networkName: string, settings: Partial<Settings>) =>
    new Cluster<KadNode>({
      seed: 1,
      networkName,
      createNode: (ports) => new KadNode({ ...ports, settings }),
    }).add()
  expect(codeOf(() => make('fine', { k: 0 }))).toBe('INVALID_ARGUMENT')
  expect(codeOf(() => make('', {}))).toBe('INVALID_ARGUMENT')
  expect(codeOf(() => make('n'.repeat(65), {}))).toBe('INVALID_ARGUMENT')
  expect(codeOf(() => make('ü'.repeat(33), {}))).toBe('INVALID_ARGUMENT')
  expect(codeOf(() => make('\ud800', {}))).toBe('INVALID_ARGUMENT')
  expect(codeOf(() => make('n'.repeat(64), {}))).toBeUndefined()
})
