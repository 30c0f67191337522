import { type Id, idFromBytes } from '@kadrtc/kademlia'
import type { Identity, Link, SignalPath } from '@kadrtc/node'
import { decodeSignal, encodeSignal, networkHash, type Signal, signalSigningBytes } from '@kadrtc/wire'
import fc from 'fast-check'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { openConnections, stopNodeWebRtc } from './node-webrtc.js'
import { testIdentity } from './test-identity.js'
import { pathBetween, type Tamper, type TestNode, testNode } from './transport-pair.js'

/** All nodes of the test; closed after it. */
const nodes: TestNode[] = []
async function node(options: Parameters<typeof testNode>[0] = {}): Promise<TestNode> {
  const made = await testNode(options)
  nodes.push(made)
  return made
}

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(({ transport }) => transport.close()))
  expect(openConnections.size).toBe(0)
})
afterAll(stopNodeWebRtc)

const nowhere: SignalPath = { send: () => {} }

/** Turns until what was sent is verified; a signature takes WebCrypto some turns. */
async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; !holds(); turn++) {
    if (turn > 5_000) throw new Error('it never came to hold')
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}

async function signed(identity: Identity, to: Id, change: Partial<Signal> = {}): Promise<Uint8Array> {
  const signal = {
    kind: 'request',
    networkHash: networkHash('test'),
    connectionId: crypto.getRandomValues(new Uint8Array(8)),
    publicKey: identity.publicKey,
    to,
    issuedAtMs: Date.now(),
    ...change,
  } as Signal
  return encodeSignal(signal, await identity.sign(signalSigningBytes(signal)))
}

/** Dials through a path that changes signals of one kind; the outcome of the dial. */
async function dialTampered(kind: Signal['kind'], change: (signal: Uint8Array) => readonly Uint8Array[]) {
  const limits = { dialTimeoutMs: 300 }
  const [a, b] = [await node({ limits }), await node({ limits })]
  const tamper: Tamper = (bytes) => (decodeSignal(bytes).signal.kind === kind ? change(bytes) : [bytes])
  const back: SignalPath = {
    send: (signal) => {
      for (const delivered of tamper(signal)) a.transport.receiveSignal(b.identity.id, delivered, there)
    },
  }
  const there: SignalPath = {
    send: (signal) => {
      for (const delivered of tamper(signal)) b.transport.receiveSignal(a.identity.id, delivered, back)
    },
  }
  let opened = 0
  b.transport.onLink(() => opened++)
  const outcome = await a.transport.dial(b.identity.id, there).then(
    () => 'link',
    (error) => error.code as string,
  )
  return { a, b, outcome, opened: () => opened }
}

/** The same signal with one byte of its SDP changed. */
function withOtherSdp(bytes: Uint8Array): readonly Uint8Array[] {
  const { signal, signature } = decodeSignal(bytes)
  if (signal.kind !== 'offer' && signal.kind !== 'answer') throw new Error('no SDP')
  const sdp = signal.sdp.replace(
    /(a=fingerprint:sha-256 )(..)/,
    (_, name, hex) => name + (hex === '00' ? '01' : '00'),
  )
  return [encodeSignal({ ...signal, sdp }, signature)]
}

