import { afterAll, test } from 'vitest'
import { openPeerConnection, type PeerConnection } from '../src/simple-peer.js'
import { nodeWebRtc, stopNodeWebRtc } from './node-webrtc.js'
import { withResolvers } from './with-resolvers.js'
afterAll(stopNodeWebRtc)
const silent = { onDescription() {}, onCandidate() {}, onGathered() {}, onOpen() {}, onMessage() {}, onBufferedAmountLow() {}, onDoubt() {}, onClose() {} }
for (const delay of [0, 5]) test(`t${delay}`, { timeout: 60000 }, async () => {
  const times: number[] = []
  for (let i = 0; i < 40; i++) {
    const log: string[] = []
    const t0 = performance.now()
    const L = (s: string) => log.push(`${(performance.now() - t0).toFixed(1)} ${s}`)
    const oa = withResolvers<void>(), ob = withResolvers<void>()
    const mk = (n: string, initiator: boolean, other: () => PeerConnection, open: () => void) => {
      const connection = new nodeWebRtc.RTCPeerConnection({})
      connection.addEventListener('connectionstatechange', () => L(`${n} ${connection.connectionState}`))
      connection.addEventListener('iceconnectionstatechange', () => L(`${n} ice ${connection.iceConnectionState}`))
      const later = (f: () => void) => delay ? setTimeout(f, delay) : setImmediate(f)
      return openPeerConnection({ connection, initiator, webRtc: nodeWebRtc, bufferedAmountLowBytes: 0 }, { ...silent,
        onDescription: (d) => { L(`${n} ${d.type}`); later(() => other().applyDescription(d)) },
        onCandidate: (c) => { L(`${n} cand`); later(() => other().addCandidate(c)) }, onOpen: () => { L(`${n} open`); open() } })
    }
    const a: PeerConnection = mk('a', true, () => b, oa.resolve)
    const b: PeerConnection = mk('b', false, () => a, ob.resolve)
    const r = await Promise.race([Promise.all([oa.promise, ob.promise]), new Promise((r) => setTimeout(r, 5000, 'hang'))])
    times.push(performance.now() - t0)
    if (r === 'hang' || times.at(-1)! > 500) console.log(i, r, log.join('\n'))
    a.destroy(); b.destroy()
  }
  console.log(delay, times.map((t) => Math.round(t)).join(' '))
})
