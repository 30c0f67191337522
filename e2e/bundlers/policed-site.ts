/**
 * Serves one folder, every page under a strict policy, to an app that runs in two tabs and reports how it went.
 *
 *   const site = await PolicedSite.start(folder)
 *   await page.goto(`${site.origin}/?me=ann…`)
 *   const outcome = await site.report('ann')
 *
 * POST /have-put is answered once both tabs have posted it.
 */
import { readFile } from 'node:fs/promises'
import type { Server, ServerResponse } from 'node:http'
import { extname, join } from 'node:path'
import { listening, notFound, policyHeaders, ReportingSite } from '../site/reporting-site.js'

const policy = "script-src 'self'; require-trusted-types-for 'script'"

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
}

export class PolicedSite extends ReportingSite {
  readonly #folder: string
  /** Tabs that have put and wait for the other one: at most one, as the second lets both go. */
  #waiting: ServerResponse | undefined

  static async start(folder: string): Promise<PolicedSite> {
    return new PolicedSite(await listening(), folder)
  }

  private constructor(server: Server, folder: string) {
    super(server)
    this.#folder = folder
  }

  protected override async serve(pathname: string, response: ServerResponse): Promise<void> {
    // A URL's path has no `..` left in it.
    const file = join(this.#folder, pathname === '/' ? 'index.html' : pathname)
    const content = await readFile(file).catch(() => undefined)
    if (!content) return notFound(pathname, response)
    const contentType = contentTypes[extname(file)] ?? 'application/octet-stream'
    response.writeHead(200, { 'content-type': contentType, ...policyHeaders(policy) }).end(content)
  }

  protected override take(pathname: string, body: string, response: ServerResponse): void {
    if (pathname === '/have-put') this.#meet(response)
    else super.take(pathname, body, response)
  }

  #meet(response: ServerResponse): void {
    const other = this.#waiting
    this.#waiting = other ? undefined : response
    if (other) for (const tab of [other, response]) tab.writeHead(204).end()
  }
}
