import { describe, expect, it } from 'vitest'
import { EventLog } from '../src/model/event-log.js'
import { fileKind } from '../src/model/file-kind.js'
import { readSettings } from '../src/model/settings.js'
import { readTyped, showValue } from '../src/model/value-text.js'

describe('settings', () => {
  const served = { server: 'ws://served', network: 'served' }

  it('come from the address bar first, then from config.json, then from the defaults', () => {
    expect(readSettings('?server=wss://mine&network=ours', served)).toEqual({
      server: 'wss://mine',
      network: 'ours',
    })
    expect(readSettings('?network=ours', served)).toEqual({ server: 'ws://served', network: 'ours' })
    expect(readSettings('', undefined)).toEqual({ server: 'ws://localhost:8787', network: 'kadrtc-demo' })
  })

  it.each([null, 7, 'text', [], { server: 5 }])('survive a config.json that holds %j', (odd) => {
    expect(readSettings('?server=', odd).server).toBe('ws://localhost:8787')
  })
})

describe('values', () => {
  it('are text as typed, or what the JSON says', () => {
    expect(readTyped('{"a":1}', 'text')).toBe('{"a":1}')
    expect(readTyped('{"a":1}', 'json')).toEqual({ a: 1 })
  })

  it('that are no JSON are refused with a code', () => {
    expect(() => readTyped('{', 'json')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })

  it('are shown as text, as indented JSON, or in hex', () => {
    expect(showValue('plain')).toBe('plain')
    expect(showValue({ a: [1] })).toBe('{\n  "a": [\n    1\n  ]\n}')
    expect(showValue(Uint8Array.of(0, 255))).toBe('00 ff')
    expect(showValue(null)).toBe('null')
  })
})

describe('fetched bytes', () => {
  const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0))

  it.each([
    ['\x89PNG\r\n\x1a\n', 'image/png'],
    ['\xff\xd8\xff\xe0', 'image/jpeg'],
    ['GIF89a', 'image/gif'],
    ['RIFF\x00\x00\x00\nWEBP', 'image/webp'],
    ['\x00\x00\x00\x1cftypavif', 'image/avif'],
  ])('that begin with %j are %s', (start, mediaType) => {
    expect(fileKind(bytes(start))).toMatchObject({ type: 'image', mediaType })
  })

  it('that could run something are mere text', () => {
    expect(fileKind(bytes('<svg onload="alert(1)"/>'))).toMatchObject({ type: 'text', extension: 'txt' })
    expect(fileKind(bytes('<!doctype html><script>'))).toMatchObject({ type: 'text' })
  })

  it('that are not UTF-8, or hold control characters, are only bytes', () => {
    expect(fileKind(Uint8Array.of(0xc3, 0x28))).toEqual({ type: 'bytes', extension: 'bin' })
    expect(fileKind(Uint8Array.of(65, 0, 66))).toEqual({ type: 'bytes', extension: 'bin' })
    expect(fileKind(new TextEncoder().encode('zwölf\n'))).toMatchObject({ type: 'text', text: 'zwölf\n' })
    expect(fileKind(new Uint8Array())).toMatchObject({ type: 'text', text: '' })
  })
})

describe('the log', () => {
  it('keeps the latest entries only, numbers them on, and starts over when cleared', () => {
    const log = new EventLog(3, () => new Date(0))
    for (const text of ['a', 'b', 'c', 'd', 'e']) log.add('link', text)
    expect(log.entries.map(({ number, text }) => `${number}${text}`)).toEqual(['3c', '4d', '5e'])
    log.clear()
    expect(log.entries).toEqual([])
    log.add('you', 'f')
    expect(log.entries).toEqual([{ number: 6, at: new Date(0), kind: 'you', text: 'f' }])
  })
})
