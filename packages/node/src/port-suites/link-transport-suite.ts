/**
 * What every LinkTransport does. `pair` gives two fresh transports that know of each other by their signal paths
 * only; the suite closes what it was given. Paths may be slow and may reorder, but lose nothing here.
 */
import type { Id } from '@kadrtc/kademlia'
import { KadrtcError } from '../errors.js'
import type { CloseReason, Link, LinkTransport, SignalPath } from '../ports/link-transport.js'
import { expectBytes, expectRejection, expectThat, type SuiteCase } from './suite.js'

/** `pathAtoB` is what `a` dials `b` with: its signals come out at `b.receiveSignal`. */
export interface LinkTransportPair {
  readonly a: LinkTransport
  readonly b: LinkTransport
  readonly idA: Id
  readonly idB: Id
  readonly pathAtoB: SignalPath
  readonly pathBtoA: SignalPath
  close(): Promise<void>
}

type PairCase = [name: string, run: (pair: LinkTransportPair) => Promise<void>]

export function linkTransportSuite(pair: () => Promise<LinkTransportPair>): SuiteCase[] {
  return [...dialling, ...messages, ...closing].map(([name, run]) => ({
    name,
    run: async () => {
      const both = await pair()
      try {
        await run(both)
      } finally {
        await both.close()
      }
    },
  }))
}

/** The next link that opens at `transport`. */
function nextLink(transport: LinkTransport): Promise<Link> {
  return new Promise((resolve) => transport.onLink(resolve))
}

async function connect(pair: LinkTransportPair): Promise<{ atA: Link; atB: Link }> {
  const incoming = nextLink(pair.b)
  const atA = await pair.a.dial(pair.idB, pair.pathAtoB)
  return { atA, atB: await incoming }
}

/** The next `count` messages of `link`. */
function collect(link: Link, count: number): Promise<Uint8Array[]> {
  return new Promise((resolve) => {
    const got: Uint8Array[] = []
    link.onMessage((message, over) => {
      expectThat(over === link, 'the handler is told which link the message came over')
      got.push(Uint8Array.from(message))
      if (got.length === count) resolve(got)
    })
  })
}

function closeOf(link: Link): Promise<CloseReason> {
  return new Promise((resolve) =>
    link.onClose((reason, closed) => {
      expectThat(closed === link, 'the handler is told which link has closed')
      resolve(reason)
    }),
  )
}

/** `length` bytes that differ from those of any other `seed`. */
function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17 + (i >> 8)) & 0xff)
}

async function expectCode(promise: Promise<unknown>, code: string): Promise<void> {
  const error = await expectRejection(promise, `a dial that ends with ${code}`)
  expectThat(error instanceof KadrtcError && error.code === code, `expected ${code}, got ${String(error)}`)
}

