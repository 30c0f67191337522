import type { Id } from '@kadrtc/kademlia'
import { SeededRandom, StubIdentity, VirtualClock } from '@kadrtc/simulator'
import {
  encodeMessage,
  encodePacket,
  networkHash,
  type Reply,
  type Request,
  replyProofBytes,
} from '@kadrtc/wire'
import { type Origin, Router } from '../src/overlay/router.js'
import type { Awaitable, Identity } from '../src/ports/identity.js'
import { Rpc } from '../src/rpc/rpc.js'
import { FakeLink, neighbourOf, settingsWith, tableOf } from './fake-link.js'

export const network = networkHash('test')
const random = new SeededRandom('rpc')
export const own = StubIdentity.random(random)
export const peer = StubIdentity.random(random)
export const other = StubIdentity.random(random)
export const far = StubIdentity.random(random)
export const question = { type: 'ping', payload: Uint8Array.of(7) } as const

interface RigOptions {
  readonly identity?: Identity
  readonly pendingPerLinkMax?: number
  readonly handle?: (request: Request, origin: Origin) => Awaitable<Reply | undefined>
}

/** An rpc with links to `peer` and `other`, under a clock of its own. */
export function rig({ identity = own, pendingPerLinkMax = 4, handle = () => undefined }: RigOptions = {}) {
  const clock = new VirtualClock()
  const link = new FakeLink(peer.id)
  const otherLink = new FakeLink(other.id)
  const table = tableOf([link, otherLink], settingsWith())
  const router: Router = new Router(identity.id, table, () => clock.now(), {
    deliver: (body, origin) => rpc.deliver(body, origin),
    answersEarly: (body) => rpc.answersEarly(body),
    routeAround: () => undefined,
  })
  const handlers = { handle, answersEarly: () => false }
  const limits = { pendingPerLinkMax, requestTimeoutMs: 4_000 }
  const rpc = new Rpc({ identity, clock, random, networkHash: network }, router, table, handlers, limits)
  /** Bytes that come over a link. */
  const arrive = (over: FakeLink, bytes: Uint8Array) => router.receive(neighbourOf(table, over), bytes)
  const nonceSent = (over: FakeLink) => (over.messages.at(-1) as { nonce: number }).nonce
  /** A reply that crossed the relay at the other end of `over`. */
  const relayed = (over: FakeLink, from: Id, body: Uint8Array) =>
    arrive(over, encodePacket({ kind: 'along', passed: [from], ahead: [], body }))
  return { clock, link, otherLink, table, router, rpc, arrive, nonceSent, relayed }
}

/** A pong with the signature of `signer` for a requester, under a network, to the question as it was asked. */
export function provenPong(
  nonce: number,
  signer: StubIdentity,
  requester = own.id,
  hash = network,
  asked = question,
): Uint8Array {
  const reply = { type: 'pong', nonce, payload: question.payload } as const
  const request = encodeMessage({ ...asked, nonce })
  const signature = signer.sign(replyProofBytes(hash, requester, request, encodeMessage(reply)))
  return encodeMessage(reply, { publicKey: signer.publicKey, signature })
}

export const pong = (nonce: number) => encodeMessage({ type: 'pong', nonce, payload: question.payload })

/** Has the promise settled, once all that is due has run? */
export async function state(promise: Promise<unknown>): Promise<'open' | 'fulfilled' | { code: unknown }> {
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

export function flip(bytes: Uint8Array, at: number): Uint8Array {
  const flipped = bytes.slice()
  const index = at < 0 ? bytes.length + at : at
  flipped[index] = flipped[index]! ^ 1
  return flipped
}
