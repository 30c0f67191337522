/**
 * A peer of the network that is no honest node: it holds a true key and a link to node 0, and says what it likes. Whatever
 * it is, it costs the peer its own link at most, and the honest nodes' puts and gets go on.
 */
import { type Id, idToHex, type KadRecord, keyIdOf, type SignedRecord } from '@kadrtc/kademlia'
import { type CloseReason, type Identity, KadNode } from '@kadrtc/node'
import { Cluster, SeededRandom, type StubIdentity } from '@kadrtc/simulator'
import {
  decodePacket,
  encodeMessage,
  encodePacket,
  type Message,
  messageTypes,
  type Reply,
  type Request,
  recordVersion,
  slotHash,
} from '@kadrtc/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keyNumber } from './fake-link.js'
import { author, content, signed } from './made-records.js'
import { honestPeers, RawPeer } from './raw-peer.js'
import { said, swarm, text } from './swarm.js'

const hourMs = 3_600_000
const key = keyIdOf('key')

/** The raw peer is nearest to the key, or to the node it is linked to: it is asked first. */
async function scene(cluster = swarm(), size = 6, nearest: 'key' | 'node' = 'key') {
  await cluster.grow(size)
  await cluster.clock.advance(2_000)
  const node = cluster.node(0)
  const raw = await RawPeer.dial(cluster, 0, nearest === 'key' ? key : node.id)
  const unlinked: { peer: string; reason: CloseReason }[] = []
  node.on('unlink', (link) => unlinked.push(link))
  const peers = honestPeers(node, raw)
  let rounds = 0
  /** The honest nodes are linked as before, and put and get as before. */
  const expectUnharmed = async () => {
    expect(honestPeers(node, raw)).toEqual(peers)
    expect(unlinked.filter(({ peer }) => peer !== idToHex(raw.id))).toEqual([])
    rounds += 1
    const [writer, reader] = [rounds % size, (rounds * 3) % size]
    const keyId = keyIdOf(`round ${rounds}`)
    await cluster.run(cluster.node(writer).records.put(keyId, text(`value ${rounds}`)))
    for (const index of [0, reader]) {
      expect(said(await cluster.run(cluster.node(index).records.get(keyId)))).toBe(`value ${rounds}`)
    }
  }
  const tell = async (message: Message) => {
    raw.say(message)
    await cluster.clock.advance(100)
    return raw.heard.filter(
      (heard) => 'nonce' in message && 'nonce' in heard && heard.nonce === message.nonce,
    )
  }
  return { cluster, node, raw, unlinked, expectUnharmed, tell }
}

/** A body of this type with a nonce of zeros, and whatever follows. */
const body = (type: keyof typeof messageTypes, ...rest: number[]) =>
  Uint8Array.of(messageTypes[type], 0, 0, 0, 0, 0, 1, ...rest)
const zeros = (length: number): number[] => Array<number>(length).fill(0)
const findNode = encodeMessage({ type: 'find-node', nonce: 1, target: key })

