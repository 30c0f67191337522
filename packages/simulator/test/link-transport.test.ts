import { linkTransportSuite } from '@kadrtc/node/port-suites'
import { describe, test } from 'vitest'
import { neighbours } from './neighbours.js'

describe('the virtual transport is a LinkTransport', () => {
  for (const [index, { name }] of linkTransportSuite(async () => Promise.reject()).entries()) {
    test(name, async () => {
      const { clock, transports, path } = neighbours(2, { bytesPerSecond: 12_500_000 })
      const [a, b] = transports as [(typeof transports)[0], (typeof transports)[0]]
      const pair = {
        a,
        b,
        idA: a.identity.id,
        idB: b.identity.id,
        pathAtoB: path(a, b),
        pathBtoA: path(b, a),
        close: async () => void (await Promise.all([a.close(), b.close()])),
      }
      // The suite waits for links and messages; virtual time goes by while it does.
      const run = linkTransportSuite(async () => pair)[index]!.run()
      await clock.settle(run, { withinMs: 60_000 })
    })
  }
})
