import { describe, expect, it } from 'vitest'
import { failureOf } from '../src/model/failure.js'
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatElapsed,
  formatName,
  formatPlural,
  formatShare,
  formatTime,
  shortId,
} from '../src/model/format.js'

describe('figures', () => {
  it.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [1023, '1,023 bytes'],
    [1024, '1.0 KiB'],
    [65_536, '64 KiB'],
    [3_204_118, '3.1 MiB'],
  ])('%i bytes read as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text))

  it.each([
    [0.42, '0.4 ms'],
    [12.3, '12 ms'],
    [999, '999 ms'],
    [1340, '1.3 s'],
  ])('%d ms of waiting read as %s', (elapsedMs, text) => expect(formatElapsed(elapsedMs)).toBe(text))

  it.each([
    [-5, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [7_500_000, '2 h 5 min'],
  ])('%i ms of age read as %s', (durationMs, text) => expect(formatDuration(durationMs)).toBe(text))

  it.each([
    [159, '1/2'],
    [158, '1/4'],
    [150, '1/1024'],
    [149, '2⁻¹¹'],
    [0, '2⁻¹⁶⁰'],
  ])('bucket %i covers %s of the id space', (bucket, text) => expect(formatShare(bucket)).toBe(text))

  it('counts have commas, and one thing is singular', () => {
    expect(formatCount(12_345)).toBe('12,345')
    expect([formatPlural(0, 'link'), formatPlural(1, 'link'), formatPlural(1200, 'link')]).toEqual([
      '0 links',
      '1 link',
      '1,200 links',
    ])
  })

  it('times have two digits each, ids eight, and counter names are words', () => {
    expect(formatTime(new Date(2024, 0, 1, 4, 5, 6))).toBe('04:05:06')
    expect(shortId('0123456789abcdef')).toBe('01234567')
    expect([formatName('timedOut'), formatName('sent')]).toEqual(['timed out', 'sent'])
  })
})

describe('failures', () => {
  it('keep the code and message of an error that has them', () => {
    const error = Object.assign(new Error('No node stored the record.'), { code: 'NOT_STORED' })
    expect(failureOf(error)).toEqual({ code: 'NOT_STORED', message: 'No node stored the record.' })
  })

  it('of any other kind are unexpected, and still say something', () => {
    expect(failureOf(new TypeError('x is not a function'))).toEqual({
      code: 'UNEXPECTED',
      message: 'x is not a function',
    })
    expect(failureOf(new Error())).toEqual({ code: 'UNEXPECTED', message: 'Error' })
    expect(failureOf('thrown text')).toEqual({ code: 'UNEXPECTED', message: 'thrown text' })
  })
})