describe('bytes that no honest peer sends', () => {
  const malformed: [name: string, packet: Uint8Array][] = [
    ['nothing at all', new Uint8Array(0)],
    ['a packet of no kind', Uint8Array.of(0x77, 1, 2, 3)],
    ['a packet cut in its header', Uint8Array.of(2, 15, 0, 1, 2, 3)],
    ['a path longer than the packet', Uint8Array.of(4, 1, 17, ...zeros(40))],
    ['more hops than there may be', Uint8Array.of(2, 255, 0, ...zeros(20), ...findNode)],
    ['an empty message', Uint8Array.of(1)],
    ['a message of no type', Uint8Array.of(1, 0x1f, ...zeros(20))],
    ['a message cut short', Uint8Array.of(1, ...findNode.slice(0, -1))],
    ['a message with a tail', Uint8Array.of(1, ...findNode, 0)],
    ['a request with a proof', Uint8Array.of(1, 0x82, ...findNode.slice(1), ...zeros(96))],
    ['a count of 255 contacts', Uint8Array.of(1, ...body('nodes', 255))],
    ['a count of 255 records', Uint8Array.of(1, ...body('value', 0, 0, 255))],
    ['a digest of 65,535 entries', Uint8Array.of(1, ...body('digest', 255, 255))],
    ['65,535 bits', Uint8Array.of(1, ...body('wants', 255, 255))],
    [
      'a value of 4 GiB',
      Uint8Array.of(1, ...body('store', 0, 1, ...zeros(20), ...zeros(6), 255, 255, 255, 255)),
    ],
    [
      'a value of 64 KiB and a byte',
      Uint8Array.of(1, ...body('store', 0, 1, ...zeros(26), 0, 1, 0, 1), ...zeros(65_537)),
    ],
    ['a ping of 2 KiB', Uint8Array.of(1, ...body('ping', ...zeros(2_048)))],
    ['a label of 255 bytes', Uint8Array.of(1, ...body('channel-open', 0, 0, 0, 1, 255), ...zeros(255))],
    ['a label that is no UTF-8', Uint8Array.of(1, ...body('channel-open', 0, 0, 0, 1, 2, 0xff, 0xfe))],
    ['a notice with a tail', Uint8Array.of(1, messageTypes.goodbye, 0)],
    ['a megabyte of text', new TextEncoder().encode('GET / HTTP/1.1\r\n'.repeat(6_000))],
  ]
  test.each(malformed)('%s: the link is closed as a violation, and no other', async (_name, packet) => {
    const { cluster, raw, unlinked, expectUnharmed } = await scene(undefined, 4)
    raw.link.send(packet)
    await cluster.clock.advance(100)
    expect(unlinked).toEqual([{ peer: idToHex(raw.id), reason: 'violation' }])
    expect(raw.closedAs).toBe('remote')
    expect(raw.heard.filter(({ type }) => type === 'nodes' || type === 'value')).toEqual([])
    await expectUnharmed()
  })

  test('any bytes, bodies and mutilated messages: nothing throws, and no other link falls', async () => {
    const stage = await scene(swarm({ allowAlone: true }), 4)
    const { cluster, node, unlinked } = stage
    let { raw } = stage
    const peers = honestPeers(node, raw)
    const random = new SeededRandom('hostile')
    const messages = sampleMessages(cluster, raw).map((message) => encodeMessage(message))
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 200 }).map((rest) => Uint8Array.of(1, ...rest)),
      fc
        .tuple(fc.constantFrom(...Object.values(messageTypes)), fc.uint8Array({ maxLength: 120 }))
        .map(([type, rest]) => Uint8Array.of(1, type, ...rest)),
      fc
        .tuple(fc.constantFrom(...messages), fc.nat(), fc.integer({ min: 0, max: 255 }), fc.boolean())
        .map(([message, at, byte, cut]) => {
          const packet = Uint8Array.of(1, ...message)
          packet[1 + (at % message.length)] = byte
          return cut ? packet.slice(0, 1 + (at % message.length)) : packet
        }),
      fc
        .tuple(fc.constantFrom(2, 3, 4), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }))
        .map(([kind, a, b]) => Uint8Array.of(kind, a, b, ...random.bytes(20 * (b + 1)), ...findNode)),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { minLength: 1, maxLength: 8 }), async (packets) => {
        if (raw.closedAs) raw = await raw.again(cluster, 0)
        for (const packet of packets) raw.link.send(packet)
        await cluster.clock.advance(200)
        expect(honestPeers(node, raw)).toEqual(peers)
        expect(unlinked.filter(({ peer }) => peer !== idToHex(raw.id))).toEqual([])
        expect(node.status).toBe('joined')
      }),
      { numRuns: 150 },
    )
    expect(unlinked.some(({ reason }) => reason === 'violation')).toBe(true)
    await stage.expectUnharmed()
  })
})