const dialling: PairCase[] = [
  [
    'a dial gives a link to the peer, and the peer is told of the same link',
    async (pair) => {
      const { atA, atB } = await connect(pair)
      expectBytes(atA.peer, pair.idB, 'peer of the dialler')
      expectBytes(atB.peer, pair.idA, 'peer of the dialled')
      expectThat(atA.connectionId === atB.connectionId, 'both ends name the connection alike')
      expectThat(atA.publicKey.length === 32 && atB.publicKey.length === 32, 'public keys have 32 bytes')
    },
  ],
  [
    'the dialler is told of its link before the dial resolves',
    async (pair) => {
      const told: Link[] = []
      pair.a.onLink((link) => told.push(link))
      const link = await pair.a.dial(pair.idB, pair.pathAtoB)
      expectThat(told.length === 1 && told[0] === link, `told of ${told.length} links`)
    },
  ],
  [
    'a second dial gives the standing link, from either side',
    async (pair) => {
      const { atA, atB } = await connect(pair)
      expectThat((await pair.a.dial(pair.idB, pair.pathAtoB)) === atA, 'the dialler has its link')
      expectThat((await pair.b.dial(pair.idA, pair.pathBtoA)) === atB, 'the dialled has its link')
    },
  ],
  [
    'two dials at once give the same link',
    async (pair) => {
      const [first, second] = await Promise.all([
        pair.a.dial(pair.idB, pair.pathAtoB),
        pair.a.dial(pair.idB, pair.pathAtoB),
      ])
      expectThat(first === second, 'one link')
    },
  ],
  [
    'a second dial reaches a peer whom the first one’s path does not',
    async (pair) => {
      const nowhere = { send: () => undefined }
      const first = pair.a.dial(pair.idB, nowhere)
      const second = pair.a.dial(pair.idB, pair.pathAtoB)
      expectThat((await first) === (await second), 'one link')
    },
  ],
  [
    'a request that is lost on the way is made again',
    async (pair) => {
      let sent = 0
      const lossy = { send: (signal: Uint8Array) => (sent++ > 0 ? pair.pathAtoB.send(signal) : undefined) }
      const link = await pair.a.dial(pair.idB, lossy)
      expectBytes(link.peer, pair.idB, 'peer')
    },
  ],
  [
    'two peers that dial each other at once get one link',
    async (pair) => {
      const opened = { a: 0, b: 0 }
      pair.a.onLink(() => opened.a++)
      pair.b.onLink(() => opened.b++)
      const [atA, atB] = await Promise.all([
        pair.a.dial(pair.idB, pair.pathAtoB),
        pair.b.dial(pair.idA, pair.pathBtoA),
      ])
      expectThat(atA.connectionId === atB.connectionId, 'one connection')
      const heard = collect(atB, 1)
      atA.send(pattern(8, 1))
      expectBytes((await heard)[0], pattern(8, 1), 'what came over it')
      expectThat(opened.a === 1 && opened.b === 1, `opened ${opened.a} and ${opened.b} links`)
    },
  ],
  [
    'who dials is told once that the peer has agreed, before there is a link',
    async (pair) => {
      const told: string[] = []
      pair.a.onLink(() => told.push('link'))
      await pair.a.dial(pair.idB, pair.pathAtoB, { onAgreed: () => told.push('agreed') })
      expectThat(told.join() === 'agreed,link', `told ${told.join()}`)
    },
  ],
  [
    'who dials a peer that dials as well is told so, and of one that does not answer nothing',
    async (pair) => {
      const told: string[] = []
      const nowhere: SignalPath = { send: () => undefined }
      const cancel = cancellation()
      const mute = pair.a.dial(pair.idB, nowhere, {
        signal: cancel.signal,
        onAgreed: () => told.push('mute'),
      })
      cancel.abort('enough')
      await expectRejection(mute, 'a cancelled dial')
      await Promise.all([
        pair.a.dial(pair.idB, pair.pathAtoB, { onAgreed: () => told.push('a') }),
        pair.b.dial(pair.idA, pair.pathBtoA, { onAgreed: () => told.push('b') }),
      ])
      expectThat(told.sort().join() === 'a,b', `told ${told.join()}`)
    },
  ],
  [
    'a peer that may not open a link is refused',
    async (pair) => {
      const asked: Id[] = []
      const paths: SignalPath[] = []
      pair.b.onRequest((peer, path) => {
        asked.push(peer)
        paths.push(path)
        return false
      })
      await expectCode(pair.a.dial(pair.idB, pair.pathAtoB), 'REFUSED')
      expectThat(asked.length === 1, 'the policy was asked once')
      expectBytes(asked[0], pair.idA, 'who asked')
      expectThat(typeof paths[0]?.send === 'function', 'the policy is told the way back')
    },
  ],
  [
    'a dial that is cancelled rejects with the reason, and a later one succeeds',
    async (pair) => {
      const cancel = cancellation()
      const nowhere: SignalPath = { send: () => undefined }
      const dial = pair.a.dial(pair.idB, nowhere, { signal: cancel.signal })
      cancel.abort('changed my mind')
      const reason = await expectRejection(dial, 'a cancelled dial')
      expectThat(reason === 'changed my mind', `rejected with ${String(reason)}`)
      const link = await pair.a.dial(pair.idB, pair.pathAtoB)
      expectBytes(link.peer, pair.idB, 'peer')
    },
  ],
  [
    'a dial with a signal that was aborted before sends nothing',
    async (pair) => {
      const cancel = cancellation()
      cancel.abort('never mind')
      let sent = 0
      const path: SignalPath = { send: () => sent++ }
      const dial = pair.a.dial(pair.idB, path, { signal: cancel.signal })
      expectThat((await expectRejection(dial, 'the dial')) === 'never mind', 'rejects with the reason')
      expectThat(sent === 0, `${sent} signals were sent`)
    },
  ],
  [
    'closing a transport ends its dials with CLOSED, and refuses new ones',
    async (pair) => {
      const dial = pair.a.dial(pair.idB, { send: () => undefined })
      const rejected = expectCode(dial, 'CLOSED')
      await pair.a.close()
      await rejected
      await expectCode(pair.a.dial(pair.idB, pair.pathAtoB), 'CLOSED')
    },
  ],
  [
    'random bytes instead of a signal change nothing',
    async (pair) => {
      for (let length = 0; length < 200; length += 7) {
        pair.b.receiveSignal(pair.idA, pattern(length, length), pair.pathBtoA)
      }
      await connect(pair)
    },
  ],
]

