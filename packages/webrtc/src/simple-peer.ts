/**
 * The one file that knows simple-peer. It uses the self-contained build, because the plain import needs Node's
 * `global`, `buffer` and `events`, which Vite and webpack 5 do not provide.
 *
 * simple-peer negotiates; the data channel is ours from the moment it exists, for three reasons:
 * 1. its 'connect' waits for a `getStats` round, tens of milliseconds after the channel can carry data;
 * 2. its stream copies each message into a Buffer, and keeps them all if nobody reads;
 * 3. its back-pressure is that of a stream, and has no place for small messages that overtake.
 * The channel is negotiated out of band (both sides open id 0): it opens half a round trip earlier than one that is
 * announced in band, and it exists before any data can come. Of channels announced in band, 5 to 7 in 100 lost the
 * first message of the side that did not announce.
 *
 * simple-peer is given a connection that is constructed already, because near Chrome's cap the constructor throws,
 * and must be tried again after garbage collection (see `construction-budget.ts`).
 */
import SimplePeer from 'simple-peer/simplepeer.min.js'

export interface SessionDescription {
  readonly type: 'offer' | 'answer'
  readonly sdp: string
}

/** What a connection tells its owner. Nothing is told after `destroy`, and nothing after `onClose`. */
export interface PeerConnectionEvents {
  /** The local offer or answer: once. */
  onDescription(description: SessionDescription): void
  /** One local ICE candidate line. */
  onCandidate(candidate: string): void
  /** No more local candidates will come. */
  onGathered(): void
  onOpen(): void
  onMessage(data: unknown): void
  onBufferedAmountLow(): void
  /** ICE says 'disconnected': the path may be gone. */
  onDoubt(): void
  /** `failed`: ICE or the negotiation failed; otherwise the channel was closed from the other side. */
  onClose(failed: boolean): void
}

/** The platform's WebRTC, or a stand-in where it has none (tests in Node). */
export interface WebRtc {
  readonly RTCPeerConnection: new (config: RTCConfiguration) => RTCPeerConnection
  readonly RTCSessionDescription: unknown
  readonly RTCIceCandidate: unknown
}

export interface PeerConnectionOptions {
  /** Fresh. It is closed by `destroy`, and nothing here holds it afterwards. */
  readonly connection: RTCPeerConnection
  /** Makes the offer. */
  readonly initiator: boolean
  readonly webRtc: WebRtc
  readonly bufferedAmountLowBytes: number
}

/** One RTCPeerConnection with one ordered, reliable data channel. */
export interface PeerConnection {
  /** Undefined once destroyed: holding a channel may hold its connection. */
  readonly channel: RTCDataChannel | undefined
  applyDescription(description: SessionDescription): void
  /** Candidates may come before the description; they wait inside. */
  addCandidate(candidate: string): void
  /** Closes, and releases every listener and timer. Twice does nothing. */
  destroy(): void
}

const channelConfig: RTCDataChannelInit = { negotiated: true, id: 0, ordered: true }

/** A candidate that connects to nobody: two browsers both offer active TCP only, and the last one is empty. */
function isUseless(candidate: string): boolean {
  return candidate === '' || candidate.includes('tcptype active')
}

/** Undefined where there is no WebRTC. */
export function platformWebRtc(): WebRtc | undefined {
  const { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate } = globalThis as Partial<
    typeof globalThis
  >
  if (!RTCPeerConnection) return undefined
  return { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate }
}

/** simple-peer constructs its own; what it constructs is ours, handed over once and not kept. */
function simplePeerOn({ connection, initiator, webRtc }: PeerConnectionOptions): SimplePeer {
  let handover: RTCPeerConnection | undefined = connection
  function handOver(): RTCPeerConnection | undefined {
    const given = handover
    handover = undefined
    return given
  }
  const wrtc = { ...webRtc, RTCPeerConnection: handOver }
  const peer = new SimplePeer({ initiator, trickle: true, config: {}, channelConfig, wrtc })
  // simple-peer would make the offer in a timer, which a hidden tab runs once a second. It asks in a microtask.
  if (initiator) peer.negotiate = () => peer._createOffer()
  return peer
}

export function openPeerConnection(
  options: PeerConnectionOptions,
  events: PeerConnectionEvents,
): PeerConnection {
  const peer = simplePeerOn(options)
  let failed = false
  // Stays until the end: an 'error' event that nobody listens to is thrown.
  peer.on('error', () => {
    failed = true
  })
  let channel: RTCDataChannel | undefined = peer._channel!
  let opened = false

  const release = (): boolean => {
    if (!channel) return false
    channel.onopen = channel.onmessage = channel.onbufferedamountlow = null
    channel.onclose = channel.onerror = null
    channel = undefined
    for (const event of ['signal', 'iceStateChange', '_iceComplete', 'close']) peer.removeAllListeners(event)
    // simple-peer leaves this one running for 5 s, and what it holds cannot be collected meanwhile.
    if (peer._iceCompleteTimer) clearTimeout(peer._iceCompleteTimer)
    peer.destroy()
    return true
  }
  const close = (): void => {
    if (release()) events.onClose(failed)
  }

  channel.binaryType = 'arraybuffer'
  channel.bufferedAmountLowThreshold = options.bufferedAmountLowBytes
  const open = (): void => {
    if (opened) return
    opened = true
    events.onOpen()
  }
  channel.onopen = open
  channel.onmessage = (event) => {
    // What comes before 'open' is announced proves that the channel is open.
    open()
    events.onMessage(event.data)
  }
  channel.onbufferedamountlow = () => events.onBufferedAmountLow()
  channel.onclose = close
  // 'close' always follows an error of the channel.
  channel.onerror = null
  listen(peer, events)
  peer.on('close', close)
  return {
    get channel() {
      return channel
    },
    applyDescription(description) {
      if (channel) peer.signal({ type: description.type, sdp: description.sdp })
    },
    addCandidate(candidate) {
      if (!channel || isUseless(candidate)) return
      try {
        peer.signal({ candidate: { candidate, sdpMLineIndex: 0, sdpMid: null } })
      } catch {
        // A line that is no candidate: the others may still connect us.
      }
    },
    destroy() {
      release()
    },
  }
}

function listen(peer: SimplePeer, events: PeerConnectionEvents): void {
  peer.on('signal', (signal) => {
    switch (signal.type) {
      case 'offer':
      case 'answer':
        return events.onDescription({ type: signal.type, sdp: signal.sdp })
      case 'candidate': {
        const line = signal.candidate.candidate ?? ''
        if (!isUseless(line)) events.onCandidate(line)
        return
      }
      case 'renegotiate':
      case 'transceiverRequest':
        return // one channel, negotiated once
    }
  })
  peer.on('_iceComplete', () => events.onGathered())
  peer.on('iceStateChange', (state) => {
    if (state === 'disconnected') events.onDoubt()
  })
}
