import { type Id, keyIdOf } from '@kadrtc/kademlia'
import { SeededRandom, StubIdentity, VirtualClock } from '@kadrtc/simulator'
import {
  encodeMessage,
  encodePacket,
  type Notice,
  networkHash,
  type Reply,
  type Request,
  replyProofBytes,
} from '@kadrtc/wire'
import { describe, expect, test } from 'vitest'
import { type Origin, Router } from '../src/overlay/router.js'
import type { Awaitable, Identity } from '../src/ports/identity.js'
import { Rpc, type Way } from '../src/rpc/rpc.js'
import { direct, FakeLink, neighbourOf, settingsWith, tableOf } from './fake-link.js'

const network = networkHash('test')
const random = new SeededRandom('rpc')
const own = StubIdentity.random(random)
const peer = StubIdentity.random(random)
const other = StubIdentity.random(random)
const far = StubIdentity.random(random)
const question = { type: 'ping', payload: Uint8Array.of(7) } as const

interface RigOptions {
  readonly identity?: Identity
  readonly pendingPerLinkMax?: number
  readonly handle?: (request: Request, origin: Origin) => Awaitable<Reply | undefined>
}

/** An rpc with links to `peer` and `other`, under a clock of its own. */
function rig({ identity = own, pendingPerLinkMax = 4, handle = () => undefined }: RigOptions = {}) {
  const clock = new VirtualClock()
  const link = new FakeLink(peer.id)
  const otherLink = new FakeLink(other.id)
  const table = tableOf([link, otherLink], settingsWith())
  const router: Router = new Router(identity.id, table, () => clock.now(), {
    deliver: (body, origin) => rpc.deliver(body, origin),
    answersEarly: (body) => rpc.answersEarly(body),
  })
  const handlers = { handle, answersEarly: () => false }
  const limits = { pendingPerLinkMax, requestTimeoutMs: 4_000 }
  const rpc = new Rpc({ identity, clock, random, networkHash: network }, router, table, handlers, limits)
  /** Bytes that come over a link. */
  const arrive = (over: FakeLink, bytes: Uint8Array) => router.receive(neighbourOf(table, over), bytes)
  const nonceSent = (over: FakeLink) => (over.messages.at(-1) as { nonce: number }).nonce
  /** A reply that crossed the relay at the other end of `over`. */
  const relayed = (over: FakeLink, from: Id, body: Uint8Array) =>
    arrive(over, encodePacket({ kind: 'along', path: [from, over.peer, identity.id], index: 2, body }))
  return { clock, link, otherLink, table, router, rpc, arrive, nonceSent, relayed }
}

/** A pong with the signature of `signer` for a requester, under a network. */
function provenPong(nonce: number, signer: StubIdentity, requester = own.id, hash = network): Uint8Array {
  const reply = { type: 'pong', nonce, payload: question.payload } as const
  const signature = signer.sign(replyProofBytes(hash, requester, encodeMessage(reply)))
  return encodeMessage(reply, { publicKey: signer.publicKey, signature })
}

const pong = (nonce: number) => encodeMessage({ type: 'pong', nonce, payload: question.payload })

/** Has the promise settled, once all that is due has run? */
async function state(promise: Promise<unknown>): Promise<'open' | 'fulfilled' | { code: unknown }> {
  let seen: 'open' | 'fulfilled' | { code: unknown } = 'open'
  promise.then(
    () => {
      seen = 'fulfilled'
    },
    (error) => {
      seen = { code: error.code ?? error.message }
    },
  )
  for (let turn = 0; turn < 20; turn++) await undefined
  return seen
}

