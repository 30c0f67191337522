/**
 * A small static site on loopback; every site is an origin of its own. It serves
 *   /                    an empty page that has `window.kadrtc`, the module under test
 *   /bare                an empty page
 *   /page/NAME           an empty page that runs pages/NAME.ts and nothing else
 *   /kadrtc.browser.js   the bundle
 * and takes reports, see `reporting-site.ts`.
 *
 *   const site = await Site.start({ csp: "script-src 'self'" })
 *   await page.goto(`${site.origin}/page/strict-csp`)
 *   const outcome = await site.report('strict-csp')
 */
import { readFile } from 'node:fs/promises'
import type { Server, ServerResponse } from 'node:http'
import { basename, join } from 'node:path'
import { listening, notFound, policyHeaders, ReportingSite } from './reporting-site.js'
import { browserBundle, compiledPages, requireBuilt } from './repository.js'

export interface SiteOptions {
  /** Content-Security-Policy of every page. Violations are reported to the site. */
  readonly csp?: string
  /** Cross-origin isolation: `performance.now()` is then exact to 5 microseconds, not 100. */
  readonly isolated?: boolean
}

const harnessModule = `import * as kadrtc from '/kadrtc.browser.js'\nwindow.kadrtc = kadrtc\n`

export class Site extends ReportingSite {
  readonly #options: SiteOptions
  readonly #provided = new Map<string, string>()

  static async start(options: SiteOptions = {}): Promise<Site> {
    return new Site(await listening(), options)
  }

  private constructor(server: Server, options: SiteOptions) {
    super(server)
    this.#options = options
  }

  /** Serves `source` as pages/NAME instead of the compiled module. */
  provide(name: string, source: string): void {
    this.#provided.set(name, source)
  }

  protected override async serve(pathname: string, response: ServerResponse): Promise<void> {
    if (pathname === '/') {
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
      notFound(pathname, response)
    }
  }

  #sendPage(response: ServerResponse, script?: string): void {
    const { csp, isolated } = this.#options
    const isolation = {
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    }
    const tag = script === undefined ? '' : `<script type="module" src="${script}"></script>`
    response
      .writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        ...(csp === undefined ? {} : policyHeaders(csp)),
        ...(isolated ? isolation : {}),
      })
      .end(`<!doctype html><meta charset="utf-8"><title>kadrtc</title><link rel="icon" href="data:,">${tag}`)
  }
}

function sendModule(response: ServerResponse, source: string | Uint8Array): void {
  response
    .writeHead(200, { 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'no-store' })
    .end(source)
}
