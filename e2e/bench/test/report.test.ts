import { describe, expect, test } from 'vitest'
import { type Aim, isMet, measurementOf } from '../measurement.js'
import { failureText, jsonLine, tableLine } from '../report.js'

const aim: Aim = { name: 'sim.x', unit: 'ratio', better: 'lower', goal: 1.8, against: 'what is possible' }
const columns = (line: string) => line.split(/ {2,}/)

describe('a figure', () => {
  test('of one value stands beside its goal', () => {
    expect(columns(tableLine(measurementOf(aim, 1.41234)))).toEqual([
      'sim.x',
      '1.412 ratio',
      '<= 1.8',
      'what is possible',
    ])
    expect(columns(tableLine(measurementOf({ ...aim, goal: null }, 9)))).toEqual([
      'sim.x',
      '9 ratio',
      'what is possible',
    ])
    expect(tableLine(measurementOf(aim, 1.9))).toContain('<= 1.8 MISSED  ')
  })

  test('shows the worst seed, and whether a drawn one misses the goal', () => {
    const found = { value: 1.7, seeds: { 7: 1.7, 123: 1.9, 45: 1.2 } }
    expect(columns(tableLine(measurementOf(aim, found)))).toEqual([
      'sim.x',
      '1.7 ratio',
      '1.9 (123)',
      '<= 1.8 MISSED by SEED=123',
      'what is possible',
    ])
    expect(columns(tableLine(measurementOf(aim, { value: 1, seeds: { 5: 1, 7: 1 } })))[2]).toBe('1 (7)')
    const higher = tableLine(measurementOf({ ...aim, better: 'higher', goal: 1.5 }, found))
    expect(columns(higher).slice(2, 4)).toEqual(['1.2 (45)', '>= 1.5 MISSED by SEED=45'])
    const both = tableLine(measurementOf({ ...aim, goal: 1.5 }, found))
    expect(both).toContain('<= 1.5 MISSED by SEED=7,123  ')
  })

  test('shows as many digits as tell on which side of the goal it lies', () => {
    const success: Aim = { ...aim, better: 'higher', goal: 0.9999 }
    expect(tableLine(measurementOf(success, 0.99987))).toContain('0.99987 ratio')
    expect(tableLine(measurementOf(success, 0.99987))).toContain('>= 0.9999 MISSED')
    expect(tableLine(measurementOf(success, 0.99993))).toContain('0.9999 ratio')
  })

  test('is one line of JSON with the values of its seeds, the worst, and null for no number', () => {
    const found = { value: 1.7, seeds: { 7: 1.7, 123: Number.NaN } }
    expect(JSON.parse(jsonLine(measurementOf(aim, found)))).toEqual({
      ...aim,
      value: 1.7,
      seeds: { 7: 1.7, 123: null },
      worst: null,
    })
    expect(JSON.parse(jsonLine(measurementOf(aim, 2)))).toEqual({ ...aim, value: 2 })
  })

  test('that was not measured is an error, and no number meets no goal', () => {
    expect(() => measurementOf(aim, undefined)).toThrow('sim.x has no value')
    expect(isMet(aim, Number.NaN)).toBe(false)
    expect(tableLine(measurementOf(aim, { value: 1, seeds: { 7: 1, 8: Number.NaN } }))).toContain('NaN (8)')
  })
})

describe('a failure', () => {
  test('is told with its message, and the stack of what caused it', () => {
    const text = failureText(
      new Error('hotKey, 50 nodes, SEED=7 failed', { cause: new RangeError('no keys') }),
    )
    expect(text).toContain('hotKey, 50 nodes, SEED=7 failed')
    expect(text).toContain('RangeError: no keys')
    expect(text).toContain('report.test.ts')
  })

  test('of several is told with all of them; what is no error is told as it is', () => {
    const text = failureText(new AggregateError([new Error('one'), 'two'], 'two failed'))
    expect(text).toContain('Error: one')
    expect(text).toContain('two')
  })
})