describe('records that are not what they say', () => {
  const forgeries: [name: string, status: string, record: (nowMs: number) => KadRecord][] = [
    ['a signature of nobody', 'invalid', (now) => ({ ...good(now), signature: new Uint8Array(64) })],
    ['another value than was signed', 'invalid', (now) => ({ ...good(now), value: Uint8Array.of(6) })],
    [
      'another key than was signed',
      'invalid',
      (now) => ({ ...signed({ ...fields(now), key: 'else' }), keyId: key }),
    ],
    ['another author', 'invalid', (now) => ({ ...good(now), author: author('else').publicKey })],
    ['a higher sequence number', 'invalid', (now) => ({ ...good(now), seq: now + 1 })],
    ['a longer life', 'invalid', (now) => ({ ...good(now), expiresAtMs: now + 2 * hourMs })],
    ['a signature for another network', 'invalid', (now) => signed({ ...fields(now), network: 'else' })],
    ['a tombstone with a value', 'invalid', (now) => signed({ ...fields(now), deleted: true })],
    [
      'content of another hash',
      'invalid',
      (now) => ({ ...content(Uint8Array.of(1), now + hourMs), keyId: key }),
    ],
    [
      'a sequence number of next week',
      'future-seq',
      (now) => signed({ ...fields(now), seq: now + 168 * hourMs }),
    ],
    ['a life of eight days', 'invalid', (now) => signed({ ...fields(now), expiresAtMs: now + 192 * hourMs })],
    ['a life that is over', 'expired', (now) => signed({ ...fields(now), expiresAtMs: now - 1 })],
  ]
  const fields = (nowMs: number) => ({ seq: nowMs, expiresAtMs: nowMs + hourMs, value: Uint8Array.of(7) })
  const good = (nowMs: number): SignedRecord => signed(fields(nowMs))

  test.each(forgeries)('%s is not stored (%s)', async (_name, status, forge) => {
    const { cluster, node, raw, tell, expectUnharmed } = await scene(undefined, 3)
    const record = forge(cluster.clock.now())
    for (const cached of [false, true]) {
      const [reply] = await tell({ type: 'store', nonce: cached ? 2 : 1, record, cached })
      expect(reply).toMatchObject({ type: 'stored', status })
    }
    expect(node.inspect().records.count).toBe(0)
    expect(await cluster.run(node.records.get(record.keyId))).toBeUndefined()
    expect(raw.closedAs).toBeUndefined()
    await expectUnharmed()
  })

  test('the good one is, which shows that the test can fail', async () => {
    const { cluster, node, tell } = await scene(undefined, 3)
    const record = good(cluster.clock.now())
    expect(await tell({ type: 'store', nonce: 1, record, cached: false })).toMatchObject([
      { status: 'stored' },
    ])
    expect((await cluster.run(node.records.get(key)))?.value).toEqual(Uint8Array.of(7))
  })

  test.each(forgeries.slice(0, 9))(
    '%s in an answer does not mislead a reader',
    async (_name, _status, forge) => {
      const { cluster, node, raw, expectUnharmed } = await scene(swarm({ settings: { k: 3 } }), 5)
      await cluster.run(cluster.node(1).records.put(key, text('true'), { until: 'all' }))
      const record = forge(cluster.clock.now() + 1_000)
      raw.answer = (request) => lie(request, [record])
      for (const reader of cluster.nodes) {
        expect(said(await cluster.run(reader.records.get(key)))).toBe('true')
        expect((await cluster.run(reader.records.getAll(key))).map(said)).toEqual(['true'])
      }
      expect(raw.heard.filter(({ type }) => type === 'find-value').length).toBeGreaterThan(0)
      expect(await cluster.run(node.records.fetch(new Uint8Array(32)))).toBeUndefined()
      await expectUnharmed()
    },
  )

  test('a true record of another key or another author is no answer', async () => {
    const { cluster, node, raw } = await scene()
    const nowMs = cluster.clock.now()
    const elsewhere = signed({ key: 'other', seq: nowMs, expiresAtMs: nowMs + hourMs })
    const byAnna = signed({ seq: nowMs, expiresAtMs: nowMs + hourMs })
    raw.answer = (request) => lie(request, [elsewhere])
    expect(await cluster.run(node.records.get(key))).toBeUndefined()
    raw.answer = (request) => lie(request, [byAnna])
    expect(await cluster.run(node.records.get(key, { author: author('bob').id }))).toBeUndefined()
  })
})

