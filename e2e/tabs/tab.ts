/**
 * One real tab with, usually, one node in it.
 *
 *   const id = await tab.join({ network, bootstrap: [server.address] })
 *   await tab.put('greeting', 'hello')
 *   const links = await tab.run(() => window.node.inspect().links.length)
 *
 * What goes wrong in the page of its own accord (uncaught errors, unhandled rejections, console errors, policy
 * violations) is collected in `problems`.
 */
import type { Page } from '@playwright/test'
import type { Engine } from '../browsers/find.js'
import { initPage } from './init-script.js'
import type { Inspection, JoinOptions, PageNode } from './page-globals.js'

/** What a call inside a page rejected with. */
export class TabError extends Error {
  override readonly name = 'TabError'

  constructor(
    message: string,
    /** KadrtcError's code, when it was one. */
    readonly code: string | undefined,
    /** The name of the error's class in the page, e.g. AbortError. */
    readonly kind: string | undefined,
  ) {
    super(message)
  }
}

type Outcome<T> = { value: T } | { error: { message: string; code?: string; kind?: string } }

type PutOptions = NonNullable<Parameters<PageNode['put']>[2]>
type GetOptions = NonNullable<Parameters<PageNode['get']>[1]>

export class Tab {
  readonly problems: string[] = []
  /** This tab's node id, hex; empty before `join`. */
  id = ''

  private constructor(
    readonly engine: Engine,
    readonly page: Page,
  ) {}

  /** Takes over an empty page and loads `url` in it. */
  static async load(engine: Engine, page: Page, url: string): Promise<Tab> {
    const tab = new Tab(engine, page)
    page.on('pageerror', (error) => tab.problems.push(`uncaught: ${error.message}`))
    page.on('crash', () => tab.problems.push('the tab crashed'))
    page.on('console', (message) => {
      if (message.type() === 'error') tab.problems.push(`console: ${message.text()}`)
    })
    await page.addInitScript(initPage)
    await page.goto(url)
    return tab
  }

  /** Calls `body` inside the page. It sees its argument and the page's globals, and nothing of the scenario around it. */
  async run<R>(body: () => R | Promise<R>): Promise<R>
  async run<A, R>(body: (argument: A) => R | Promise<R>, argument: A): Promise<R>
  async run<A, R>(body: (argument: A) => R | Promise<R>, argument?: A): Promise<R> {
    const outcome = (await this.page.evaluate(settled(body), argument)) as Outcome<R>
    if ('value' in outcome) return outcome.value
    throw new TabError(outcome.error.message, outcome.error.code, outcome.error.kind)
  }

  /** `createNode` in the page; resolves with the node's id. */
  async join(options: JoinOptions): Promise<string> {
    this.id = await this.run(async (given) => {
      window.node = await window.kadrtc.createNode(given)
      return window.node.id
    }, options)
    return this.id
  }

  put(key: string, value: unknown, options: PutOptions = {}): Promise<{ stored: number; wanted: number }> {
    return this.run(
      async ([name, item, given]) => {
        const { stored, wanted } = await window.node.put(name, item as string, given)
        return { stored, wanted }
      },
      [key, value, options] as const,
    )
  }

  get(key: string, options: GetOptions = {}): Promise<unknown> {
    return this.run(([name, given]) => window.node.get(name, given), [key, options] as const)
  }

  inspect(): Promise<Inspection> {
    return this.run(() => window.node.inspect())
  }

  /** The ids at the other ends of this tab's links. */
  peers(): Promise<string[]> {
    return this.run(() => window.node.inspect().links.map((link) => link.peer))
  }

  connectionsConstructed(): Promise<number> {
    return this.run(() => window.connectionsConstructed)
  }

  /** Loads the page anew; `window.node` is gone and its `pagehide` has been heard. */
  async reload(): Promise<void> {
    await this.page.reload()
  }

  /** Closes the tab as a person does. */
  async close(): Promise<void> {
    await this.page.close()
  }
}

/**
 * `body` made to resolve whatever happens: Playwright keeps only the message of an error, and Firefox not always that.
 * Playwright sends a function as its source text, so the wrapper is put together as text too.
 */
function settled(body: (argument: never) => unknown): (argument: unknown) => unknown {
  const report = (error: unknown) => {
    const { message, code, name } = (error ?? {}) as { message?: string; code?: string; name?: string }
    return { error: { message: message ?? String(error), code, kind: name } }
  }
  const text = `return Promise.resolve(argument).then(${body}).then((value) => ({ value }), ${report})`
  return new Function('argument', text) as (argument: unknown) => unknown
}
