import { encodeMessage, encodePacket, type Notice, type Reply, type Request } from '@kadrtc/wire'
import { describe, expect, test } from 'vitest'
import type { Identity } from '../src/ports/identity.js'
import { direct } from './fake-link.js'
import { far, own, peer, pong, provenPong, question, rig } from './rpc-rig.js'

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
