/**
 * The introduction server: HTTP and WebSocket put together with the rules of introduction, one clock and the limits.
 * Everything that happens is caused by a socket or by one timer that ticks once a second.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { Reception } from '@kadrtc/wire/introduction-server'
import { type RawData, type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import { clientAddress } from './client-address.js'
import { answerHttp, type SignalingServerStats } from './health.js'
import { resolveOptions, type Settings, type SignalingServerOptions } from './options.js'
import { verifyEd25519 } from './proof-of-key.js'
import { version } from './version.js'

export interface SignalingServer {
  /** Where it listens: the port is the real one, even if 0 was asked for. */
  readonly address: { readonly host: string; readonly port: number }
  /** `ws://HOST:PORT` */
  readonly url: string
  stats(): SignalingServerStats
  /** Tells every client, closes every socket, and resolves when the port is free again, within 2 s. */
  close(): Promise<void>
}

/** How often deadlines are checked. They are seconds long, so a second's lateness does no harm. */
const tickMs = 1_000

/** How long a client may take to answer a WebSocket close, before its socket is cut. */
const closeTimeoutMs = 1_000

/** Connections beyond `clientsMax`: for health checks, and for telling clients that it is full. */
const spareConnections = 64

/**
 * Listens, and resolves when it does. Rejects with InvalidOption, or with the system's error
 * (`code` EADDRINUSE, EACCES, …).
 */
export async function createSignalingServer(options: SignalingServerOptions = {}): Promise<SignalingServer> {
  const running = new RunningServer(resolveOptions(options))
  await running.listen()
  return running
}

/** `ws` knows `closeTimeout`; its types do not yet. */
function webSocketOptions(payloadBytesMax: number): ServerOptions & { closeTimeout: number } {
  return {
    noServer: true,
    clientTracking: false,
    maxPayload: payloadBytesMax,
    // Signals are small, and the memory of a compressor for each socket is not.
    perMessageDeflate: false,
    // Browsers send a message of this size as one fragment.
    maxFragments: 16,
    maxBufferedChunks: 1_024,
    closeTimeout: closeTimeoutMs,
  }
}

class RunningServer implements SignalingServer {
  readonly #settings: Settings
  readonly #http: Server
  readonly #webSockets: WebSocketServer
  readonly #reception: Reception
  readonly #startedAt: number
  readonly #stopTicking: () => void
  #port = 0
  #closing: Promise<void> | undefined

  constructor(settings: Settings) {
    const { limits, clock } = settings
    this.#settings = settings
    this.#reception = new Reception({ ...settings, verify: verifyEd25519, now: () => clock.now() })
    this.#webSockets = new WebSocketServer(webSocketOptions(limits.payloadBytesMax))
    this.#http = createServer({ headersTimeout: limits.handshakeMs, requestTimeout: limits.handshakeMs })
    this.#http.maxConnections = limits.clientsMax + spareConnections
    this.#http.on('request', (request, response) => answerHttp(request, response, version, this.stats()))
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
    this.#startedAt = clock.now()
    this.#stopTicking = clock.every(tickMs, () => this.#reception.tick())
  }

  get address(): { readonly host: string; readonly port: number } {
    return { host: this.#settings.host, port: this.#port }
  }

  get url(): string {
    const { host } = this.#settings
    return `ws://${host.includes(':') ? `[${host}]` : host}:${this.#port}`
  }

  stats(): SignalingServerStats {
    const { networks, clients, greeters, addresses, counters } = this.#reception
    const uptimeSeconds = Math.floor((this.#settings.clock.now() - this.#startedAt) / 1000)
    return { networks, clients, greeters, uptimeSeconds, addresses, counters: { ...counters } }
  }

  async listen(): Promise<void> {
    const { host, port } = this.#settings
    await new Promise<void>((resolve, reject) => {
      this.#http.once('error', reject)
      this.#http.listen(port, host, () => {
        this.#http.off('error', reject)
        resolve()
      })
    }).catch((error: unknown) => {
      this.#stopTicking()
      throw error
    })
    this.#port = (this.#http.address() as AddressInfo).port
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown()
    return this.#closing
  }

  async #shutDown(): Promise<void> {
    this.#stopTicking()
    const free = new Promise<void>((resolve) => this.#http.close(() => resolve()))
    this.#reception.shutDown()
    this.#http.closeIdleConnections()
    // A WebSocket whose peer stays silent is cut by its close timeout; a plain connection is cut here.
    const cut = setTimeout(() => this.#http.closeAllConnections(), closeTimeoutMs)
    await free
    clearTimeout(cut)
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy())
    if (this.#closing || this.#reception.isFull) {
      socket.once('finish', () => socket.destroy())
      socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      return
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#accept(webSocket, request))
  }

  #accept(webSocket: WebSocket, request: IncomingMessage): void {
    const session = this.#reception.accept(webSocket, clientAddress(request, this.#settings.trustedProxies))
    // A protocol error or a message that is too long: `ws` has told the client, and 'close' follows.
    webSocket.on('error', () => {})
    webSocket.on('close', () => this.#reception.left(session))
    webSocket.on('message', (data: RawData, isBinary) => session.receive(data as Buffer, isBinary))
    webSocket.on('ping', () => session.receivePing())
    webSocket.on('pong', () => session.receivePong())
  }
}
