import { type CloseReason, KadNode, type Link, type LinkTransport, MemoryRecordStore } from '@kadrtc/node'
import { SeededRandom, StubIdentity, VirtualClock } from '@kadrtc/simulator'
import { encodeMessage, encodePacket } from '@kadrtc/wire'
import { expect, test } from 'vitest'
import { FakeLink } from './fake-link.js'

/** A transport whose links open when a test says so. */
class FakeTransport implements LinkTransport {
  open: (link: Link) => void = () => undefined

  dial(): Promise<Link> {
    return Promise.reject(new Error('nobody is there'))
  }

  receiveSignal(): void {}

  onLink(handler: (link: Link) => void): void {
    this.open = handler
  }

  onRequest(): void {}

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** A link whose peer has said something and closed it before anybody listened: the port keeps both. */
class EndedLink extends FakeLink {
  constructor(
    peer: StubIdentity,
    readonly early: Uint8Array,
  ) {
    super(peer.id, undefined, peer.publicKey)
  }

  override onMessage(handler?: (message: Uint8Array, link: Link) => void): void {
    handler?.(this.early, this)
  }

  override onClose(handler: (reason: CloseReason, link: Link) => void): void {
    handler('remote', this)
  }
}

test('what a peer said before it closed its link is heard, and then the link is gone', async () => {
  const random = new SeededRandom('node links')
  const transport = new FakeTransport()
  const node = new KadNode({
    network: 'test',
    identity: StubIdentity.random(random),
    transport,
    introducers: [],
    records: new MemoryRecordStore(),
    published: new MemoryRecordStore(),
    clock: new VirtualClock(),
    random,
  })
  const ping = encodeMessage({ type: 'ping', nonce: 1, payload: new Uint8Array(0) })
  transport.open(new EndedLink(StubIdentity.random(random), encodePacket({ kind: 'direct', body: ping })))
  expect(node.inspect().counters.ping).toBe(1)
  expect(node.inspect().links).toEqual([])
  await node.close()
})
