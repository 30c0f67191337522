/** Two or more transports on one virtual network, and signal paths between them that take time. */
import type { Link, SignalPath } from '@kadrtc/node'
import {
  constantLatency,
  SeededRandom,
  StubIdentity,
  VirtualClock,
  VirtualNetwork,
  type VirtualNetworkOptions,
  type VirtualTransport,
} from '@kadrtc/simulator'

export const oneWayMs = 10
export const signalMs = 30

export function neighbours(count: number, options: Partial<VirtualNetworkOptions> = {}) {
  const random = new SeededRandom('neighbours')
  const clock = new VirtualClock()
  const network = new VirtualNetwork({
    clock,
    random: random.fork('network'),
    latencyMs: constantLatency(oneWayMs),
    bytesPerSecond: Number.POSITIVE_INFINITY,
    ...options,
  })
  const transports = Array.from({ length: count }, () => network.transport(StubIdentity.random(random)))
  const path = (from: VirtualTransport, to: VirtualTransport): SignalPath => ({
    send: (signal) =>
      void clock.setTimer(signalMs, () => to.receiveSignal(from.identity.id, signal, path(to, from))),
  })
  const dial = (from: VirtualTransport, to: VirtualTransport) => from.dial(to.identity.id, path(from, to))
  const connect = async (from: VirtualTransport, to: VirtualTransport) => {
    let there: Link | undefined
    to.onLink((link) => {
      there = link
    })
    const here = await clock.settle(dial(from, to), { withinMs: 1_000 })
    await clock.runUntil(() => there !== undefined, { withinMs: 1_000 })
    return { here, there: there! }
  }
  return { random, clock, network, transports, path, dial, connect }
}

/** Everything that is heard on `link` from now on. */
export function heardOn(link: Link) {
  const heard = { messages: [] as number[][], closes: [] as string[] }
  link.onMessage((message) => heard.messages.push([...message]))
  link.onClose((reason) => heard.closes.push(reason))
  return heard
}
