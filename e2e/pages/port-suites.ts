/**
 * The suites of the node's ports, run by what implements them in a real browser: IndexedDB, WebCrypto, WebRTC. On
 * `window.portSuites`; bundled by the scenario.
 */
import { createIdentity, openRecordStore } from '@kadrtc/indexeddb'
import type { Identity, LinkTransport, SignalPath } from '@kadrtc/node'
import {
  identitySuite,
  type LinkTransportPair,
  linkTransportSuite,
  recordStoreSuite,
  type SuiteCase,
} from '@kadrtc/node/port-suites'
import { createWebRtcTransport } from '@kadrtc/webrtc'

let databases = 0

function openStore(database: string) {
  const onWarning = (warning: Error) => {
    throw warning
  }
  return openRecordStore({ database, onWarning })
}

interface End {
  readonly identity: Identity
  readonly transport: LinkTransport
}

async function openEnd(): Promise<End> {
  const identity = await createIdentity()
  const construction = { perMinute: 100_000, burst: 1_000 }
  return {
    identity,
    transport: createWebRtcTransport({ identity, network: 'suite', limits: { construction } }),
  }
}

function pathBetween(from: End, to: End): SignalPath {
  return {
    send: (signal) =>
      queueMicrotask(() => to.transport.receiveSignal(from.identity.id, signal, pathBetween(to, from))),
  }
}

async function openPair(): Promise<LinkTransportPair> {
  const [a, b] = await Promise.all([openEnd(), openEnd()])
  return {
    a: a.transport,
    b: b.transport,
    idA: a.identity.id,
    idB: b.identity.id,
    pathAtoB: pathBetween(a, b),
    pathBtoA: pathBetween(b, a),
    close: async () => {
      await Promise.all([a.transport.close(), b.transport.close()])
    },
  }
}

let latestDatabase = ''

const suites = {
  'RecordStore on IndexedDB': recordStoreSuite(
    () => {
      latestDatabase = `suite:${databases++}`
      return openStore(latestDatabase)
    },
    () => openStore(latestDatabase),
  ),
  'Identity on WebCrypto': identitySuite(createIdentity),
  'LinkTransport on WebRTC': linkTransportSuite(openPair),
} satisfies Record<string, SuiteCase[]>

export type SuiteName = keyof typeof suites

const portSuites = {
  /** How many cases ran, and what went wrong, by the case's name. */
  async run(name: SuiteName): Promise<{ cases: number; failures: Record<string, string> }> {
    const failures: Record<string, string> = {}
    for (const { name: title, run } of suites[name]) {
      await run().catch((error: unknown) => {
        failures[title] = String(error)
      })
    }
    return { cases: suites[name].length, failures }
  },
}

declare global {
  interface Window {
    portSuites: typeof portSuites
  }
}

window.portSuites = portSuites