describe('a reply straight over the link', () => {
  test('answers its request, with who answered, the way there and the time it took', async () => {
    const { rpc, link, arrive, nonceSent, clock } = rig()
    const answer = rpc.request({ kind: 'link', link }, question)
    await clock.advance(30)
    arrive(link, direct(pong(nonceSent(link))))
    expect(await answer).toEqual({
      reply: { type: 'pong', nonce: nonceSent(link), payload: question.payload },
      responder: peer.id,
      route: [peer.id],
      rttMs: 30,
    })
    expect(rpc.pending).toBe(0)
    expect(rpc.roundTrips.smoothedMs).toBe(30)
    await clock.advance(100)
    expect(clock.pendingTimers).toBe(0)
  })

  test('too late, or a second time, is counted and changes nothing', async () => {
    const { rpc, link, arrive, nonceSent, clock } = rig()
    const late = rpc.request({ kind: 'link', link }, question)
    const failed = expect(late).rejects.toMatchObject({ code: 'TIMEOUT' })
    await clock.advance(4_000)
    await failed
    arrive(link, direct(pong(nonceSent(link))))
    expect(rpc.counters).toMatchObject({ timedOut: 1, lateReplies: 1, answered: 0 })

    const answer = rpc.request({ kind: 'link', link }, question)
    for (let i = 0; i < 3; i++) arrive(link, direct(pong(nonceSent(link))))
    await answer
    expect(rpc.counters).toMatchObject({ lateReplies: 3, answered: 1 })
  })

  test('from another link is rogue, and the true one still counts', async () => {
    const { rpc, link, otherLink, arrive, nonceSent } = rig()
    const answer = rpc.request({ kind: 'link', link }, question)
    arrive(otherLink, direct(pong(nonceSent(link))))
    expect(await state(answer)).toBe('open')
    expect(rpc.counters.rogueReplies).toBe(1)
    arrive(link, direct(pong(nonceSent(link))))
    expect((await answer).responder).toEqual(peer.id)
  })

  test('with a nonce that nobody drew is late, not harmful', () => {
    const { rpc, link, arrive } = rig()
    arrive(link, direct(pong(12_345)))
    expect(rpc.counters.lateReplies).toBe(1)
    expect(link.closedAs).toBeUndefined()
  })

  test('of another type is refused at once', async () => {
    const { rpc, link, arrive, nonceSent } = rig()
    const answer = rpc.request({ kind: 'link', link }, question)
    arrive(link, direct(encodeMessage({ type: 'nodes', nonce: nonceSent(link), contacts: [] })))
    await expect(answer).rejects.toMatchObject({ code: 'REFUSED' })
    expect(rpc.counters.rogueReplies).toBe(1)
  })

  test('an error says BUSY or REFUSED', async () => {
    const { rpc, link, arrive, nonceSent } = rig()
    for (const [code, expected] of [
      ['busy', 'BUSY'],
      ['refused', 'REFUSED'],
      ['bad-request', 'REFUSED'],
      ['unsupported', 'REFUSED'],
    ] as const) {
      const answer = rpc.request({ kind: 'link', link }, question)
      arrive(link, direct(encodeMessage({ type: 'error', nonce: nonceSent(link), code })))
      await expect(answer).rejects.toMatchObject({ code: expected })
    }
  })
})

