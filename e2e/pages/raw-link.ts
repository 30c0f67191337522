/**
 * Bare RTCPeerConnections between two pages of one origin, the least that any link can cost: one shared certificate for
 * each page, candidates trickled over a BroadcastChannel, one ordered data channel.
 *
 *   rawListen('room')                              // in one page: echoes whatever comes
 *   const link = await rawDial('room')             // in the other
 *   const times = await pingPong(link.channel, 500, 200)
 */

export interface RawLink {
  /** From before the constructor to the open channel, in ms. */
  readonly setupMs: number
  readonly channel: RTCDataChannel
  close(): void
}

type RawSignal = { from: string; to: string } & (
  | { sdp: RTCSessionDescriptionInit }
  | { candidate: RTCIceCandidateInit | null }
)

let certificate: Promise<RTCCertificate> | undefined

function sharedCertificate(): Promise<RTCCertificate> {
  certificate ??= RTCPeerConnection.generateCertificate({
    name: 'ECDSA',
    namedCurve: 'P-256',
  } as EcKeyGenParams)
  return certificate
}

/** Answers every dial in `room`, and echoes every message. Returns what stops it. */
export function rawListen(room: string): () => void {
  const signals = new BroadcastChannel(room)
  const connections = new Map<string, { connection: RTCPeerConnection; receive(signal: RawSignal): void }>()
  signals.onmessage = async ({ data }: MessageEvent<RawSignal>) => {
    if (data.to !== 'listener') return
    const known = connections.get(data.from)
    if (known) return known.receive(data)
    const connection = new RTCPeerConnection({ certificates: [await sharedCertificate()] })
    connections.set(data.from, { connection, receive: receiver(connection, signals, 'listener', data.from) })
    connection.onconnectionstatechange = () => {
      if (connection.connectionState === 'connected') return
      if (['failed', 'closed', 'disconnected'].includes(connection.connectionState))
        connections.delete(data.from)
    }
    connection.ondatachannel = ({ channel }) => {
      channel.binaryType = 'arraybuffer'
      channel.onmessage = (message: MessageEvent<ArrayBuffer>) => channel.send(message.data)
      channel.onclose = () => connection.close()
    }
    connections.get(data.from)!.receive(data)
  }
  return () => {
    signals.close()
    for (const { connection } of connections.values()) connection.close()
  }
}

export async function rawDial(room: string): Promise<RawLink> {
  const certificates = [await sharedCertificate()]
  const signals = new BroadcastChannel(room)
  const own = crypto.randomUUID()
  const startedAt = performance.now()
  const connection = new RTCPeerConnection({ certificates })
  const channel = connection.createDataChannel('raw')
  channel.binaryType = 'arraybuffer'
  const receive = receiver(connection, signals, own, 'listener')
  signals.onmessage = ({ data }: MessageEvent<RawSignal>) => {
    if (data.to === own) receive(data)
  }
  const open = new Promise<number>((resolve, reject) => {
    channel.onopen = () => resolve(performance.now() - startedAt)
    channel.onerror = () => reject(new Error('the bare channel failed'))
  })
  await connection.setLocalDescription()
  post(signals, { from: own, to: 'listener', sdp: connection.localDescription!.toJSON() })
  const setupMs = await open
  return {
    setupMs,
    channel,
    close() {
      signals.close()
      connection.close()
    },
  }
}

/** Milliseconds of each of `count` echoes of `bytes` bytes, one after the other. */
export async function pingPong(channel: RTCDataChannel, bytes: number, count: number): Promise<number[]> {
  const payload = new Uint8Array(bytes)
  const times: number[] = []
  for (let index = 0; index < count; index++) {
    const startedAt = performance.now()
    await new Promise((resolve) => {
      channel.onmessage = resolve
      channel.send(payload)
    })
    times.push(performance.now() - startedAt)
  }
  return times
}

/** Echoes per second of `bytes` bytes each, `outstanding` of them under way at any time, over `total`. */
export async function echoRate(
  channel: RTCDataChannel,
  bytes: number,
  outstanding: number,
  total: number,
): Promise<number> {
  const payload = new Uint8Array(bytes)
  const startedAt = performance.now()
  await new Promise<void>((resolve) => {
    let sent = 0
    let echoed = 0
    const sendNext = () => {
      if (sent >= total) return
      sent++
      channel.send(payload)
    }
    channel.onmessage = () => {
      echoed++
      if (echoed === total) resolve()
      else sendNext()
    }
    for (let index = 0; index < outstanding; index++) sendNext()
  })
  return (1_000 * total) / (performance.now() - startedAt)
}

/** Takes the other side's signals in order; what arrives while one is applied waits for it. */
function receiver(connection: RTCPeerConnection, signals: BroadcastChannel, own: string, peer: string) {
  connection.onicecandidate = ({ candidate }) => {
    post(signals, { from: own, to: peer, candidate: candidate?.toJSON() ?? null })
  }
  let last = Promise.resolve()
  return (signal: RawSignal) => {
    last = last.then(() => apply(signal))
  }

  async function apply(signal: RawSignal): Promise<void> {
    if (connection.signalingState === 'closed') return
    // One that comes before the answer is one of several: the others connect.
    if ('candidate' in signal)
      return connection.addIceCandidate(signal.candidate ?? undefined).catch(() => undefined)
    await connection.setRemoteDescription(signal.sdp)
    if (signal.sdp.type !== 'offer') return
    await connection.setLocalDescription()
    post(signals, { from: own, to: peer, sdp: connection.localDescription!.toJSON() })
  }
}

function post(signals: BroadcastChannel, signal: RawSignal): void {
  signals.postMessage(signal)
}
