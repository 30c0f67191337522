/**
 * A site on loopback, an origin of its own, to which pages report. What it serves its subclass says; it takes by POST
 *   /report/NAME   what a page has to say, once for each name
 *   /csp-report    what a browser reports against the policy
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename } from 'node:path'

const reportBytesMax = 1 << 20

export abstract class ReportingSite {
  readonly origin: string
  /** What browsers reported against the policy, as they sent it. */
  readonly cspViolations: string[] = []
  readonly #server: Server
  readonly #reports = new Map<string, Report>()

  /** `server` listens already: see `listening`. */
  protected constructor(server: Server) {
    this.#server = server
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', (request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error))
      })
    })
  }

  /** What a page posted to /report/NAME, or will post. */
  report(name: string): Promise<unknown> {
    return this.#reportOf(name).posted
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  /** Answers whatever is asked for by another method than POST. */
  protected abstract serve(pathname: string, response: ServerResponse): Promise<void> | void

  /** Answers a POST. */
  protected take(pathname: string, body: string, response: ServerResponse): void {
    if (pathname === '/csp-report') this.cspViolations.push(body)
    else this.#reportOf(basename(pathname)).post(JSON.parse(body))
    response.writeHead(204).end()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', this.origin)
    if (request.method === 'POST') this.take(pathname, await bodyOf(request), response)
    else await this.serve(pathname, response)
  }

  #reportOf(name: string): Report {
    const known = this.#reports.get(name) ?? newReport()
    this.#reports.set(name, known)
    return known
  }
}

/** A server on a free port of loopback. */
export async function listening(): Promise<Server> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** The headers of a page under a Content-Security-Policy whose violations are reported to its site. */
export function policyHeaders(csp: string): Readonly<Record<string, string>> {
  return { 'content-security-policy': `${csp}; report-uri /csp-report` }
}

export function notFound(pathname: string, response: ServerResponse): void {
  response.writeHead(404, { 'content-type': 'text/plain' }).end(`nothing at ${pathname}`)
}

interface Report {
  readonly posted: Promise<unknown>
  readonly post: (report: unknown) => void
}

function newReport(): Report {
  let post: (report: unknown) => void = () => {}
  const posted = new Promise<unknown>((resolve) => {
    post = resolve
  })
  return { posted, post }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > reportBytesMax) throw new Error('report too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
