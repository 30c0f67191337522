/** The link transport alone, with signals through a real introduction server: what a dial costs, with no node around it. */
import { createIdentity, loadCertificate } from '@kadrtc/indexeddb'
import { type Id, idFromHex, idToHex } from '@kadrtc/kademlia'
import type { IntroducerSession, SignalPath } from '@kadrtc/node'
import { createWebRtcTransport, webSocketIntroducer } from '@kadrtc/webrtc'

export interface DiallingPage {
  /** Node id, hex. */
  readonly id: string
  /** Milliseconds from `dial` to the usable link; the link is closed again, and gone when this resolves. */
  dialOnce(peer: string): Promise<number>
  close(): Promise<void>
}

/** Resolves when the server knows this page, so that others can dial it. */
export async function openDiallingPage(network: string, server: string): Promise<DiallingPage> {
  const [identity, certificate] = await Promise.all([
    createIdentity(),
    loadCertificate({ database: undefined }),
  ])
  const transport = createWebRtcTransport({
    identity,
    network,
    certificate,
    limits: { construction: { perMinute: 1_000_000 } },
  })
  transport.onLink((link) => link.onMessage(() => {}))
  let session: IntroducerSession | undefined
  const pathTo = (peer: Id): SignalPath => ({ send: (signal) => session?.send(peer, signal) })
  await new Promise<void>((resolve, reject) => {
    session = webSocketIntroducer(server).open(identity, network, {
      onWelcome: () => resolve(),
      onSignal: (from, signal) => transport.receiveSignal(from, signal, pathTo(from)),
      onDown: (error) => reject(error ?? new Error('the server let us go')),
    })
    session.connect()
  })
  return {
    id: idToHex(identity.id),
    async dialOnce(hex) {
      const peer = idFromHex(hex)!
      const startedAt = performance.now()
      const link = await transport.dial(peer, pathTo(peer))
      const setupMs = performance.now() - startedAt
      const closed = new Promise((resolve) => link.onClose(resolve))
      link.close()
      await closed
      return setupMs
    },
    async close() {
      session?.close()
      await transport.close()
    },
  }
}
