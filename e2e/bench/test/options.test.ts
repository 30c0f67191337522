import { describe, expect, test } from 'vitest'
import { parseOptions, UsageError } from '../options.js'
import { chooseSeeds, replaying } from '../seeds.js'

describe('the command line', () => {
  test('nothing asks for everything at full size', () => {
    expect(parseOptions([])).toEqual({ filters: [], json: false, full: false, nodes: 10_000 })
  })

  test('words and options may stand in any order; what npm passes on besides is skipped', () => {
    const words = ['--', 'sim.10k', '--json', '--nodes', '500', 'codec', '--full']
    expect(parseOptions(words)).toEqual({ filters: ['sim.10k', 'codec'], json: true, full: true, nodes: 500 })
    expect(parseOptions(['--nodes=100'])).toMatchObject({ filters: [], nodes: 100 })
  })

  test('help wants nothing else', () => {
    expect(parseOptions(['sim', '--help'])).toBeUndefined()
    expect(parseOptions(['-h'])).toBeUndefined()
  })

  test.each([[['--ful']], [['sim', '--seeds', '3']], [['--json=yes']]])(
    'an option that there is not is an error: %s',
    (words) => {
      expect(() => parseOptions(words)).toThrow(UsageError)
      expect(() => parseOptions(words)).toThrow(/--(ful|seeds|json)/)
    },
  )

  test.each(['abc', '99', '100.5', '1e9999', ''])('--nodes takes no %j', (text) => {
    expect(() => parseOptions([`--nodes=${text}`])).toThrow(UsageError)
    expect(() => parseOptions([`--nodes=${text}`])).toThrow(/whole number of at least 100/)
  })

  test('--nodes without a number is an error', () => {
    expect(() => parseOptions(['sim', '--nodes'])).toThrow(UsageError)
    expect(() => parseOptions(['--nodes', '--json'])).toThrow(UsageError)
  })
})

describe('seeds', () => {
  const drawing =
    (...numbers: number[]) =>
    () =>
      numbers.shift()!

  test('three are drawn besides the fixed one, none twice', () => {
    expect(chooseSeeds(undefined, drawing(11, 7, 11, 23, 31))).toEqual(['7', '11', '23', '31'])
    expect(chooseSeeds(' , ', drawing(1, 2, 3))).toEqual(['7', '1', '2', '3'])
  })

  test('those that are given are taken instead, and are what replays', () => {
    const seeds = chooseSeeds('12, x,12,7', drawing())
    expect(seeds).toEqual(['7', '12', 'x'])
    expect(replaying(seeds)).toBe('SEED=12,x')
    expect(chooseSeeds('12,x', drawing())).toEqual(seeds)
  })

  test('the fixed one alone replays by itself', () => {
    expect(chooseSeeds('7', drawing())).toEqual(['7'])
    expect(replaying(['7'])).toBe('SEED=7')
  })
})
