import { asId, type KadRecord } from '@kadrtc/kademlia'
import {
  bodyBytesMax,
  channelDataBytesMax,
  contactsMax,
  decodeMessage,
  digestEntriesMax,
  encodeMessage,
  encodePacket,
  frameBytesMax,
  isNotice,
  isReply,
  isRequest,
  type Message,
  messageBytesMax,
  networkHash,
  peekNonce,
  pingPayloadBytesMax,
  recordsPerReplyMax,
  recordsThatFit,
  recordValueBytesMax,
  replyProofBytes,
  wholeFrame,
  withProof,
} from '@kadrtc/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as any from './arbitraries.js'
import { codeOf } from './code-of.js'

const id = (fill: number) => asId(new Uint8Array(20).fill(fill))
const ids = (count: number) => Array.from({ length: count }, (_, i) => id(i))
const proof = { publicKey: new Uint8Array(32).fill(1), signature: new Uint8Array(64).fill(2) }
const signed = (valueBytes: number): KadRecord => ({
  kind: 'signed',
  keyId: id(1),
  author: new Uint8Array(32),
  seq: 1,
  expiresAtMs: 2,
  deleted: false,
  format: 0,
  value: new Uint8Array(valueBytes),
  signature: new Uint8Array(64),
})

describe('sizes', () => {
  const nodes: Message = { type: 'nodes', nonce: 2 ** 48 - 1, contacts: ids(20) }

  test('a reply with 20 contacts takes 408 bytes, 504 with its proof, and two more on the link', () => {
    expect(encodeMessage(nodes).length).toBe(408)
    const proven = encodeMessage(nodes, proof)
    expect(proven.length).toBe(504)
    expect(wholeFrame(encodePacket({ kind: 'direct', body: proven })).length).toBe(506)
  })

  test('the largest record, 20 contacts, a proof and the longest path fit into one message', () => {
    const reply: Message = {
      type: 'value',
      nonce: 1,
      records: [signed(recordValueBytesMax)],
      contacts: ids(20),
      more: true,
    }
    const body = encodeMessage(reply, proof)
    const packet = encodePacket({ kind: 'along', passed: [], ahead: ids(15), body })
    expect(packet.length).toBeLessThanOrEqual(messageBytesMax)
  })

  test('as many records as recordsThatFit says do fit, and one more would not', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(recordValueBytesMax), { minLength: 1, maxLength: 80 }), (lengths) => {
        const all = lengths.map((length) => signed(length))
        const count = recordsThatFit(all)
        expect(count).toBeGreaterThan(0)
        const reply = (records: KadRecord[]): Message => ({
          type: 'value',
          nonce: 1,
          records,
          contacts: ids(20),
          more: true,
        })
        expect(encodeMessage(reply(all.slice(0, count)), proof).length).toBeLessThanOrEqual(bodyBytesMax)
        const next = all[count]
        const used = lengths.slice(0, count).reduce((sum, length) => sum + 135 + length, 0)
        if (next)
          expect(count === recordsPerReplyMax || used + 135 + next.value.length > bodyBytesMax - 1_024).toBe(
            true,
          )
      }),
      { numRuns: 30 },
    )
  })

  test('a full digest and the largest channel data are one frame each', () => {
    const entries = Array.from({ length: digestEntriesMax }, () => ({
      slotHash: new Uint8Array(8),
      version: new Uint8Array(8),
    }))
    const messages: Message[] = [
      { type: 'digest', nonce: 1, entries },
      { type: 'channel-data', channel: 1, data: new Uint8Array(channelDataBytesMax) },
    ]
    for (const message of messages) {
      const frame = wholeFrame(encodePacket({ kind: 'direct', body: encodeMessage(message) }))
      expect(frame.length).toBeLessThanOrEqual(frameBytesMax)
    }
  })
})

