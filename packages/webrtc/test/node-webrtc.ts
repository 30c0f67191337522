/**
 * WebRTC for the tests in Node: node-datachannel's polyfill, made to behave as browsers do where simple-peer or a
 * negotiated channel needs it. The polyfill cannot open a negotiated channel on both sides, so here the initiator
 * announces its channel in band, and the other side's stands in for it until the announcement comes.
 */
import * as nodeDataChannel from 'node-datachannel'
import * as polyfill from 'node-datachannel/polyfill'
import type { WebRtc } from '../src/index.js'

const native = (nodeDataChannel as unknown as { default?: typeof nodeDataChannel }).default ?? nodeDataChannel

/** A channel whose inner one comes later. */
class LateChannel {
  onopen: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onbufferedamountlow: (() => void) | null = null
  onclose: (() => void) | null = null
  onerror: ((event: unknown) => void) | null = null
  binaryType = 'arraybuffer'
  readonly label = ''
  #inner: RTCDataChannel | undefined
  #threshold = 0

  adopt(inner: RTCDataChannel): void {
    this.#inner = inner
    inner.bufferedAmountLowThreshold = this.#threshold
    inner.onmessage = (event) => this.onmessage?.(event)
    inner.onbufferedamountlow = () => this.onbufferedamountlow?.()
    inner.onclose = () => this.onclose?.()
    if (inner.readyState === 'open') this.onopen?.()
    else inner.onopen = () => this.onopen?.()
  }

  get readyState(): string {
    return this.#inner?.readyState ?? 'connecting'
  }

  get bufferedAmount(): number {
    return this.#inner?.bufferedAmount ?? 0
  }

  get bufferedAmountLowThreshold(): number {
    return this.#threshold
  }

  set bufferedAmountLowThreshold(bytes: number) {
    this.#threshold = bytes
    if (this.#inner) this.#inner.bufferedAmountLowThreshold = bytes
  }

  send(data: Uint8Array): void {
    if (!this.#inner) throw new Error('not open')
    this.#inner.send(data as Uint8Array<ArrayBuffer>)
  }

  close(): void {
    this.#inner?.close()
  }
}

/** Connections alive now: a test that ends well leaves none. */
export const openConnections = new Set<object>()

/**
 * The answerer begins the DTLS handshake, and its first flight is lost if it is ready before the offerer: libdatachannel
 * sends it again after a second. So the offerer gets a head start.
 */
const headStartMs = 10

class Connection extends polyfill.RTCPeerConnection {
  readonly #peer: nodeDataChannel.PeerConnection
  #answers = false

  constructor(config: RTCConfiguration) {
    const peer = new native.PeerConnection('test', { iceServers: [], disableAutoNegotiation: true })
    super({ ...config, peerConnection: peer } as never)
    this.#peer = peer
    openConnections.add(this)
  }

  override async createOffer(): Promise<never> {
    this.#peer.setLocalDescription('offer')
    const { type, sdp } = (await super.createOffer()) as RTCSessionDescription
    return { type, sdp } as never
  }

  override async createAnswer(): Promise<never> {
    this.#peer.setLocalDescription('answer')
    const { type, sdp } = (await super.createAnswer()) as RTCSessionDescription
    return { type, sdp } as never
  }

  override async setLocalDescription(): Promise<void> {}

  override get localDescription(): never {
    const { type, sdp } = super.localDescription as RTCSessionDescription
    return { type, sdp: sdp.replace(/a=(candidate|end-of-candidates).*\r\n/g, '') } as never
  }

  override async setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
    if (description.type === 'offer') this.#answers = true
    await super.setRemoteDescription(description as never)
  }

  override async addIceCandidate(candidate?: RTCIceCandidateInit | null): Promise<void> {
    if (this.#answers) await new Promise((resolve) => setTimeout(resolve, headStartMs))
    if (openConnections.has(this)) await super.addIceCandidate(candidate as never)
  }

  override createDataChannel(label: string | null): never {
    // simple-peer labels the initiator's channel only.
    if (label !== null) return super.createDataChannel(label) as never
    const late = new LateChannel()
    this.addEventListener('datachannel', (event) => late.adopt((event as RTCDataChannelEvent).channel))
    return late as never
  }

  override close(): void {
    openConnections.delete(this)
    super.close()
  }
}

export const nodeWebRtc: WebRtc = {
  RTCPeerConnection: Connection as unknown as WebRtc['RTCPeerConnection'],
  RTCSessionDescription: polyfill.RTCSessionDescription,
  RTCIceCandidate: polyfill.RTCIceCandidate,
}

/** Stops the native threads; without it the process does not end. */
export function stopNodeWebRtc(): void {
  native.cleanup()
}
