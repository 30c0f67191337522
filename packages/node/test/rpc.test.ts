import { keyIdOf } from '@kadrtc/kademlia'
import type { StubIdentity } from '@kadrtc/simulator'
import { encodeMessage, networkHash } from '@kadrtc/wire'
import { describe, expect, test } from 'vitest'
import type { Identity } from '../src/ports/identity.js'
import type { Way } from '../src/rpc/way.js'
import { direct, FakeLink } from './fake-link.js'
import { far, flip, network, other, own, peer, pong, provenPong, question, rig, state } from './rpc-rig.js'

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
    expect(rpc.roundTrips.direct.smoothedMs).toBe(30)
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
  const slowly = (identity: StubIdentity): Identity => ({
    publicKey: identity.publicKey,
    id: identity.id,
    sign: async (bytes) => identity.sign(bytes),
    verify: async (publicKey, bytes, signature) => identity.verify(publicKey, bytes, signature),
  })
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
      'with a proof to another question',
      (nonce) => provenPong(nonce, far, own.id, network, { type: 'ping', payload: Uint8Array.of(8) }),
    ],
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
    const { rpc, link, relayed, nonceSent } = rig({ identity: slowly(own) })
    const answer = rpc.request(route(link), question)
    relayed(link, far.id, provenPong(nonceSent(link), other))
    relayed(link, far.id, provenPong(nonceSent(link), far))
    relayed(link, far.id, provenPong(nonceSent(link), far))
    expect((await answer).responder).toEqual(far.id)
    expect(rpc.counters).toMatchObject({ rogueReplies: 1, lateReplies: 1, answered: 1 })
  })

  test('is not verified at all if it comes from another node than was asked', async () => {
    let verified = 0
    const counting = {
      ...slowly(own),
      verify: async () => {
        verified += 1
        return true
      },
    }
    const { rpc, link, relayed, nonceSent } = rig({ identity: counting })
    const answer = rpc.request(route(link), question)
    relayed(link, other.id, provenPong(nonceSent(link), other))
    expect({ verified, rogue: rpc.counters.rogueReplies }).toEqual({ verified: 0, rogue: 1 })
    relayed(link, far.id, provenPong(nonceSent(link), far))
    expect((await answer).responder).toEqual(far.id)
  })

  test('only so many of a link are being verified at once; those of other links are all the same', async () => {
    const checks: ((valid: boolean) => void)[] = []
    const stuck = {
      ...slowly(own),
      verify: () => new Promise<boolean>((resolve) => checks.push(resolve)),
    }
    const { rpc, link, otherLink, relayed, nonceSent } = rig({ identity: stuck, pendingPerLinkMax: 3 })
    const answer = rpc.request({ kind: 'toward', target: keyIdOf('key'), link }, question)
    for (let i = 0; i < 10; i++) relayed(link, far.id, flip(provenPong(nonceSent(link), far), -1))
    expect(checks).toHaveLength(3)
    relayed(otherLink, far.id, provenPong(nonceSent(link), far))
    expect(checks).toHaveLength(4)
    for (const end of checks.splice(0, 3)) end(false)
    expect(await state(answer)).toBe('open')
    relayed(link, far.id, provenPong(nonceSent(link), far))
    expect(checks).toHaveLength(2)
    checks[1]!(true)
    expect((await answer).route).toEqual([peer.id, far.id])
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

describe('a request that many answer', () => {
  test('tells of each who proves that it answers, until its time is over', async () => {
    const { rpc, link, otherLink, relayed, nonceSent, clock } = rig()
    const told: unknown[] = []
    const way: Way = { kind: 'toward', target: keyIdOf('many'), link }
    rpc.gather(way, question, ({ responder }) => told.push(responder))
    const nonce = nonceSent(link)
    relayed(link, far.id, provenPong(nonce, far))
    relayed(otherLink, far.id, flip(provenPong(nonce, far), -1))
    relayed(link, other.id, provenPong(nonce, other))
    expect(told).toEqual([far.id, other.id])
    expect(rpc.counters.rogueReplies).toBe(1)
    await clock.advance(4_100)
    relayed(link, far.id, provenPong(nonce, far))
    expect(told).toHaveLength(2)
    expect(rpc.pending).toBe(0)
    expect(rpc.counters).toMatchObject({ timedOut: 0, lateReplies: 1 })
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

  test('a signal that a relay cannot bring is said to go no further, once, soon, and not after the end', async () => {
    const { rpc, link, arrive, nonceSent, clock } = rig()
    const told: string[] = []
    const send = (name: string) => {
      const way = { kind: 'toward', target: far.id, link, exact: true } as const
      rpc.signal(way, Uint8Array.of(1), () => told.push(name))
      return direct(encodeMessage({ type: 'unreachable', nonce: nonceSent(link), hop: far.id }))
    }
    const first = send('first')
    arrive(link, first)
    arrive(link, first)
    expect(told).toEqual(['first'])
    const forgotten = send('long ago')
    await clock.advance(10_000)
    expect(clock.pendingTimers).toBe(0)
    arrive(link, forgotten)
    const ended = send('before the end')
    rpc.close()
    arrive(link, ended)
    expect(told).toEqual(['first'])
    expect(rpc.counters.lateReplies).toBe(3)
    expect(clock.pendingTimers).toBe(0)
  })

  test('a link over which nothing came while a request grew late is silent, until something comes', async () => {
    const { clock, link, otherLink, table, rpc, arrive, nonceSent } = rig()
    const failed = expect(rpc.request({ kind: 'link', link }, question)).rejects.toMatchObject({
      code: 'TIMEOUT',
    })
    const answered = rpc.request({ kind: 'link', link: otherLink }, question)
    const nonce = nonceSent(otherLink)
    await clock.advance(600)
    arrive(otherLink, direct(encodeMessage({ type: 'ping', nonce: 1, payload: new Uint8Array(0) })))
    expect([...table.lively()]).toEqual([otherLink])
    expect([link.probes, otherLink.probes]).toEqual([1, 1])
    arrive(link, direct(pong(0)))
    expect([...table.lively()]).toEqual([link, otherLink])
    await clock.advance(600)
    expect([...table.lively()]).toEqual([link, otherLink])
    arrive(otherLink, direct(pong(nonce)))
    await answered
    await clock.advance(4_000)
    await failed
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
