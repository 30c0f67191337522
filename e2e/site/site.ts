/**
 * A small static site on loopback; every site is an origin of its own. It serves
 *   /                    an empty page that has `window.kadrtc`, the module under test
 *   /bare                an empty page
 *   /page/NAME           an empty page that runs pages/NAME.ts and nothing else
 *   /kadrtc.browser.js   the bundle
 * and takes reports: a page posts its outcome to /report/NAME, a browser its CSP violations to /csp-report.
 *
 *   const site = await Site.start({ csp: "script-src 'self'" })
 *   await page.goto(`${site.origin}/page/strict-csp`)
 *   const outcome = await site.report('strict-csp')
 */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { browserBundle, compiledPages, requireBuilt } from './repository.js'

export interface SiteOptions {
  /** Content-Security-Policy of every page. Violations are reported to the site. */
  readonly csp?: string
  /** Cross-origin isolation: `performance.now()` is then exact to 5 microseconds, not 100. */
  readonly isolated?: boolean
}

const harnessModule = `import * as kadrtc from '/kadrtc.browser.js'\nwindow.kadrtc = kadrtc\n`
const reportBytesMax = 1 << 20

export class Site {
  readonly origin: string
  /** What browsers reported against the policy, as they sent it. */
  readonly cspViolations: string[] = []
  readonly #server: Server
  readonly #options: SiteOptions
  readonly #provided = new Map<string, string>()
  readonly #reports = new Map<string, unknown>()
  readonly #awaited = new Map<string, (report: unknown) => void>()

  static async start(options: SiteOptions = {}): Promise<Site> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Site(server, options)
  }

  private constructor(server: Server, options: SiteOptions) {
    this.#server = server
    this.#options = options
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', (request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error))
      })
    })
  }

  /** Serves `source` as pages/NAME instead of the compiled module. */
  provide(name: string, source: string): void {
    this.#provided.set(name, source)
  }

  /** What the page posted to /report/NAME, or will post. One waiter per name. */
  report(name: string): Promise<unknown> {
    if (this.#reports.has(name)) return Promise.resolve(this.#reports.get(name))
    return new Promise((resolve) => this.#awaited.set(name, resolve))
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', this.origin)
    if (request.method === 'POST') {
      this.#takeReport(pathname, await bodyOf(request))
      response.writeHead(204).end()
    } else if (pathname === '/') {
      this.#sendPage(response, '/harness.js')
    } else if (pathname === '/bare') {
      this.#sendPage(response)
    } else if (pathname.startsWith('/page/')) {
      this.#sendPage(response, `/pages/${basename(pathname)}.js`)
    } else if (pathname === '/harness.js') {
      sendModule(response, harnessModule)
    } else if (pathname === '/kadrtc.browser.js') {
      sendModule(response, await readFile(requireBuilt(browserBundle)))
    } else if (pathname.startsWith('/pages/') && pathname.endsWith('.js')) {
      const provided = this.#provided.get(basename(pathname, '.js'))
      sendModule(
        response,
        provided ?? (await readFile(requireBuilt(join(compiledPages, basename(pathname))))),
      )
    } else {
      response.writeHead(404, { 'content-type': 'text/plain' }).end(`nothing at ${pathname}`)
    }
  }

  #takeReport(pathname: string, body: string): void {
    if (pathname === '/csp-report') {
      this.cspViolations.push(body)
      return
    }
    const name = basename(pathname)
    const report: unknown = JSON.parse(body)
    this.#reports.set(name, report)
    this.#awaited.get(name)?.(report)
    this.#awaited.delete(name)
  }

  #sendPage(response: ServerResponse, script?: string): void {
    const headers: Record<string, string> = { 'content-type': 'text/html; charset=utf-8' }
    const { csp, isolated } = this.#options
    if (csp !== undefined) headers['content-security-policy'] = `${csp}; report-uri /csp-report`
    if (isolated) {
      headers['cross-origin-opener-policy'] = 'same-origin'
      headers['cross-origin-embedder-policy'] = 'require-corp'
    }
    const tag = script === undefined ? '' : `<script type="module" src="${script}"></script>`
    response
      .writeHead(200, headers)
      .end(`<!doctype html><meta charset="utf-8"><title>kadrtc</title><link rel="icon" href="data:,">${tag}`)
  }
}

function sendModule(response: ServerResponse, source: string | Uint8Array): void {
  response
    .writeHead(200, { 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'no-store' })
    .end(source)
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