describe('a reply that crossed a relay', () => {
  const route = (over: FakeLink): Way => ({ kind: 'route', route: [over.peer, far.id] })

  test('answers with the proof of the destination', async () => {
    const { rpc, link, relayed, nonceSent } = rig()
    const answer = rpc.request(route(link), question)
    relayed(link, far.id, provenPong(nonceSent(link), far))
    expect(await answer).toMatchObject({ responder: far.id, route: [peer.id, far.id] })
  })

  const forgeries: [name: string, body: (nonce: number) => Uint8Array][] = [
    ['without a proof', pong],
    ['with the proof of another node', (nonce) => provenPong(nonce, other)],
    ['with the proof of the relay', (nonce) => provenPong(nonce, peer)],
    ['with a proof for another requester', (nonce) => provenPong(nonce, far, other.id)],
    ['with a proof for another network', (nonce) => provenPong(nonce, far, own.id, networkHash('else'))],
    ['with another payload than was signed', (nonce) => flip(provenPong(nonce, far), 7)],
    ['with a signature that was touched', (nonce) => flip(provenPong(nonce, far), -1)],
    ['with the destination’s key and nonsense', (nonce) => flip(provenPong(nonce, far), -40)],
    [
      'with a proof of another reply',
      (nonce) => {
        const elsewhere = provenPong(nonce + 1, far)
        elsewhere.set(pong(nonce).slice(1, 7), 1)
        return elsewhere
      },
    ],
  ]
  test.each(forgeries)('%s is refused, and the true one still counts', async (_name, body) => {
    const { rpc, link, relayed, nonceSent } = rig()
    const answer = rpc.request(route(link), question)
    relayed(link, far.id, body(nonceSent(link)))
    expect(await state(answer)).toBe('open')
    expect(rpc.counters).toMatchObject({ rogueReplies: 1, answered: 0 })
    relayed(link, far.id, provenPong(nonceSent(link), far))
    expect((await answer).responder).toEqual(far.id)
  })

  test('a node that proves itself is not the destination for that', async () => {
    const { rpc, link, relayed, arrive, nonceSent } = rig()
    const answer = rpc.request(route(link), question)
    relayed(link, other.id, provenPong(nonceSent(link), other))
    arrive(link, direct(pong(nonceSent(link))))
    arrive(link, direct(provenPong(nonceSent(link), peer)))
    expect(await state(answer)).toBe('open')
    expect(rpc.counters.rogueReplies).toBe(3)
  })

  test('toward a key anybody may answer who proves who it is; toward one node only that node', async () => {
    const { rpc, link, relayed, nonceSent } = rig()
    const target = keyIdOf('key')
    const open = rpc.request({ kind: 'toward', target, link }, question)
    relayed(link, far.id, provenPong(nonceSent(link), far))
    expect((await open).responder).toEqual(far.id)

    const exact = rpc.request({ kind: 'toward', target: other.id, link, exact: true }, question)
    relayed(link, far.id, provenPong(nonceSent(link), far))
    expect(await state(exact)).toBe('open')
    expect(rpc.counters.rogueReplies).toBe(1)
    relayed(link, other.id, provenPong(nonceSent(link), other))
    expect((await exact).responder).toEqual(other.id)
  })

  test('a proof by another node than the packet says it is from is rogue, whoever may answer', async () => {
    const { rpc, link, relayed, nonceSent } = rig()
    const answer = rpc.request({ kind: 'toward', target: keyIdOf('key'), link }, question)
    relayed(link, far.id, provenPong(nonceSent(link), other))
    expect(await state(answer)).toBe('open')
    expect(rpc.counters.rogueReplies).toBe(1)
    relayed(link, other.id, provenPong(nonceSent(link), other))
    expect(await answer).toMatchObject({ responder: other.id, route: [peer.id, other.id] })
  })

  test('is verified just as well where verifying takes a while, and once settled it is late', async () => {
    const slow: Identity = {
      publicKey: own.publicKey,
      id: own.id,
      sign: async (bytes) => own.sign(bytes),
      verify: async (publicKey, bytes, signature) => own.verify(publicKey, bytes, signature),
    }
    const { rpc, link, relayed, nonceSent } = rig({ identity: slow })
    const answer = rpc.request(route(link), question)
    relayed(link, far.id, provenPong(nonceSent(link), other))
    relayed(link, far.id, provenPong(nonceSent(link), far))
    relayed(link, far.id, provenPong(nonceSent(link), far))
    expect((await answer).responder).toEqual(far.id)
    expect(rpc.counters).toMatchObject({ rogueReplies: 1, lateReplies: 1, answered: 1 })
  })

  test('unreachable rejects at once', async () => {
    const { rpc, link, relayed, arrive, nonceSent } = rig()
    for (const way of [route(link), { kind: 'toward', target: far.id, link } as const]) {
      const answer = rpc.request(way, question)
      const gone = encodeMessage({ type: 'unreachable', nonce: nonceSent(link), hop: far.id })
      if (way.kind === 'route') relayed(link, other.id, gone)
      else arrive(link, direct(gone))
      await expect(answer).rejects.toMatchObject({ code: 'UNREACHABLE' })
    }
  })
})