/** Answers as a holder of `records`, to whatever is asked. */
function lie(
  request: Request,
  records: readonly KadRecord[],
  contacts: readonly Id[] = [],
): Reply | undefined {
  const { nonce } = request
  switch (request.type) {
    case 'ping':
      return { type: 'pong', nonce, payload: request.payload }
    case 'find-node':
      return { type: 'nodes', nonce, contacts }
    case 'find-value':
      return { type: 'value', nonce, records, contacts, more: false }
    case 'store':
      return { type: 'stored', nonce, status: 'stored', seq: 1 }
    case 'digest':
      return { type: 'wants', nonce, wanted: Array(512).fill(true) }
    case 'channel-open':
      return { type: 'channel-opened', nonce }
    case 'signal':
      return undefined
  }
}

function sampleMessages(cluster: Cluster<KadNode>, raw: RawPeer): Message[] {
  const nowMs = cluster.clock.now()
  const record = signed({ by: raw.identity, seq: nowMs, expiresAtMs: nowMs + hourMs })
  const entries = [{ slotHash: slotHash('x'), version: recordVersion(record) }]
  return [
    { type: 'ping', nonce: 1, payload: Uint8Array.of(1) },
    { type: 'find-node', nonce: 1, target: key },
    { type: 'find-value', nonce: 1, keyId: key, all: true, author: raw.id },
    { type: 'store', nonce: 1, record, cached: false, ifSeq: 7 },
    { type: 'digest', nonce: 1, entries },
    { type: 'channel-open', nonce: 1, channel: 3, label: 'x' },
    { type: 'signal', nonce: 1, signal: Uint8Array.of(0x76, 0, 1, 2, 3, 4, 5, 6, 7, 8) },
    { type: 'nodes', nonce: 1, contacts: [raw.id] },
    { type: 'value', nonce: 1, records: [record], contacts: [raw.id], more: false },
    { type: 'stored', nonce: 1, status: 'stored', seq: 5 },
    { type: 'wants', nonce: 1, wanted: [true, false, true] },
    { type: 'channel-data', channel: 3, data: Uint8Array.of(1), more: true },
    { type: 'channel-close', channel: 3 },
    { type: 'release' },
    { type: 'keep' },
  ]
}

describe('replies that nobody asked for, and answers that are nonsense', () => {
  test('unsolicited replies are counted, and change nothing', async () => {
    const { cluster, node, raw, expectUnharmed } = await scene()
    const replies = sampleMessages(cluster, raw).filter(({ type }) => messageTypes[type] >> 5 === 1)
    for (let i = 0; i < 500; i++) raw.say({ ...replies[i % replies.length]!, nonce: i } as Reply)
    await cluster.clock.advance(500)
    expect(node.inspect().counters.lateReplies).toBe(500)
    expect(raw.closedAs).toBeUndefined()
    await expectUnharmed()
  })

  test('a wrong type of answer, a digest answer of the wrong length, a store that never was', async () => {
    const { cluster, raw, expectUnharmed } = await scene(
      swarm({ settings: { k: 3, digestIntervalMs: 1_000 } }),
    )
    for (const type of ['nodes', 'pong', 'stored', 'wants', 'value', 'unreachable'] as const) {
      raw.answer = (request) => {
        const { nonce } = request
        switch (type) {
          case 'pong':
            return { type, nonce, payload: new Uint8Array(0) }
          case 'unreachable':
            return { type, nonce, hop: raw.id }
          case 'wants':
            return { type, nonce, wanted: [] }
          default:
            return lie({ ...request, type: askedBy[type], records: [] } as never, [])
        }
      }
      await expectUnharmed()
      await cluster.clock.advance(2_000)
    }
    raw.answer = (request) => lie(request, [])
    await cluster.clock.advance(5_000)
    await expectUnharmed()
  })
  const askedBy = { nodes: 'find-node', stored: 'store', value: 'find-value' } as const

  test('invented contacts cost a few dials, no honest link, and no newcomer its place', async () => {
    const { cluster, node, raw, expectUnharmed } = await scene(
      swarm({ settings: { k: 4, refreshIntervalMs: 5_000 } }),
      6,
      'node',
    )
    let invented = 0
    const fresh = () => Array.from({ length: 20 }, () => keyNumber(invented++).id)
    raw.answer = (request) => lie(request, [], fresh())
    for (let second = 0; second < 30; second++) {
      await cluster.clock.advance(1_000)
      expect(node.inspect().dialling).toBeLessThanOrEqual(node.settings.dialsMax)
    }
    expect(invented).toBeGreaterThan(40)
    await expectUnharmed()
    await cluster.grow(1)
    await cluster.clock.advance(30_000)
    expect(said(await cluster.run(cluster.node(6).records.get(keyIdOf('round 1'))))).toBe('value 1')
    expect(cluster.node(6).status).toBe('joined')
  })
})

