/** What the server answers to plain HTTP: its health, and nothing else. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Counters } from '@kadrtc/wire/introduction-server'

/** A snapshot of the server; counters begin at its start. */
export interface SignalingServerStats {
  /** Networks with at least one client now. */
  readonly networks: number
  /** Sockets open now, those still proving their key included. */
  readonly clients: number
  readonly greeters: number
  readonly uptimeSeconds: number
  /** Addresses whose joins are being counted. */
  readonly addresses: number
  readonly counters: Readonly<Counters>
}

/** `GET /health` is answered with JSON, anything else with an error; any page may read it. */
export function answerHttp(
  request: IncomingMessage,
  response: ServerResponse,
  version: string,
  stats: SignalingServerStats,
): void {
  const path = request.url?.split('?', 1)[0]
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  const status = path !== '/health' ? 404 : isRead ? 200 : 405
  const { networks, clients, greeters, uptimeSeconds } = stats
  const health = { status: 'ok', version, networks, clients, greeters, uptimeSeconds }
  const body = status === 200 ? health : { status: 'error' }
  // What is refused may be followed by a body; closing is cheaper than reading it.
  if (status !== 200) response.setHeader('connection', 'close')
  if (status === 405) response.setHeader('allow', 'GET, HEAD')
  response.writeHead(status, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'access-control-allow-origin': '*',
  })
  response.end(request.method === 'HEAD' ? undefined : `${JSON.stringify(body)}\n`)
}
