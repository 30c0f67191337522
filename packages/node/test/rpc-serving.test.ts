import { encodeMessage, encodePacket, type Notice, type Reply, type Request } from '@kadrtc/wire'
import { describe, expect, test } from 'vitest'
import type { Identity } from '../src/ports/identity.js'
import { handledMax } from '../src/rpc/handled-requests.js'
import { direct } from './fake-link.js'
import { far, own, pong, provenPong, question, rig } from './rpc-rig.js'

describe('a request from a peer', () => {
  const ping = (nonce: number) => encodeMessage({ type: 'ping', nonce, payload: question.payload })
  const asked = ping(99)
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
    expect(packet).toMatchObject({ kind: 'along', passed: [], ahead: [own.id] })
    expect(packet?.body).toEqual(provenPong(99, far))
  })

  test('beyond the bound of its link is told busy; signals beyond it are dropped', async () => {
    const open: ((reply: Reply) => void)[] = []
    const { link, otherLink, arrive } = rig({
      pendingPerLinkMax: 2,
      handle: () => new Promise((resolve) => open.push(resolve)),
    })
    for (let nonce = 0; nonce < 5; nonce++) arrive(link, direct(ping(nonce)))
    expect(open).toHaveLength(2)
    expect(link.messages).toEqual([2, 3, 4].map((nonce) => ({ type: 'error', nonce, code: 'busy' })))
    arrive(link, direct(encodeMessage({ type: 'signal', nonce: 5, signal: Uint8Array.of(1) })))
    expect(link.sent).toHaveLength(3)
    arrive(otherLink, direct(asked))
    expect(open).toHaveLength(3)
    open[0]!({ type: 'pong', nonce: 0, payload: question.payload })
    for (let turn = 0; turn < 20; turn++) await undefined
    // Who was told busy may ask the same again.
    arrive(link, direct(ping(4)))
    expect(open).toHaveLength(4)
  })

  test('is handled once, however often the network brings it; asked by another it is another', () => {
    let handled = 0
    const { rpc, link, otherLink, arrive, relayed } = rig({
      handle: (request) => {
        handled += 1
        return echo(request)
      },
    })
    for (let i = 0; i < 3; i++) arrive(link, direct(asked))
    expect([handled, link.sent.length, rpc.repeated]).toEqual([1, 1, 2])
    arrive(otherLink, direct(asked))
    for (let i = 0; i < 3; i++) relayed(otherLink, far.id, asked)
    expect([handled, otherLink.sent.length, rpc.repeated]).toEqual([3, 2, 4])
    for (let nonce = 200; nonce < 200 + handledMax; nonce++) arrive(link, direct(ping(nonce)))
    expect(rpc.repeated).toBe(4)
    // The memory is short: the oldest has been forgotten.
    arrive(link, direct(asked))
    expect(rpc.repeated).toBe(4)
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
    const relayedPing = (nonce: number) =>
      encodePacket({
        kind: 'toward',
        target: own.id,
        exact: false,
        hopsLeft: 14,
        path: [far.id],
        body: ping(nonce),
      })
    for (let nonce = 0; nonce < 20; nonce++) arrive(link, relayedPing(nonce))
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
