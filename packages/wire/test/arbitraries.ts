/** Random values of everything that has an encoding, within its limits and up to them. */
import { asId, type Id, type KadRecord } from '@kadrtc/kademlia'
import {
  type ClientMessage,
  errorReplyCodes,
  knownContacts,
  knownContactsMax,
  type Message,
  type Notice,
  type Packet,
  type Reply,
  type Request,
  refusalCodes,
  refuseReasons,
  type ServerMessage,
  type Signal,
  storeStatuses,
} from '@kadrtc/wire'
import fc, { type Arbitrary } from 'fast-check'

export const u8 = fc.nat(0xff)
export const u32 = fc.nat(0xffff_ffff)
export const u48 = fc.oneof(
  fc.nat(),
  fc.maxSafeNat().map((n) => n % 2 ** 48),
  fc.constant(2 ** 48 - 1),
)

export const bytes = (minLength: number, maxLength = minLength) => fc.uint8Array({ minLength, maxLength })
export const id: Arbitrary<Id> = bytes(20).map(asId)
const ids = (minLength: number, maxLength: number) => fc.array(id, { minLength, maxLength })

/** Well-formed text of at most `bytesMax` bytes, of all planes. */
export const text = (bytesMax: number, minLength = 0): Arbitrary<string> =>
  fc.string({ unit: 'grapheme', minLength, maxLength: bytesMax }).map((long) => {
    let short = ''
    for (const character of long) {
      if (new TextEncoder().encode(short + character).length > bytesMax) break
      short += character
    }
    return short || long.slice(0, 0) || 'x'.repeat(minLength)
  })

/** A key or nothing at all: `undefined` is not the same under exactOptionalPropertyTypes. */
const optional = <K extends string, T>(key: K, value: Arbitrary<T>): Arbitrary<{ [key in K]?: T }> =>
  fc.option(value).map((some) => (some === null ? {} : { [key]: some }) as { [key in K]?: T })

const value = fc.oneof(
  { weight: 20, arbitrary: bytes(0, 200) },
  fc.nat(65_536).map((n) => new Uint8Array(n).fill(n)),
)

export const record: Arbitrary<KadRecord> = fc.oneof(
  fc.record({ kind: fc.constant('content' as const), keyId: id, value, expiresAtMs: u48 }),
  fc.record({
    kind: fc.constant('signed' as const),
    keyId: id,
    author: bytes(32),
    seq: u48,
    expiresAtMs: u48,
    deleted: fc.boolean(),
    format: u8,
    value,
    signature: bytes(64),
  }),
)

export const smallRecord = record.filter((some) => some.value.length <= 200)

const of = <T extends string>(type: T) => ({ type: fc.constant(type) })
const asking = <T extends string>(type: T) => ({ ...of(type), nonce: u48 })
const known = fc
  .tuple(fc.array(id, { minLength: 1, maxLength: knownContactsMax }), fc.nat())
  .map(([ids, turn]) => knownContacts(ids, turn))
const digestEntry = fc.record({ slotHash: bytes(8), version: bytes(8) })

export const request: Arbitrary<Request> = fc.oneof(
  fc.record({ ...asking('ping'), payload: bytes(0, 1_024) }),
  fc
    .tuple(fc.record({ ...asking('find-node'), target: id }), optional('known', known))
    .map(([some, known]) => ({ ...some, ...known })),
  fc
    .tuple(
      fc.record({ ...asking('find-value'), keyId: id, all: fc.boolean(), skipCache: fc.boolean() }),
      optional('author', id),
      optional('known', known),
      optional('content', fc.constant(true)),
      optional('after', id),
    )
    .map(([some, author, known, content, after]) => ({
      ...some,
      ...author,
      ...known,
      ...content,
      ...after,
    })),
  fc
    .tuple(
      fc.record({ ...asking('store'), record, cached: fc.boolean() }),
      optional('ifSeq', u48),
      optional('spread', fc.constant(true)),
    )
    .map(([some, ifSeq, spread]) => ({ ...some, ...ifSeq, ...spread })),
  fc.record({ ...asking('digest'), entries: fc.array(digestEntry, { maxLength: 20 }) }),
  fc.record({ ...asking('channel-open'), channel: u32, label: text(64) }),
  fc.record({ ...asking('find-links'), bucket: fc.nat(159) }),
  fc.record({ ...asking('signal'), signal: bytes(0, 500) }),
)

