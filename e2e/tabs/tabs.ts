/**
 * Opens tabs for one scenario and closes them after it. Browsers are started when first needed and kept for the whole
 * run; each scenario gets fresh contexts, so that nothing is left of the one before.
 *
 *   const [a, b] = [await tabs.open('chromium'), await tabs.open('firefox')]
 *   const context = await tabs.context('chromium'); const twins = [await tabs.openIn(context), await tabs.openIn(context)]
 */
import type { Browser, BrowserContext } from '@playwright/test'
import type { Engine } from '../browsers/find.js'
import { type BrowserProcess, launchBrowser, launchProcess, launchProfile } from '../browsers/launch.js'
import { Tab } from './tab.js'

/** One browser per engine, started on demand. */
export class Browsers {
  readonly #browsers = new Map<Engine, Promise<Browser>>()

  get(engine: Engine): Promise<Browser> {
    const running = this.#browsers.get(engine) ?? launchBrowser(engine)
    this.#browsers.set(engine, running)
    return running
  }

  async close(): Promise<void> {
    await Promise.all([...this.#browsers.values()].map(async (browser) => (await browser).close()))
    this.#browsers.clear()
  }
}

export class Tabs {
  readonly #all: Tab[] = []
  readonly #contexts: BrowserContext[] = []
  readonly #doomed: BrowserProcess[] = []
  readonly #expected: RegExp[] = []

  constructor(
    private readonly browsers: Browsers,
    /** Where tabs go when not told otherwise. */
    private readonly url: string,
  ) {}

  /** One person's browser window: its tabs share storage and BroadcastChannel, and nothing with other contexts. */
  async context(engine: Engine): Promise<BrowserContext> {
    const context = await (await this.browsers.get(engine)).newContext()
    this.#contexts.push(context)
    return context
  }

  /** A browser of its own whose profile is in `folder`: a later one on the same folder finds what it stored. */
  async profile(engine: Engine, folder: string): Promise<BrowserContext> {
    const context = await launchProfile(engine, folder)
    this.#contexts.push(context)
    return context
  }

  /** A tab of a person of its own. */
  async open(engine: Engine, url = this.url): Promise<Tab> {
    return this.openIn(await this.context(engine), engine, url)
  }

  async openIn(context: BrowserContext, engine: Engine, url = this.url): Promise<Tab> {
    const tab = await Tab.load(engine, await context.newPage(), url)
    this.#all.push(tab)
    return tab
  }

  /** `count` tabs, each of a person of its own. */
  async openMany(engine: Engine, count: number): Promise<Tab[]> {
    return Promise.all(Array.from({ length: count }, () => this.open(engine)))
  }

  /** Tabs in a browser process of their own, which can be killed. */
  async openDoomed(
    engine: Engine,
    count: number,
    url = this.url,
  ): Promise<{ tabs: Tab[]; kill(): Promise<void> }> {
    const process = await launchProcess(engine)
    this.#doomed.push(process)
    const open = async () => {
      const context = await process.browser.newContext()
      return this.openIn(context, engine, url)
    }
    return { tabs: await Promise.all(Array.from({ length: count }, open)), kill: () => process.kill() }
  }

  /** Problems that match are part of the scenario, e.g. the browser's own message that a server is gone. */
  expectProblem(pattern: RegExp): void {
    this.#expected.push(pattern)
  }

  /** What went wrong in any tab and was not expected. */
  problems(): string[] {
    const unexpected = (problem: string) =>
      ![advice, ...this.#expected].some((pattern) => pattern.test(problem))
    return this.#all.flatMap((tab) =>
      tab.problems.filter(unexpected).map((problem) => `${tab.engine}: ${problem}`),
    )
  }

  /** Closing twice does nothing. */
  async close(): Promise<void> {
    await Promise.all(this.#doomed.map((process) => process.kill()))
    await Promise.all(this.#contexts.map((context) => context.close()))
  }
}

/** What Chromium and Firefox print by themselves when a WebSocket cannot be opened or breaks off. */
export const serverGone =
  /WebSocket connection to .* failed|can.t establish a connection to the server at ws:|connection to ws:.* was interrupted/

/**
 * Firefox's advice after an attempt at a connection that came to nothing, printed as if a page had thrown it. A peer that
 * is gone, or that settled on another attempt, is no fault of a page: whoever dialled is told, and scenarios assert that.
 */
const advice = /ICE failed, add a (STUN|TURN) server/