describe('a hostile peer or relay', () => {
  // Who was offered a link has heard of its peer.
  test.each([
    ['offer', 'TIMEOUT'],
    ['answer', 'UNREACHABLE'],
  ] as const)(
    'that puts its own fingerprint into the %s gets no link: the signature covers it',
    async (kind, code) => {
      const { a, b, outcome } = await dialTampered(kind, withOtherSdp)
      expect(outcome).toBe(code)
      expect(a.transport.stats().dropped.forged + b.transport.stats().dropped.forged).toBe(1)
      expect([a, b].map(({ transport }) => transport.stats().links)).toEqual([0, 0])
    },
  )

  test('that signs in the name of another is found out', async () => {
    const [b, honest, rogue] = [await node(), await testIdentity(), await testIdentity()]
    const withRoguesKey = await signed(rogue, b.identity.id)
    b.transport.receiveSignal(honest.id, withRoguesKey, nowhere)
    const withHonestKey = await signed(rogue, b.identity.id, { publicKey: honest.publicKey })
    b.transport.receiveSignal(honest.id, withHonestKey, nowhere)
    await until(() => b.transport.stats().dropped.forged === 2)
    expect(b.transport.stats().answering).toBe(0)
  })

  test('that sends signals of another network, or meant for another node, is not heard', async () => {
    const [b, peer] = [await node(), await testIdentity()]
    const other = await signed(peer, b.identity.id, { networkHash: networkHash('other') })
    b.transport.receiveSignal(peer.id, other, nowhere)
    b.transport.receiveSignal(peer.id, await signed(peer, peer.id), nowhere)
    expect(b.transport.stats().dropped.foreign).toBe(2)
  })

  test('that replays a request, or sends one of last hour, constructs nothing', async () => {
    const [b, peer] = [await node(), await testIdentity()]
    b.transport.onRequest(() => false)
    const request = await signed(peer, b.identity.id)
    b.transport.receiveSignal(peer.id, request, nowhere)
    b.transport.receiveSignal(peer.id, request, nowhere)
    await until(() => b.transport.stats().dropped.stale === 1)
    b.transport.receiveSignal(peer.id, request, nowhere)
    const issuedAtMs = Date.now() - 3_600_000
    b.transport.receiveSignal(peer.id, await signed(peer, b.identity.id, { issuedAtMs }), nowhere)
    expect(b.transport.stats().dropped.stale).toBe(3)
    expect(b.transport.stats().connections.constructed).toBe(0)
  })

  test('that sends offers, answers and candidates nobody asked for is not verified even', async () => {
    let verified = 0
    const real = await testIdentity()
    const identity: Identity = {
      ...real,
      verify: (...args) => {
        verified++
        return real.verify(...args)
      },
    }
    const [b, peer] = [await node({ identity }), await testIdentity()]
    for (const rest of [
      { kind: 'offer', sdp: 'v=0', candidates: [] },
      { kind: 'answer', sdp: 'v=0', candidates: [], offerHash: new Uint8Array(16) },
      { kind: 'candidates', candidates: [], final: true },
      { kind: 'refuse', reason: 'busy' },
    ]) {
      b.transport.receiveSignal(peer.id, await signed(peer, b.identity.id, rest as Partial<Signal>), nowhere)
    }
    expect(b.transport.stats().dropped.stale).toBe(4)
    expect(verified).toBe(0)
  })

  test('that floods with signatures to verify is cut off', async () => {
    const pending: (() => void)[] = []
    const real = await testIdentity()
    const identity: Identity = {
      ...real,
      verify: () => new Promise((resolve) => pending.push(() => resolve(false))),
    }
    const [b, peer] = [await node({ identity, limits: { verificationsMax: 8 } }), await testIdentity()]
    for (let i = 0; i < 20; i++) {
      b.transport.receiveSignal(peer.id, await signed(peer, b.identity.id), nowhere)
    }
    expect(pending).toHaveLength(8)
    expect(b.transport.stats().dropped.excess).toBe(12)
    for (const finish of pending) finish()
    await until(() => b.transport.stats().dropped.forged === 8)
  })

  test('that offers audio and video gets an error for itself', async () => {
    const [a, rogue] = [await node(), await testIdentity()]
    const dial = a.transport.dial(rogue.id, {
      send: async (bytes) => {
        const { signal } = decodeSignal(bytes)
        if (signal.kind !== 'request') return
        const sdp =
          'v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n'
        const { connectionId } = signal
        const offer = { kind: 'offer', connectionId, sdp, candidates: [] } as Partial<Signal>
        a.transport.receiveSignal(rogue.id, await signed(rogue, a.identity.id, offer), nowhere)
      },
    })
    await expect(dial).rejects.toMatchObject({ code: 'UNREACHABLE' })
    expect(a.transport.stats().connections.constructed).toBe(0)
  })

  test('that answers with nonsense for an SDP gets an error for itself', async () => {
    const [a, rogue] = [await node(), await testIdentity()]
    const dial = a.transport.dial(rogue.id, {
      send: async (bytes) => {
        const { signal } = decodeSignal(bytes)
        if (signal.kind !== 'request') return
        const { connectionId } = signal
        const sdp = 'm=application nonsense'
        const candidates = ['candidate:nonsense', '\0', 'x'.repeat(500)]
        const offer = { kind: 'offer', connectionId, sdp, candidates } as Partial<Signal>
        a.transport.receiveSignal(rogue.id, await signed(rogue, a.identity.id, offer), nowhere)
      },
    })
    await expect(dial).rejects.toMatchObject({ code: 'UNREACHABLE' })
  })

  test('that answers another offer than ours is not listened to', async () => {
    const [b, rogue] = [await node(), await testIdentity()]
    const connectionId = new Uint8Array(8)
    const answer = {
      kind: 'answer',
      connectionId,
      sdp: 'm=application nonsense',
      candidates: [],
      offerHash: new Uint8Array(16),
    } as Partial<Signal>
    const bytes = await signed(rogue, b.identity.id, answer)
    let offered = false
    const path: SignalPath = {
      send: (signal) => {
        offered ||= decodeSignal(signal).signal.kind === 'offer'
      },
    }
    b.transport.receiveSignal(rogue.id, await signed(rogue, b.identity.id, { connectionId }), path)
    await until(() => offered)
    let verified = 0
    const { verify } = b.identity
    Object.assign(b.identity, {
      verify: async (...args: Parameters<typeof verify>) => {
        const genuine = await verify(...args)
        verified++
        return genuine
      },
    })
    b.transport.receiveSignal(rogue.id, bytes, path)
    await until(() => verified === 1)
    for (let turn = 0; turn < 50; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
    expect(b.transport.stats().answering).toBe(1)
  })

  test('that repeats and reorders signals changes nothing', async () => {
    const [a, b] = [await node(), await node()]
    const held: Uint8Array[] = []
    const twiceAndLate: Tamper = (signal) => {
      held.push(signal)
      return [signal, ...held]
    }
    let opened = 0
    b.transport.onLink(() => opened++)
    await a.transport.dial(b.identity.id, pathBetween(a, b, twiceAndLate))
    await until(() => opened === 1)
    for (const signal of held) b.transport.receiveSignal(a.identity.id, signal, nowhere)
    await until(() => b.transport.stats().dropped.stale >= held.length)
    expect([a.transport.stats().links, b.transport.stats().links, opened]).toEqual([1, 1, 1])
  })

  test('that sends random bytes as signals makes nothing throw', async () => {
    const b = await node()
    const peer = idFromBytes(new Uint8Array(20))
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        b.transport.receiveSignal(peer, bytes, nowhere)
      }),
    )
  })
})

