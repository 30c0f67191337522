/** Records, signals, hellos and network names: what is signed, hashed and limited. */
import { asId, type SignedRecord } from '@kadrtc/kademlia'
import {
  candidateBytesMax,
  candidatesMax,
  decodeServerMessage,
  decodeSignal,
  encodeClientMessage,
  encodeRecord,
  encodeServerMessage,
  encodeSignal,
  helloSigningBytes,
  networkHash,
  recordSigningBytes,
  recordVersion,
  type Signal,
  signalBytesMax,
  signalDigest,
  signalSigningBytes,
  slotHash,
} from '@kadrtc/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as any from './arbitraries.js'
import { codeOf } from './code-of.js'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const utf8 = (text: string) => new TextEncoder().encode(text)
const id = (fill: number) => asId(new Uint8Array(20).fill(fill))

const record: SignedRecord = {
  kind: 'signed',
  keyId: id(1),
  author: new Uint8Array(32).fill(2),
  seq: 3,
  expiresAtMs: 4,
  deleted: false,
  format: 5,
  value: Uint8Array.of(6),
  signature: new Uint8Array(64).fill(7),
}

describe('records', () => {
  const network = networkHash('tests')

  test('what is signed is the prefix, the network and the encoding up to the signature', () => {
    fc.assert(
      fc.property(any.record, (some) => {
        if (some.kind !== 'signed') return
        const expected = Buffer.concat([
          utf8('kadrtc record v1'),
          network,
          encodeRecord(some).subarray(0, -64),
        ])
        expect(hex(recordSigningBytes(network, some))).toBe(hex(expected))
      }),
    )
  })

  test('each field is part of what is signed, the signature is not', () => {
    const variants: Partial<SignedRecord>[] = [
      {},
      { keyId: id(9) },
      { author: new Uint8Array(32) },
      { seq: 9 },
      { expiresAtMs: 9 },
      { deleted: true },
      { format: 9 },
      { value: Uint8Array.of(9) },
    ]
    const made = variants.map((variant) => hex(recordSigningBytes(network, { ...record, ...variant })))
    expect(new Set(made).size).toBe(variants.length)
    expect(made).not.toContain(hex(recordSigningBytes(networkHash('other'), record)))
    expect(
      hex(recordSigningBytes(network, { ...record, signature: new Uint8Array(64) } as SignedRecord)),
    ).toBe(made[0])
  })

  test('versions of signed records compare by sequence number, and tell signatures apart', () => {
    fc.assert(
      fc.property(any.u48, any.u48, (a, b) => {
        const [older, newer] = [a, b].map((seq) => recordVersion({ ...record, seq }).subarray(0, 6))
        expect(Math.sign(Buffer.compare(older!, newer!))).toBe(Math.sign(a - b))
      }),
    )
    const renewed = { ...record, signature: new Uint8Array(64).fill(8) }
    expect(hex(recordVersion(renewed))).not.toBe(hex(recordVersion(record)))
  })

  test('versions of content compare by expiry', () => {
    const version = recordVersion({
      kind: 'content',
      keyId: id(1),
      value: Uint8Array.of(1),
      expiresAtMs: 0x010203040506,
    })
    expect(hex(version)).toBe('0102030405060000')
  })

  test('slots have 8 bytes of hash each', () => {
    expect(slotHash('c00').length).toBe(8)
    expect(hex(slotHash('c00'))).not.toBe(hex(slotHash('c01')))
  })
})

describe('network names', () => {
  test('the hash has 16 bytes of the name in UTF-8', () => {
    expect(networkHash('é').length).toBe(16)
    expect(hex(networkHash('a'))).not.toBe(hex(networkHash('b')))
  })

  test.each([
    ['', 'BAD_VALUE'],
    ['a'.repeat(65), 'TOO_LARGE'],
    ['é'.repeat(33), 'TOO_LARGE'],
    ['\udc00', 'BAD_VALUE'],
    ['a'.repeat(64), 'none'],
  ])('%j: %s', (name, code) => {
    expect(codeOf(() => networkHash(name))).toBe(code)
  })
})