describe('limits', () => {
  const tooMuch: [string, string, Message][] = [
    ['21 contacts', 'TOO_LARGE', { type: 'nodes', nonce: 1, contacts: ids(contactsMax + 1) }],
    [
      'a long ping',
      'TOO_LARGE',
      { type: 'ping', nonce: 1, payload: new Uint8Array(pingPayloadBytesMax + 1) },
    ],
    ['a large value', 'TOO_LARGE', { type: 'store', nonce: 1, record: signed(65_537), cached: false }],
    [
      '21 links',
      'TOO_LARGE',
      { type: 'links', nonce: 1, links: ids(contactsMax + 1).map((id) => ({ id, rttMs: 1 })) },
    ],
    [
      'a link of 65,536 ms',
      'BAD_VALUE',
      { type: 'links', nonce: 1, links: [{ id: ids(1)[0]!, rttMs: 65_536 }] },
    ],
    ['bucket 160', 'BAD_VALUE', { type: 'find-links', nonce: 1, bucket: 160 }],
    ['a long label', 'TOO_LARGE', { type: 'channel-open', nonce: 1, channel: 1, label: 'é'.repeat(33) }],
    ['513 wants', 'TOO_LARGE', { type: 'wants', nonce: 1, wanted: new Array<boolean>(513).fill(true) }],
    [
      '65 records',
      'TOO_LARGE',
      {
        type: 'value',
        nonce: 1,
        records: new Array<KadRecord>(65).fill(signed(0)),
        contacts: [],
        more: false,
      },
    ],
    [
      'two of the largest records',
      'TOO_LARGE',
      { type: 'value', nonce: 1, records: [signed(65_536), signed(65_536)], contacts: [], more: false },
    ],
    ['much channel data', 'TOO_LARGE', { type: 'channel-data', channel: 1, data: new Uint8Array(16_257) }],
    ['a nonce of 49 bits', 'BAD_VALUE', { type: 'channel-opened', nonce: 2 ** 48 }],
    ['a negative nonce', 'BAD_VALUE', { type: 'channel-opened', nonce: -1 }],
    ['a channel that is a fraction', 'BAD_VALUE', { type: 'channel-close', channel: 0.5 }],
    ['a lone surrogate', 'BAD_VALUE', { type: 'channel-open', nonce: 1, channel: 1, label: '\ud800' }],
    [
      'a short hash',
      'BAD_VALUE',
      { type: 'digest', nonce: 1, entries: [{ slotHash: new Uint8Array(7), version: new Uint8Array(8) }] },
    ],
  ]

  test.each(tooMuch)('%s cannot be encoded: %s', (_, code, message) => {
    expect(codeOf(() => encodeMessage(message))).toBe(code)
  })

  const header = [0, 0, 0, 0, 0, 1]
  const refused: [string, string, number[]][] = [
    ['21 contacts', 'TOO_LARGE', [0x22, ...header, 21, ...new Array<number>(420).fill(0)]],
    ['21 links', 'TOO_LARGE', [0x29, ...header, 21, ...new Array<number>(462).fill(0)]],
    ['20 links that are not there', 'TRUNCATED', [0x29, ...header, 20, 0]],
    ['bucket 160 of links', 'BAD_VALUE', [0x08, ...header, 160]],
    ['20 contacts that are not there', 'TRUNCATED', [0x22, ...header, 20, 0]],
    ['513 entries', 'TOO_LARGE', [0x05, ...header, 0x02, 0x01]],
    ['512 entries that are not there', 'TRUNCATED', [0x05, ...header, 0x02, 0x00]],
    [
      'a value of 4 GiB',
      'TOO_LARGE',
      [0x04, ...header, 0, 1, ...new Array<number>(26).fill(0), 255, 255, 255, 255],
    ],
    ['known contacts of no bytes', 'TRUNCATED', [0x03, ...header, ...new Array<number>(20).fill(0), 8]],
    ['known contacts that are none', 'BAD_VALUE', [0x02, ...header, ...new Array<number>(20).fill(0), 4]],
    ['half a tag', 'BAD_VALUE', [0x02, ...header, ...new Array<number>(20).fill(0), 4, 1]],
    ['tags of the first bytes', 'BAD_VALUE', [0x02, ...header, ...new Array<number>(20).fill(0), 3, 1, 1]],
    ['tags beyond the id', 'BAD_VALUE', [0x02, ...header, ...new Array<number>(20).fill(0), 19, 1, 1]],
    [
      '65 known contacts',
      'TOO_LARGE',
      [0x02, ...header, ...new Array<number>(20).fill(0), 4, ...new Array<number>(130).fill(1)],
    ],
    ['a flag that does not exist', 'BAD_VALUE', [0x03, ...header, ...new Array<number>(20).fill(0), 64]],
    ['a status that does not exist', 'BAD_VALUE', [0x24, ...header, 10, 0]],
    ['wants with bits past the end', 'BAD_VALUE', [0x25, ...header, 0, 1, 0xc0]],
    ['a label that is not UTF-8', 'BAD_VALUE', [0x06, ...header, 0, 0, 0, 1, 1, 0xff]],
    ['a goodbye with more behind it', 'TRAILING', [0x41, 0]],
  ]

  test.each(refused)('%s is refused: %s', (_, code, bytes) => {
    expect(codeOf(() => decodeMessage(Uint8Array.from(bytes)))).toBe(code)
  })

  test('a message larger than any is refused unread', () => {
    expect(codeOf(() => decodeMessage(new Uint8Array(bodyBytesMax + 1)))).toBe('TOO_LARGE')
  })
})