describe('floods', () => {
  /** A cluster whose nodes take a second to verify a signature, as a busy tab would. */
  function slowCluster(counts: { now: number; most: number }) {
    const slow = (identity: StubIdentity, later: (done: () => void) => void): Identity => ({
      publicKey: identity.publicKey,
      id: identity.id,
      sign: (bytes) => identity.sign(bytes),
      verify: (publicKey, bytes, signature) => {
        counts.now += 1
        counts.most = Math.max(counts.most, counts.now)
        return new Promise((resolve) =>
          later(() => {
            counts.now -= 1
            resolve(identity.verify(publicKey, bytes, signature))
          }),
        )
      },
    })
    return new Cluster<KadNode>({
      seed: process.env.SEED ?? 1,
      createNode: (ports) =>
        new KadNode({
          ...ports,
          identity: slow(ports.identity, (done) => ports.clock.setTimer(1_000, done)),
          settings: { pendingPerLinkMax: 16 },
        }),
      start: (node) => node.start(),
      stop: (node) => node.close(),
    })
  }

  test('of stores: no more are verified at once than the bound of the link, the rest are told busy', async () => {
    const counts = { now: 0, most: 0 }
    const cluster = slowCluster(counts)
    await cluster.grow(3)
    const raw = await RawPeer.dial(cluster, 0)
    const nowMs = cluster.clock.now()
    for (let i = 0; i < 200; i++) {
      const record = signed({ key: `${i}`, by: raw.identity, seq: nowMs, expiresAtMs: nowMs + hourMs })
      raw.say({ type: 'store', nonce: i, record, cached: false })
    }
    await cluster.clock.advance(500)
    expect(counts.most).toBe(16)
    expect(raw.heard.filter(({ type }) => type === 'error')).toHaveLength(184)
    await cluster.clock.advance(2_000)
    expect(raw.heard.filter(({ type }) => type === 'stored')).toHaveLength(16)
    await cluster.run(cluster.node(1).records.put(key, text('fine'), { until: 'all' }))
    expect(said(await cluster.run(cluster.node(0).records.get(key)))).toBe('fine')
  })

  test('of requests, digests and channels: answered or refused, each in its turn, and the others are served', async () => {
    const { cluster, node, raw, expectUnharmed } = await scene()
    node.on('channel', () => undefined)
    const entries = Array.from({ length: 512 }, (_, i) => ({
      slotHash: slotHash(`${i}`),
      version: new Uint8Array(8),
    }))
    for (let i = 0; i < 60; i++) {
      raw.say({ type: 'digest', nonce: i, entries })
      raw.say({ type: 'find-node', nonce: i, target: key })
      raw.say({ type: 'find-value', nonce: i, keyId: key, all: true })
      raw.say({ type: 'channel-open', nonce: i, channel: i, label: '' })
    }
    await cluster.clock.advance(1_000)
    const heard = (wanted: string) => raw.heard.filter(({ type }) => type === wanted).length
    expect([heard('wants'), heard('nodes'), heard('value')]).toEqual([60, 60, 60])
    expect(heard('channel-opened')).toBe(node.settings.channelsPerLinkMax)
    expect(heard('error')).toBe(60 - node.settings.channelsPerLinkMax)
    await expectUnharmed()
  })

  test('of packets to relay: the ration passes, the rest is dropped, and others’ packets go on', async () => {
    const settings = { relayedPerSecond: 10, relayedBurst: 20, signalsPerSecond: 1, signalsBurst: 5 }
    const { cluster, node, raw, expectUnharmed } = await scene(swarm({ settings }))
    const other = cluster.node(3).id
    let relayed = 0
    cluster.network.faults.drop = ({ to, bytes }) => {
      const packet = decodePacket(bytes)
      const isTheirs = packet.kind === 'along' && idToHex(packet.path[0]!) === idToHex(raw.id)
      if (isTheirs && idToHex(to) === idToHex(other)) relayed += 1
      return false
    }
    const send = (made: Uint8Array) =>
      raw.sendPacket({ kind: 'along', path: [raw.id, node.id, other], index: 1, body: made })
    for (let i = 0; i < 200; i++) send(encodeMessage({ type: 'find-node', nonce: i, target: key }))
    await cluster.clock.advance(1_000)
    expect(relayed).toBeGreaterThanOrEqual(20)
    expect(relayed).toBeLessThanOrEqual(30)
    relayed = 0
    for (let i = 0; i < 50; i++) send(encodeMessage({ type: 'signal', nonce: i, signal: Uint8Array.of(i) }))
    await cluster.clock.advance(1_000)
    expect(relayed).toBeGreaterThanOrEqual(5)
    expect(relayed).toBeLessThanOrEqual(6)
    expect(raw.closedAs).toBeUndefined()
    await expectUnharmed()
  })

  test('of records under one key: the bound of the key holds', async () => {
    const { cluster, node, raw, expectUnharmed } = await scene(swarm({ settings: { recordsPerKeyMax: 8 } }))
    const nowMs = cluster.clock.now()
    for (let i = 0; i < 40; i++) {
      const record = signed({ by: author(`${i}`), seq: nowMs, expiresAtMs: nowMs + hourMs })
      raw.say({ type: 'store', nonce: i, record, cached: i % 2 === 0 })
    }
    await cluster.clock.advance(1_000)
    expect(node.inspect().records.count).toBe(8)
    await expectUnharmed()
  })
})

