import { linkTransportSuite } from '@kadrtc/node/port-suites'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { openConnections, stopNodeWebRtc } from './node-webrtc.js'
import { transportPair } from './transport-pair.js'

afterEach(() => {
  expect(openConnections.size).toBe(0)
})
afterAll(stopNodeWebRtc)

describe('WebRTC link transport', () => {
  for (const { name, run } of linkTransportSuite(transportPair)) test(name, run)
})
