import { afterAll, describe, expect, test } from 'vitest'
import {
  openPeerConnection,
  type PeerConnection,
  type PeerConnectionEvents,
  type SessionDescription,
} from '../src/simple-peer.js'
import { nodeWebRtc, openConnections, stopNodeWebRtc } from './node-webrtc.js'
import { withResolvers } from './with-resolvers.js'

afterAll(stopNodeWebRtc)

const silent: PeerConnectionEvents = {
  onDescription: () => {},
  onCandidate: () => {},
  onGathered: () => {},
  onOpen: () => {},
  onMessage: () => {},
  onBufferedAmountLow: () => {},
  onDoubt: () => {},
  onClose: () => {},
}

function open(initiator: boolean, events: Partial<PeerConnectionEvents>): PeerConnection {
  const connection = new nodeWebRtc.RTCPeerConnection({})
  const options = { connection, initiator, webRtc: nodeWebRtc, bufferedAmountLowBytes: 0 }
  return openPeerConnection(options, { ...silent, ...events })
}

/** Two connections that signal each other directly. */
function connect(eventsA: Partial<PeerConnectionEvents>, eventsB: Partial<PeerConnectionEvents>) {
  const opened = { a: withResolvers<void>(), b: withResolvers<void>() }
  const a: PeerConnection = open(true, {
    onDescription: (description) => b.applyDescription(description),
    onCandidate: (candidate) => b.addCandidate(candidate),
    onOpen: opened.a.resolve,
    ...eventsA,
  })
  const b: PeerConnection = open(false, {
    onDescription: (description) => a.applyDescription(description),
    onCandidate: (candidate) => a.addCandidate(candidate),
    onOpen: opened.b.resolve,
    ...eventsB,
  })
  return { a, b, opened: Promise.all([opened.a.promise, opened.b.promise]) }
}

describe('peer connection', () => {
  test('two connections open a channel and carry bytes', async () => {
    const got = withResolvers<unknown>()
    const { a, b, opened } = connect({}, { onMessage: got.resolve })
    await opened
    a.channel!.send(Uint8Array.of(1, 2, 3))
    expect(new Uint8Array((await got.promise) as ArrayBuffer)).toEqual(Uint8Array.of(1, 2, 3))
    a.destroy()
    b.destroy()
  })

  test('destroy closes the connection, and lets go of the channel', async () => {
    const a = open(true, {})
    expect(openConnections.size).toBe(1)
    a.destroy()
    a.destroy()
    await Promise.resolve()
    await Promise.resolve()
    expect(openConnections.size).toBe(0)
    expect(a.channel).toBeUndefined()
  })

  test('no first message of either side is lost, in twenty connections', async () => {
    for (let i = 0; i < 20; i++) {
      const atA = withResolvers<unknown>()
      const atB = withResolvers<unknown>()
      const { a, b } = connect(
        { onOpen: () => a.channel!.send(Uint8Array.of(1)), onMessage: atA.resolve },
        { onOpen: () => b.channel!.send(Uint8Array.of(2)), onMessage: atB.resolve },
      )
      await Promise.all([atA.promise, atB.promise])
      a.destroy()
      b.destroy()
    }
  })

  test('when one side is destroyed the other is told, once, and its own destroy tells nothing', async () => {
    const closed = withResolvers<boolean>()
    let told = 0
    let toldLocally = 0
    const { a, b, opened } = connect(
      { onClose: () => toldLocally++ },
      {
        onClose: (failed) => {
          told++
          closed.resolve(failed)
        },
      },
    )
    await opened
    a.destroy()
    expect(await closed.promise).toBe(false)
    b.destroy()
    expect([told, toldLocally]).toEqual([1, 0])
  })

  test('an answer that is no SDP fails the connection, and nothing is thrown', async () => {
    const closed = withResolvers<boolean>()
    const description = withResolvers<SessionDescription>()
    const a = open(true, { onDescription: description.resolve, onClose: closed.resolve })
    await description.promise
    a.applyDescription({ type: 'answer', sdp: 'no sdp at all' })
    expect(await closed.promise).toBe(true)
    a.applyDescription({ type: 'answer', sdp: 'too late' })
    a.addCandidate('candidate:1 1 udp 1 127.0.0.1 9 typ host')
  })
})