describe('signals and packets in another’s name', () => {
  test('signals that are forged, late or nonsense open no link and close none', async () => {
    const { cluster, node, raw, expectUnharmed } = await scene()
    const victim = cluster.node(2)
    const links = cluster.network.counters.linksOpened
    const random = new SeededRandom('signals')
    for (let i = 0; i < 60; i++) {
      const signal = i % 3 === 0 ? random.bytes(40) : Uint8Array.of(0x76, i % 5, ...random.bytes(8))
      const made = encodeMessage({ type: 'signal', nonce: i, signal })
      raw.sendBody(made)
      raw.sendPacket({ kind: 'along', path: [victim.id, raw.id, node.id], index: 2, body: made })
      raw.sendPacket({ kind: 'along', path: [keyNumber(i).id, raw.id, node.id], index: 2, body: made })
      raw.sendPacket({
        kind: 'toward',
        target: victim.id,
        exact: true,
        hopsLeft: 9,
        path: [cluster.node(4).id],
        body: made,
      })
    }
    await cluster.clock.advance(20_000)
    expect(cluster.network.counters.linksOpened).toBe(links)
    await expectUnharmed()
  })

  test('a packet whose last hop is not the link it came over is dropped', async () => {
    const { cluster, node, raw, tell, expectUnharmed } = await scene()
    const before = node.inspect().counters.malformed!
    const asked = encodeMessage({ type: 'find-node', nonce: 9, target: key })
    const [a, b] = [cluster.node(1).id, cluster.node(2).id]
    for (const path of [
      [a, b, node.id],
      [a, node.id, b],
      [raw.id, a, b],
    ]) {
      raw.link.send(encodePacket({ kind: 'along', path, index: 1, body: asked }))
    }
    await cluster.clock.advance(200)
    expect(node.inspect().counters.malformed! - before).toBe(3)
    expect(raw.closedAs).toBeUndefined()
    expect(await tell({ type: 'ping', nonce: 3, payload: new Uint8Array(0) })).toHaveLength(1)
    await expectUnharmed()
  })

  test('goodbye and release end the peer’s own link, and nothing more', async () => {
    for (const type of ['goodbye', 'release'] as const) {
      const { cluster, raw, unlinked, expectUnharmed } = await scene(
        swarm({ settings: { greetingMs: 1, k: 1, linksPerBucket: 1 } }),
        3,
      )
      await cluster.clock.advance(1_000)
      raw.say({ type })
      await cluster.clock.advance(100)
      const answered = raw.heard.some((heard) => heard.type === 'keep')
      expect(raw.closedAs !== undefined || answered).toBe(true)
      expect(unlinked.every(({ peer }) => peer === idToHex(raw.id))).toBe(true)
      await expectUnharmed()
    }
  })
})