export const reply: Arbitrary<Reply> = fc.oneof(
  fc.record({ ...asking('pong'), payload: bytes(0, 1_024) }),
  fc.record({ ...asking('nodes'), contacts: ids(0, 20) }),
  fc
    .tuple(
      fc.record({
        ...asking('value'),
        records: fc.array(smallRecord, { maxLength: 6 }),
        contacts: ids(0, 20),
        more: fc.boolean(),
      }),
      optional('copyMs', fc.nat(0xffff)),
    )
    .map(([some, copyMs]) => ({ ...some, ...copyMs })),
  fc
    .tuple(
      fc.record({ ...asking('stored'), status: fc.constantFrom(...storeStatuses) }),
      optional('seq', u48),
    )
    .map(([some, seq]) => ({ ...some, ...seq })),
  fc.record({ ...asking('wants'), wanted: fc.array(fc.boolean(), { maxLength: 40 }) }),
  fc.record(asking('channel-opened')),
  fc.record({
    ...asking('links'),
    links: fc.array(fc.record({ id, rttMs: fc.nat(0xffff) }), { maxLength: 20 }),
  }),
  fc.record({ ...asking('error'), code: fc.constantFrom(...errorReplyCodes) }),
  fc.record({ ...asking('unreachable'), hop: id }),
)

export const notice: Arbitrary<Notice> = fc.oneof(
  fc.record(of('goodbye')),
  fc.record(of('release')),
  fc.record(of('keep')),
  fc.record({ ...of('channel-data'), channel: u32, data: bytes(0, 500), more: fc.boolean() }),
  fc.record({ ...of('channel-close'), channel: u32 }),
)

export const message: Arbitrary<Message> = fc.oneof(request, reply, notice)
export const proof = fc.record({ publicKey: bytes(32), signature: bytes(64) })

const body = bytes(0, 300)

export const toward: Arbitrary<Extract<Packet, { kind: 'toward' }>> = fc
  .tuple(fc.nat(15), fc.nat(15))
  .filter(([nodes, hopsLeft]) => nodes + hopsLeft <= 15)
  .chain(([nodes, hopsLeft]) =>
    fc.record({
      kind: fc.constant('toward' as const),
      target: id,
      exact: fc.boolean(),
      hopsLeft: fc.constant(hopsLeft),
      path: ids(nodes, nodes),
      body,
    }),
  )

const along = fc.tuple(ids(0, 15), fc.nat(15), body).map(([others, at, body]) => ({
  kind: 'along' as const,
  passed: others.slice(0, at),
  ahead: others.slice(at),
  body,
}))

export const packet: Arbitrary<Packet> = fc.oneof(
  fc.record({ kind: fc.constant('direct' as const), body }),
  toward,
  along,
)

const signalHeader = {
  networkHash: bytes(16),
  connectionId: bytes(8),
  publicKey: bytes(32),
  to: id,
  issuedAtMs: u48,
}
const sdp = text(300)
const candidates = fc.array(text(60), { maxLength: 8 })
const signalOf = <T extends string>(kind: T) => ({ kind: fc.constant(kind), ...signalHeader })

export const signal: Arbitrary<Signal> = fc.oneof(
  fc.record(signalOf('request')),
  fc.record({ ...signalOf('offer'), sdp, candidates }),
  fc.record({ ...signalOf('answer'), sdp, candidates, offerHash: bytes(16) }),
  fc.record({ ...signalOf('candidates'), candidates, final: fc.boolean() }),
  fc.record({ ...signalOf('refuse'), reason: fc.constantFrom(...refuseReasons) }),
)

export const clientMessage: Arbitrary<ClientMessage> = fc.oneof(
  fc.record({
    ...of('hello'),
    version: u8,
    network: text(64, 1),
    publicKey: bytes(32),
    signature: bytes(64),
  }),
  fc.record({ ...of('signal'), to: id, signal: bytes(0, 500) }),
  fc.record(of('joined')),
  fc.record(of('more')),
)

export const serverMessage: Arbitrary<ServerMessage> = fc.oneof(
  fc.record({ ...of('challenge'), nonce: bytes(32) }),
  fc.record({
    ...of('welcome'),
    greeters: ids(0, 16),
    iceServersJson: text(200),
    greeter: fc.boolean(),
  }),
  fc.record({ ...of('signal'), from: id, signal: bytes(0, 500) }),
  fc.record(of('promote')),
  fc.record(of('goodbye')),
  fc.record({ ...of('refused'), code: fc.constantFrom(...refusalCodes), text: text(200) }),
)