const messages: PairCase[] = [
  [
    'messages that come before there is a handler are kept, in order',
    async (pair) => {
      const { atA, atB } = await connect(pair)
      for (let i = 0; i < 20; i++) expectThat(atA.send(pattern(10, i)), 'accepted')
      // When the answer is here, so is all that went before its question.
      const answer = collect(atA, 1)
      atB.send(pattern(1, 99))
      await answer
      const got = await collect(atB, 20)
      for (const [i, message] of got.entries()) expectBytes(message, pattern(10, i), `message ${i}`)
    },
  ],
  [
    'small messages keep their order in both directions',
    async (pair) => {
      const { atA, atB } = await connect(pair)
      const all = Promise.all([collect(atA, 200), collect(atB, 200)])
      for (let i = 0; i < 200; i++) {
        atA.send(pattern(100, i))
        atB.send(pattern(100, i + 7))
      }
      const [gotA, gotB] = await all
      for (let i = 0; i < 200; i++) {
        expectBytes(gotB[i], pattern(100, i), `message ${i} at b`)
        expectBytes(gotA[i], pattern(100, i + 7), `message ${i} at a`)
      }
    },
  ],
  [
    'a message of 96 KiB arrives whole',
    async (pair) => {
      const { atA, atB } = await connect(pair)
      const got = collect(atB, 1)
      expectThat(atA.send(pattern(98_304, 5)), 'accepted')
      expectBytes((await got)[0], pattern(98_304, 5), 'the large message')
    },
  ],
  [
    'a full queue refuses a message, tells when there is room, and loses nothing',
    async (pair) => {
      const { atA, atB } = await connect(pair)
      const drained = new Promise<void>((resolve) => atA.onDrain(resolve))
      let arrived = 0
      atB.onMessage(() => arrived++)
      let accepted = 0
      let refused = false
      // A transport may be too fast to be filled: then there is nothing to wait for.
      while (accepted < 64 && !refused) {
        refused = !atA.send(pattern(65_536, accepted))
        if (!refused) accepted++
      }
      expectThat(accepted > 0, 'some were accepted')
      if (refused) await drained
      expectThat(atA.send(pattern(65_536, 1)), 'there is room again')
      const last = collect(atA, 1)
      atB.onMessage(() => {
        if (++arrived === accepted + 1) atB.send(pattern(1, 1))
      })
      await last
    },
  ],
]

const closing: PairCase[] = [
  [
    "a close is 'local' here and 'remote' there",
    async (pair) => {
      const { atA, atB } = await connect(pair)
      const reasons = Promise.all([closeOf(atA), closeOf(atB)])
      atA.close()
      atA.close()
      expectThat((await reasons).join() === 'local,remote', `reasons ${(await reasons).join()}`)
    },
  ],
  [
    'a closed link sends nothing, and tells a late handler at once',
    async (pair) => {
      const { atA } = await connect(pair)
      atA.close('violation')
      expectThat(!atA.send(pattern(1, 1)), 'send is refused')
      let reason: CloseReason | undefined
      atA.onClose((r) => {
        reason = r
      })
      expectThat(reason === 'violation', `told ${String(reason)}`)
    },
  ],
  [
    'after a close the peers can link again',
    async (pair) => {
      const first = await connect(pair)
      const gone = closeOf(first.atB)
      first.atA.close()
      await gone
      const second = await connect(pair)
      expectThat(first.atA.connectionId !== second.atA.connectionId, 'another connection')
    },
  ],
  [
    'closing a transport closes its links on both sides',
    async (pair) => {
      const { atA, atB } = await connect(pair)
      const reasons = Promise.all([closeOf(atA), closeOf(atB)])
      await pair.a.close()
      expectThat((await reasons).join() === 'local,remote', `reasons ${(await reasons).join()}`)
    },
  ],
]

/** AbortController has no name here: this package compiles with no DOM and no Node types. */
function cancellation() {
  const listeners = new Set<() => void>()
  const signal = {
    aborted: false,
    reason: undefined as unknown,
    addEventListener: (_type: 'abort', listener: () => void) => void listeners.add(listener),
    removeEventListener: (_type: 'abort', listener: () => void) => void listeners.delete(listener),
  }
  return {
    signal,
    abort(reason: unknown) {
      signal.aborted = true
      signal.reason = reason
      for (const listener of [...listeners]) listener()
    },
  }
}