describe('what ends a request', () => {
  test('no link, a full link and a closed rpc reject before anything is sent', async () => {
    const { rpc, link } = rig()
    const nowhere: Way = { kind: 'route', route: [far.id] }
    await expect(rpc.request(nowhere, question)).rejects.toMatchObject({ code: 'UNREACHABLE' })
    const stranger = new FakeLink(peer.id)
    await expect(rpc.request({ kind: 'link', link: stranger }, question)).rejects.toMatchObject({
      code: 'UNREACHABLE',
    })
    link.full = true
    await expect(rpc.request({ kind: 'link', link }, question)).rejects.toMatchObject({ code: 'BUSY' })
    rpc.close()
    await expect(rpc.request({ kind: 'link', link }, question)).rejects.toMatchObject({ code: 'CLOSED' })
    expect(rpc.pending).toBe(0)
  })

  test('more under way over one link than its bound is BUSY; an answer makes room', async () => {
    const { rpc, link, otherLink, arrive, nonceSent } = rig({ pendingPerLinkMax: 2 })
    const first = rpc.request({ kind: 'link', link }, question)
    const nonce = nonceSent(link)
    rpc.request({ kind: 'route', route: [peer.id, far.id] }, question).catch(() => undefined)
    await expect(rpc.request({ kind: 'link', link }, question)).rejects.toMatchObject({ code: 'BUSY' })
    const elsewhere = rpc.request({ kind: 'link', link: otherLink }, question)
    expect(await state(elsewhere)).toBe('open')
    arrive(link, direct(pong(nonce)))
    await first
    expect(await state(rpc.request({ kind: 'link', link }, question))).toBe('open')
    rpc.close()
    await expect(elsewhere).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('a link that closes fails what went over it at once, routes included, and nothing else', async () => {
    const { rpc, link, otherLink, table, clock } = rig()
    const lost = [
      rpc.request({ kind: 'link', link }, question),
      rpc.request({ kind: 'toward', target: far.id, link }, question),
      rpc.request({ kind: 'route', route: [peer.id, far.id] }, question),
    ]
    const kept = rpc.request({ kind: 'link', link: otherLink }, question)
    table.remove(link)
    rpc.onLinkClosed(link)
    for (const answer of lost) expect(await state(answer)).toEqual({ code: 'UNREACHABLE' })
    expect(await state(kept)).toBe('open')
    expect(clock.pendingTimers).toBe(1)
    rpc.close()
    await expect(kept).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('aborting rejects with the signal’s reason, and leaves no listener and no timer', async () => {
    const { rpc, link, arrive, nonceSent, clock } = rig()
    const abort = new AbortController()
    let listeners = 0
    const signal = {
      get aborted() {
        return abort.signal.aborted
      },
      get reason() {
        return abort.signal.reason
      },
      addEventListener: (type: 'abort', listener: () => void) => {
        listeners += 1
        abort.signal.addEventListener(type, listener)
      },
      removeEventListener: (type: 'abort', listener: () => void) => {
        listeners -= 1
        abort.signal.removeEventListener(type, listener)
      },
    }
    const answered = rpc.request({ kind: 'link', link }, question, { signal })
    arrive(link, direct(pong(nonceSent(link))))
    await answered
    expect(listeners).toBe(0)
    const pending = rpc.request({ kind: 'link', link }, question, { signal })
    abort.abort(new Error('enough'))
    await expect(pending).rejects.toThrow('enough')
    await expect(rpc.request({ kind: 'link', link }, question, { signal })).rejects.toThrow('enough')
    expect({ listeners, pending: rpc.pending }).toEqual({ listeners: 0, pending: 0 })
    await clock.advance(100)
    expect(clock.pendingTimers).toBe(0)
  })

  test('close rejects all that is under way with CLOSED', async () => {
    const { rpc, link, otherLink, clock } = rig()
    const pending = [link, otherLink].map((over) => rpc.request({ kind: 'link', link: over }, question))
    rpc.close()
    for (const answer of pending) await expect(answer).rejects.toMatchObject({ code: 'CLOSED' })
    expect(clock.pendingTimers).toBe(0)
  })

  test('a request that times out asks its link whether it still lives', async () => {
    const { rpc, link, clock } = rig()
    const failed = expect(
      rpc.request({ kind: 'link', link }, question, { timeoutMs: 100 }),
    ).rejects.toMatchObject({ code: 'TIMEOUT' })
    await clock.advance(100)
    await failed
    expect(link.probes).toBe(1)
  })
})

describe('a request from a peer', () => {
  const asked = encodeMessage({ type: 'ping', nonce: 99, payload: question.payload })
  const echo = (request: Request) =>
    ({ type: 'pong', nonce: request.nonce, payload: question.payload }) as const

  test('straight over the link is answered there, unsigned', () => {
    const { link, arrive } = rig({ handle: echo })
    arrive(link, direct(asked))
    expect(link.packets).toEqual([{ kind: 'direct', body: pong(99) }])
  })

  test('over a relay is answered along the way back, with a proof that the asker can verify', async () => {
    const answering = rig({ identity: far, handle: echo })
    answering.arrive(
      answering.link,
      encodePacket({
        kind: 'toward',
        target: far.id,
        exact: false,
        hopsLeft: 14,
        path: [own.id],
        body: asked,
      }),
    )
    const [packet] = answering.link.packets
    expect(packet).toMatchObject({ kind: 'along', path: [far.id, peer.id, own.id], index: 1 })
    expect(packet?.body).toEqual(provenPong(99, far))
  })

  test('beyond the bound of its link is told busy; signals beyond it are dropped', async () => {
    const open: ((reply: Reply) => void)[] = []
    const { link, otherLink, arrive } = rig({
      pendingPerLinkMax: 2,
      handle: () => new Promise((resolve) => open.push(resolve)),
    })
    for (let i = 0; i < 5; i++) arrive(link, direct(asked))
    expect(open).toHaveLength(2)
    expect(link.messages).toEqual(Array(3).fill({ type: 'error', nonce: 99, code: 'busy' }))
    arrive(link, direct(encodeMessage({ type: 'signal', nonce: 5, signal: Uint8Array.of(1) })))
    expect(link.sent).toHaveLength(3)
    arrive(otherLink, direct(asked))
    expect(open).toHaveLength(3)
    open[0]!({ type: 'pong', nonce: 99, payload: question.payload })
    for (let turn = 0; turn < 20; turn++) await undefined
    arrive(link, direct(asked))
    expect(open).toHaveLength(4)
  })

  test('signing replies counts against the bound too: a flood makes no heap of signatures', async () => {
    let signing = 0
    const slow: Identity = {
      publicKey: own.publicKey,
      id: own.id,
      sign: () => {
        signing += 1
        return new Promise(() => undefined)
      },
      verify: () => false,
    }
    const { link, arrive } = rig({ identity: slow, handle: echo, pendingPerLinkMax: 3 })
    const relayedPing = encodePacket({
      kind: 'toward',
      target: own.id,
      exact: false,
      hopsLeft: 14,
      path: [far.id],
      body: asked,
    })
    for (let i = 0; i < 20; i++) arrive(link, relayedPing)
    expect(signing).toBe(3)
  })

  test('whose handler fails is told refused', async () => {
    const { link, arrive } = rig({ handle: () => Promise.reject(new Error('disk')) })
    arrive(link, direct(asked))
    for (let turn = 0; turn < 20; turn++) await undefined
    expect(link.messages).toEqual([{ type: 'error', nonce: 99, code: 'refused' }])
  })
})

describe('a body that is no message', () => {
  test('costs the link of the peer that sent it, and none that only relayed it', () => {
    const { rpc, link, otherLink, arrive, relayed } = rig()
    relayed(otherLink, far.id, Uint8Array.of(0xff, 1))
    expect(otherLink.closedAs).toBeUndefined()
    arrive(link, direct(Uint8Array.of(0xff, 1)))
    expect(link.closedAs).toBe('violation')
    expect(rpc.counters.malformed).toBe(2)
  })

  test('a notice is for the other end of a link alone', () => {
    const { rpc, link, arrive, relayed } = rig()
    const heard: Notice[] = []
    rpc.onNotice = (notice) => heard.push(notice)
    relayed(link, far.id, encodeMessage({ type: 'goodbye' }))
    expect(heard).toEqual([])
    arrive(link, direct(encodeMessage({ type: 'goodbye' })))
    expect(heard).toEqual([{ type: 'goodbye' }])
  })
})

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const flipped = bytes.slice()
  const index = at < 0 ? bytes.length + at : at
  flipped[index] = flipped[index]! ^ 1
  return flipped
}
