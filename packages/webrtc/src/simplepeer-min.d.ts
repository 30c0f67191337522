/** The parts of simple-peer 9.11.1 that `simple-peer.ts` uses; the package brings no types of its own. */
declare module 'simple-peer/simplepeer.min.js' {
  export interface SimplePeerOptions {
    initiator: boolean
    trickle: boolean
    config: RTCConfiguration
    channelConfig: RTCDataChannelInit
    wrtc: object
  }

  export type SimplePeerSignal =
    | { type: 'offer' | 'answer'; sdp: string }
    | { type: 'candidate'; candidate: RTCIceCandidateInit }
    | { type: 'renegotiate' | 'transceiverRequest' }

  export default class SimplePeer {
    constructor(options: SimplePeerOptions)
    /** There from construction for a negotiated channel; null once destroyed. */
    readonly _channel: RTCDataChannel | null
    readonly _iceCompleteTimer: ReturnType<typeof setTimeout> | null
    negotiate: () => void
    _createOffer(): void
    signal(data: { type: 'offer' | 'answer'; sdp: string } | { candidate: RTCIceCandidateInit }): void
    destroy(): void
    on(event: 'signal', listener: (signal: SimplePeerSignal) => void): this
    on(event: 'iceStateChange', listener: (connection: RTCIceConnectionState) => void): this
    on(event: 'error', listener: (error: Error) => void): this
    on(event: 'close' | '_iceComplete', listener: () => void): this
    removeAllListeners(event: string): this
  }
}