describe('one link to a peer', () => {
  async function linked(a: TestNode, b: TestNode): Promise<{ atA: Link; atB: Link }> {
    const incoming = new Promise<Link>((resolve) => b.transport.onLink(resolve))
    const atA = await a.transport.dial(b.identity.id, pathBetween(a, b))
    return { atA, atB: await incoming }
  }

  test('a page that was loaded anew gets a new link; the end of the old one does not touch it', async () => {
    const [a, b] = [await node(), await node()]
    const { atB: old } = await linked(a, b)
    const reloaded = await node({ identity: a.identity })
    const reasons: string[] = []
    old.onClose((reason) => reasons.push(reason))
    const { atA, atB } = await linked(reloaded, b)
    expect(reasons).toEqual(['lost'])
    expect(atB.connectionId).toBe(atA.connectionId)
    expect(b.transport.stats().links).toBe(1)
    expect(await b.transport.dial(a.identity.id, nowhere)).toBe(atB)
    const heard = new Promise<Uint8Array>((resolve) => atA.onMessage(resolve))
    atB.send(Uint8Array.of(1))
    expect(await heard).toEqual(Uint8Array.of(1))
  })

  test('when both dial and the first request of one is lost, they still get one link', async () => {
    const [a, b] = [await node(), await node()]
    const [low, high] = Buffer.compare(a.identity.id, b.identity.id) < 0 ? [a, b] : [b, a]
    let lost = 0
    const lossy: SignalPath = { send: () => lost++ }
    const [one, other] = await Promise.all([
      high.transport.dial(low.identity.id, lossy),
      low.transport.dial(high.identity.id, pathBetween(low, high)),
    ])
    expect(lost).toBe(1)
    expect([a, b].map(({ transport }) => transport.stats().handshakes)).toEqual([0, 0])
    expect(one.connectionId).toBe(other.connectionId)
  })

  test('a dial that is cancelled while the other side dials too leaves the other side its link', async () => {
    const [a, b] = [await node(), await node()]
    const [low, high] = Buffer.compare(a.identity.id, b.identity.id) < 0 ? [a, b] : [b, a]
    const cancel = new AbortController()
    const dial = high.transport.dial(low.identity.id, nowhere, { signal: cancel.signal })
    const cancelled = expect(dial).rejects.toBe('enough')
    // The way back to the lower id is broken until the dial is cancelled.
    let open = false
    let dropped = 0
    const back = pathBetween(high, low)
    const brokenBack: SignalPath = { send: (signal) => (open ? back.send(signal) : dropped++) }
    const there: SignalPath = {
      send: (signal) => {
        high.transport.receiveSignal(low.identity.id, signal, brokenBack)
      },
    }
    const other = low.transport.dial(high.identity.id, there)
    await until(() => dropped === 1)
    open = true
    cancel.abort('enough')
    await cancelled
    expect((await other).peer).toEqual(high.identity.id)
  })

  test('more dials than allowed are BUSY; a peer with too many requests to answer says so', async () => {
    const limits = { dialsMax: 1, answersMax: 1 }
    const [a, b, c] = [await node({ limits }), await node({ limits }), await node()]
    const ids = await Promise.all([testIdentity(), testIdentity()])
    const first = a.transport.dial(ids[0]!.id, nowhere)
    first.catch(() => {})
    await expect(a.transport.dial(ids[1]!.id, nowhere)).rejects.toMatchObject({ code: 'BUSY' })
    b.transport.receiveSignal(ids[0]!.id, await signed(ids[0]!, b.identity.id), nowhere)
    await until(() => b.transport.stats().answering === 1)
    await expect(c.transport.dial(b.identity.id, pathBetween(c, b))).rejects.toMatchObject({ code: 'BUSY' })
  })

  test('a node that dials itself is told that this leads nowhere', async () => {
    const a = await node()
    await expect(a.transport.dial(a.identity.id, nowhere)).rejects.toMatchObject({ code: 'UNREACHABLE' })
  })

  test('a goodbye closes all links at once, on both sides', async () => {
    const [a, b] = [await node(), await node()]
    const { atB } = await linked(a, b)
    const reason = new Promise((resolve) => atB.onClose(resolve))
    a.transport.goodbye()
    expect(a.transport.stats().links).toBe(0)
    expect(await reason).toBe('remote')
  })

  test('where there is no WebRTC a dial says so', async () => {
    const a = await node({ wrtc: undefined })
    const peer = await testIdentity()
    await expect(a.transport.dial(peer.id, nowhere)).rejects.toMatchObject({ code: 'NO_WEBRTC' })
  })
})