describe('proofs', () => {
  const network = networkHash('tests')
  const requester = id(9)

  test('what is signed is the same before sending and after receiving', () => {
    fc.assert(
      fc.property(any.request, any.reply, (request, reply) => {
        const asked = encodeMessage(request)
        const plain = encodeMessage(reply)
        const { signedBytes } = decodeMessage(encodeMessage(reply, proof))
        const before = replyProofBytes(network, requester, asked, plain)
        expect(replyProofBytes(network, requester, asked, signedBytes)).toEqual(before)
      }),
    )
  })

  test('adding a proof to an encoded reply is encoding it with the proof', () => {
    fc.assert(
      fc.property(any.reply, (reply) => {
        expect(withProof(encodeMessage(reply), proof)).toEqual(encodeMessage(reply, proof))
      }),
    )
  })

  const question = encodeMessage({ type: 'find-node', nonce: 1, target: id(1) })

  test('another network, requester, nonce, type or content is signed as other bytes', () => {
    const bytesOf = (name: string, asker: number, message: Message) => {
      const bytes = replyProofBytes(networkHash(name), id(asker), question, encodeMessage(message))
      return Buffer.from(bytes).toString('hex')
    }
    const variants = [
      bytesOf('tests', 9, { type: 'pong', nonce: 1, payload: Uint8Array.of(1) }),
      bytesOf('other', 9, { type: 'pong', nonce: 1, payload: Uint8Array.of(1) }),
      bytesOf('tests', 8, { type: 'pong', nonce: 1, payload: Uint8Array.of(1) }),
      bytesOf('tests', 9, { type: 'pong', nonce: 2, payload: Uint8Array.of(1) }),
      bytesOf('tests', 9, { type: 'pong', nonce: 1, payload: Uint8Array.of(2) }),
      bytesOf('tests', 9, { type: 'error', nonce: 1, code: 'busy' }),
    ]
    expect(new Set(variants).size).toBe(variants.length)
  })

  test('another request is signed as other bytes', () => {
    const reply = encodeMessage({ type: 'pong', nonce: 1, payload: Uint8Array.of(1) })
    const bytesOf = (request: Message) => replyProofBytes(network, requester, encodeMessage(request), reply)
    fc.assert(
      fc.property(any.request, any.request, (one, other) => {
        const isSame = Buffer.from(encodeMessage(one)).equals(encodeMessage(other))
        expect(Buffer.from(bytesOf(one)).equals(bytesOf(other))).toBe(isSame)
      }),
    )
  })

  test('no bytes of the request are signed as bytes of the reply', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 30 }), (bytes) => {
        const splits = Array.from({ length: bytes.length - 1 }, (_, at) =>
          replyProofBytes(network, requester, bytes.subarray(0, at), bytes.subarray(at)),
        )
        expect(new Set(splits.map((split) => Buffer.from(split).toString('hex'))).size).toBe(splits.length)
      }),
    )
  })

  test('a store that is spread is signed as the one that is passed on, and as no other', () => {
    const store = { type: 'store', nonce: 1, record: signed(1), cached: false } as const
    const reply = encodeMessage({ type: 'stored', nonce: 1, status: 'stored' })
    const bytesOf = (message: Message) => replyProofBytes(network, requester, encodeMessage(message), reply)
    expect(bytesOf({ ...store, spread: true })).toEqual(bytesOf(store))
    expect(bytesOf({ ...store, cached: true })).not.toEqual(bytesOf(store))
    expect(bytesOf({ ...store, record: signed(2) })).not.toEqual(bytesOf(store))
    expect(bytesOf({ ...store, ifSeq: 0 })).not.toEqual(bytesOf(store))
  })

  test('only replies carry one', () => {
    fc.assert(
      fc.property(fc.oneof(any.request, any.notice), (message) => {
        expect(codeOf(() => encodeMessage(message, proof))).toBe('BAD_VALUE')
        expect(codeOf(() => decodeMessage(withProof(encodeMessage(message), proof)))).toBe('BAD_VALUE')
      }),
    )
  })

  test('replyProofBytes takes nothing but a network hash and an id', () => {
    expect(codeOf(() => replyProofBytes(new Uint8Array(15), requester, question, Uint8Array.of(0x26)))).toBe(
      'BAD_VALUE',
    )
    expect(codeOf(() => replyProofBytes(network, asIdOfAnySize(19), question, Uint8Array.of(0x26)))).toBe(
      'BAD_VALUE',
    )
  })
})

