/** Two transports in one process whose signals go through memory, and a way to tamper with them. */
import type { Identity, SignalPath } from '@kadrtc/node'
import type { LinkTransportPair } from '@kadrtc/node/port-suites'
import { createWebRtcTransport, type WebRtcTransport, type WebRtcTransportOptions } from '../src/index.js'
import { nodeWebRtc } from './node-webrtc.js'
import { testIdentity } from './test-identity.js'

export interface TestNode {
  readonly identity: Identity
  readonly transport: WebRtcTransport
}

/** Sees every signal; gives what is delivered instead of it, in order. */
export type Tamper = (signal: Uint8Array) => readonly Uint8Array[]

export async function testNode(options: Partial<WebRtcTransportOptions> = {}): Promise<TestNode> {
  const identity = options.identity ?? (await testIdentity())
  const transport = createWebRtcTransport({ identity, network: 'test', wrtc: nodeWebRtc, ...options })
  return { identity, transport }
}

/** What `from` says comes out at `to`, in a later turn; answers go the same way back. */
export function pathBetween(from: TestNode, to: TestNode, tamper: Tamper = (signal) => [signal]): SignalPath {
  return {
    send: (signal) => {
      for (const delivered of tamper(signal)) {
        setImmediate(() => {
          to.transport.receiveSignal(from.identity.id, delivered, pathBetween(to, from))
        })
      }
    },
  }
}

export async function transportPair(
  options: Partial<WebRtcTransportOptions> = {},
): Promise<LinkTransportPair & { readonly nodeA: TestNode; readonly nodeB: TestNode }> {
  const [nodeA, nodeB] = await Promise.all([testNode(options), testNode(options)])
  return {
    nodeA,
    nodeB,
    a: nodeA.transport,
    b: nodeB.transport,
    idA: nodeA.identity.id,
    idB: nodeB.identity.id,
    pathAtoB: pathBetween(nodeA, nodeB),
    pathBtoA: pathBetween(nodeB, nodeA),
    close: async () => {
      await Promise.all([nodeA.transport.close(), nodeB.transport.close()])
    },
  }
}
