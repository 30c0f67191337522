/** Shows that this machine's browsers can do what everything else here needs; when this fails, look at the machine. */
import type { Tab } from '../tabs/tab.js'
import { expect, test } from '../tabs/test.js'

for (const [caller, callee] of [
  ['chromium', 'firefox'],
  ['firefox', 'chromium'],
] as const) {
  test(`a bare data channel opens from ${caller} to ${callee}`, async ({ tabs, site }) => {
    const dialler = await tabs.open(caller, `${site.origin}/bare`)
    const listener = await tabs.open(callee, `${site.origin}/bare`)
    const offer = await dialler.run(async () => {
      const connection = new RTCPeerConnection()
      const channel = connection.createDataChannel('echo')
      window.kept.connection = connection
      window.kept.echo = new Promise((resolve) => {
        channel.onmessage = ({ data }) => resolve(data)
        channel.onopen = () => channel.send('hello')
      })
      return fullDescription(connection, await connection.createOffer())

      function fullDescription(from: RTCPeerConnection, description: RTCSessionDescriptionInit) {
        return new Promise<string>((resolve) => {
          from.onicegatheringstatechange = () => {
            if (from.iceGatheringState === 'complete') resolve(from.localDescription!.sdp)
          }
          void from.setLocalDescription(description)
        })
      }
    })
    const answer = await answerTo(listener, offer)
    const echo = await dialler.run(async (sdp) => {
      const connection = window.kept.connection as RTCPeerConnection
      await connection.setRemoteDescription({ type: 'answer', sdp })
      const text = await (window.kept.echo as Promise<string>)
      connection.close()
      return text
    }, answer)
    expect(echo).toBe('hello')
    expect(await dialler.connectionsConstructed()).toBe(1)
  })
}

function answerTo(tab: Tab, offer: string): Promise<string> {
  return tab.run(async (sdp) => {
    const connection = new RTCPeerConnection()
    connection.ondatachannel = ({ channel }) => {
      channel.onmessage = ({ data }) => channel.send(data)
    }
    await connection.setRemoteDescription({ type: 'offer', sdp })
    const gathered = new Promise<void>((resolve) => {
      connection.onicegatheringstatechange = () => {
        if (connection.iceGatheringState === 'complete') resolve()
      }
    })
    await connection.setLocalDescription(await connection.createAnswer())
    await gathered
    return connection.localDescription!.sdp
  }, offer)
}