/** What a caller with a cast could pass. */
const asIdOfAnySize = (length: number) => new Uint8Array(length) as ReturnType<typeof asId>

describe('nonces and classes', () => {
  test('the nonce can be read without decoding, where there is one', () => {
    fc.assert(
      fc.property(any.message, (message) => {
        expect(peekNonce(encodeMessage(message))).toBe('nonce' in message ? message.nonce : undefined)
      }),
    )
  })

  test('random and short bytes have a nonce or none, and cause no error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 10 }), (bytes) => {
        const nonce = peekNonce(bytes)
        if (bytes.length < 7) expect(nonce).toBeUndefined()
      }),
    )
  })

  test('a message is a request, a reply or a notice', () => {
    fc.assert(
      fc.property(any.request, any.reply, any.notice, (request, reply, notice) => {
        const classes = (message: Message) => [isRequest(message), isReply(message), isNotice(message)]
        expect(classes(request)).toEqual([true, false, false])
        expect(classes(reply)).toEqual([false, true, false])
        expect(classes(notice)).toEqual([false, false, true])
      }),
    )
  })

  test('contacts of a large reply do not keep its memory', () => {
    const reply: Message = {
      type: 'value',
      nonce: 1,
      records: [signed(60_000)],
      contacts: ids(3),
      more: false,
    }
    const { message } = decodeMessage(encodeMessage(reply))
    if (message.type !== 'value') throw new Error('not a value')
    expect(message.contacts).toEqual(ids(3))
    for (const contact of message.contacts) expect(contact.buffer.byteLength).toBeLessThan(100)
    expect(message.records[0]!.keyId.buffer.byteLength).toBe(20)
  })
})
