/**
 * Serves one folder on loopback, every page under a strict policy, to an app that runs in two tabs.
 *
 *   const site = await PolicedSite.start(folder)
 *   await page.goto(`${site.origin}/?me=ann…`)
 *   const outcome = await site.report('ann')
 *
 * POST /have-put is answered once both tabs have posted it; POST /report/NAME says how it went for NAME.
 */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, extname, join } from 'node:path'
import { text } from 'node:stream/consumers'

const policy = "script-src 'self'; require-trusted-types-for 'script'"

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
}

export class PolicedSite {
  readonly origin: string
  /** What browsers reported against the policy, as they sent it. */
  readonly cspViolations: string[] = []
  readonly #server: Server
  readonly #folder: string
  readonly #reports = new Map<string, PromiseWithResolver>()
  /** Tabs that have put and wait for the other one: at most one, as the second lets both go. */
  #waiting: ServerResponse | undefined

  static async start(folder: string): Promise<PolicedSite> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new PolicedSite(server, folder)
  }

  private constructor(server: Server, folder: string) {
    this.#server = server
    this.#folder = folder
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', (request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
    })
  }

  /** What the tab called `name` posted, or will post. */
  report(name: string): Promise<unknown> {
    return this.#reportOf(name).promise
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', this.origin)
    if (request.method !== 'POST') return this.#serve(pathname, response)
    const body = await text(request)
    if (pathname === '/have-put') return this.#meet(response)
    if (pathname === '/csp-report') this.cspViolations.push(body)
    else this.#reportOf(basename(pathname)).resolve(JSON.parse(body))
    response.writeHead(204).end()
  }

  async #serve(pathname: string, response: ServerResponse): Promise<void> {
    // A URL's path has no `..` left in it.
    const file = join(this.#folder, pathname === '/' ? 'index.html' : pathname)
    const content = await readFile(file).catch(() => undefined)
    if (!content) return void response.writeHead(404).end(`nothing at ${pathname}`)
    response
      .writeHead(200, {
        'content-type': contentTypes[extname(file)] ?? 'application/octet-stream',
        'content-security-policy': `${policy}; report-uri /csp-report`,
      })
      .end(content)
  }

  #meet(response: ServerResponse): void {
    const other = this.#waiting
    this.#waiting = other ? undefined : response
    if (other) for (const tab of [other, response]) tab.writeHead(204).end()
  }

  #reportOf(name: string): PromiseWithResolver {
    const known = this.#reports.get(name) ?? promiseWithResolver()
    this.#reports.set(name, known)
    return known
  }
}

interface PromiseWithResolver {
  readonly promise: Promise<unknown>
  readonly resolve: (value: unknown) => void
}

function promiseWithResolver(): PromiseWithResolver {
  let resolve: (value: unknown) => void = () => {}
  const promise = new Promise<unknown>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