describe('signals', () => {
  const signature = new Uint8Array(64).fill(9)
  const offer: Signal & { kind: 'offer' } = {
    kind: 'offer',
    networkHash: networkHash('tests'),
    connectionId: new Uint8Array(8),
    publicKey: new Uint8Array(32),
    to: id(1),
    issuedAtMs: 1,
    sdp: 'v=0',
    candidates: ['a'],
  }

  test('what is verified is what was signed: the prefix and everything but the signature', () => {
    fc.assert(
      fc.property(any.signal, any.bytes(64), (signal, made) => {
        const bytes = encodeSignal(signal, made)
        const expected = Buffer.concat([utf8('kadrtc signal v1'), bytes.subarray(0, -64)])
        expect(hex(signalSigningBytes(signal))).toBe(hex(expected))
        expect(hex(decodeSignal(bytes).signedBytes)).toBe(hex(expected))
      }),
    )
  })

  test('the digest is over the signature too', () => {
    const other = new Uint8Array(64)
    expect(signalDigest(encodeSignal(offer, signature)).length).toBe(16)
    expect(hex(signalDigest(encodeSignal(offer, signature)))).not.toBe(
      hex(signalDigest(encodeSignal(offer, other))),
    )
  })

  test('a signal is at most 12 KiB, with at most 32 candidates of 512 bytes', () => {
    const room = signalBytesMax - encodeSignal({ ...offer, sdp: '' }, signature).length
    expect(encodeSignal({ ...offer, sdp: 'x'.repeat(room) }, signature).length).toBe(signalBytesMax)
    const tooLarge: (Signal & { kind: 'offer' })[] = [
      { ...offer, sdp: 'x'.repeat(room + 1) },
      { ...offer, candidates: new Array<string>(candidatesMax + 1).fill('a') },
      { ...offer, candidates: ['x'.repeat(candidateBytesMax + 1)] },
    ]
    for (const signal of tooLarge) expect(codeOf(() => encodeSignal(signal, signature))).toBe('TOO_LARGE')
    expect(codeOf(() => decodeSignal(new Uint8Array(signalBytesMax + 1)))).toBe('TOO_LARGE')
  })

  test('a signature of another size is refused', () => {
    expect(codeOf(() => encodeSignal(offer, new Uint8Array(63)))).toBe('BAD_VALUE')
  })
})

describe('introductions', () => {
  test('a text that begins with a byte order mark keeps it', () => {
    const refused = { type: 'refused', code: 'version', text: '\ufeffno' } as const
    expect(decodeServerMessage(encodeServerMessage(refused))).toEqual(refused)
  })

  test('a hello signs the prefix, the nonce, the network and the key', () => {
    const [nonce, network, key] = [
      new Uint8Array(32).fill(1),
      networkHash('tests'),
      new Uint8Array(32).fill(2),
    ]
    const expected = Buffer.concat([utf8('kadrtc hello v1'), nonce, network, key])
    expect(hex(helloSigningBytes(nonce, network, key))).toBe(hex(expected))
    expect(codeOf(() => helloSigningBytes(new Uint8Array(31), network, key))).toBe('BAD_VALUE')
  })

  test('what is beyond a limit cannot be encoded', () => {
    const signal = new Uint8Array(signalBytesMax + 1)
    const codes = [
      codeOf(() => encodeClientMessage({ type: 'signal', to: id(1), signal })),
      codeOf(() => encodeServerMessage({ type: 'signal', from: id(1), signal })),
      codeOf(() =>
        encodeServerMessage({
          type: 'welcome',
          greeters: new Array(17).fill(id(1)),
          iceServersJson: '',
          greeter: false,
        }),
      ),
      codeOf(() =>
        encodeServerMessage({
          type: 'welcome',
          greeters: [],
          iceServersJson: 'x'.repeat(4_097),
          greeter: false,
        }),
      ),
      codeOf(() => encodeServerMessage({ type: 'refused', code: 'version', text: 'x'.repeat(201) })),
    ]
    expect(codes).toEqual(['TOO_LARGE', 'TOO_LARGE', 'TOO_LARGE', 'TOO_LARGE', 'TOO_LARGE'])
  })
})
