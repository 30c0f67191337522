/** PROTOCOL.md is the specification: its vectors are read from it, not kept beside it. */
import { readFileSync } from 'node:fs'
import {
  decodeClientMessage,
  decodeMessage,
  decodeRecord,
  networkHash,
  recordSigningBytes,
} from '@kadrtc/wire'
import { describe, expect, test } from 'vitest'
import { helloBytes, isSigned, replyBytes, vectors } from './vectors.js'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const page = readFileSync(new URL('../PROTOCOL.md', import.meta.url), 'utf8')
const shown = new Map(
  [...page.matchAll(/^```hex (\S+)\n([0-9a-f\s]*)^```$/gm)].map(([, name, digits]) => [
    name!,
    new Uint8Array(Buffer.from(digits!.replaceAll(/\s/g, ''), 'hex')),
  ]),
)

test('PROTOCOL.md shows every vector once, and no other', () => {
  const blocks = page.match(/^```hex/gm) ?? []
  expect(blocks.length).toBe(shown.size)
  expect([...shown.keys()].sort()).toEqual(Object.keys(vectors).sort())
})

test.each(Object.entries(vectors))('%s is made as PROTOCOL.md shows it', (name, { bytes }) => {
  expect(hex(bytes)).toBe(hex(shown.get(name)!))
})

const decodable = Object.entries(vectors).filter(([, { decodeAndEncode }]) => decodeAndEncode)

test.each(decodable)('%s decodes, and encodes to the same bytes', (name, { decodeAndEncode }) => {
  expect(hex(decodeAndEncode!(shown.get(name)!))).toBe(hex(shown.get(name)!))
})

describe('the signatures in the vectors hold', () => {
  test('of the records', () => {
    for (const name of ['record/signed', 'record/tombstone']) {
      const record = decodeRecord(shown.get(name)!)
      if (record.kind !== 'signed') throw new Error('not signed')
      expect(isSigned(recordSigningBytes(networkHash('my-app'), record), record.signature)).toBe(true)
    }
  })

  test('of the reply', () => {
    expect(isSigned(replyBytes, decodeMessage(shown.get('message/pong-proven')!).proof!.signature)).toBe(true)
  })

  test('of the hello', () => {
    const hello = decodeClientMessage(shown.get('client/hello')!)
    expect(hello.type === 'hello' && isSigned(helloBytes, hello.signature)).toBe(true)
  })
})
