/**
 * Starts browsers so that WebRTC works between tabs of one machine: host addresses are not hidden behind mDNS names
 * (which do not resolve in containers), and loopback counts as an address.
 *
 *   const browser = await launchBrowser('chromium')
 *   const doomed = await launchProcess('chromium'); …; await doomed.kill()   // no goodbye
 *   const profile = await launchProfile('firefox', folder)                   // IndexedDB on disk
 */
import type { Browser, BrowserContext, LaunchOptions } from '@playwright/test'
import { browserTypes, type Engine, findBrowser } from './find.js'

const chromiumArguments = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
  '--allow-loopback-in-peer-connection',
]

const firefoxPreferences = {
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.peerconnection.ice.loopback': true,
}

/** What Playwright needs to know to start this machine's browser of that engine. */
export function launchOptions(engine: Engine): LaunchOptions {
  const found = findBrowser(engine)
  if (!found) throw new Error(`no ${engine} found; "npm run e2e" installs it`)
  const executable = found.source === 'system' ? { executablePath: found.executablePath } : {}
  switch (engine) {
    case 'chromium':
      return { ...executable, args: chromiumArguments }
    case 'firefox': {
      // A Firefox that Playwright did not patch speaks WebDriver BiDi only.
      const channel = found.source === 'system' ? { channel: 'moz-firefox' } : {}
      return { ...executable, ...channel, firefoxUserPrefs: firefoxPreferences }
    }
  }
}

/** A browser whose contexts keep everything, IndexedDB too, in memory. */
export function launchBrowser(engine: Engine): Promise<Browser> {
  return browserTypes[engine].launch(launchOptions(engine))
}

/** A browser with its profile, and so IndexedDB, in `folder`: a second one on the same folder finds it again. */
export function launchProfile(engine: Engine, folder: string): Promise<BrowserContext> {
  return browserTypes[engine].launchPersistentContext(folder, launchOptions(engine))
}

/** A browser that can be killed as a power cut would: no page gets to say goodbye. */
export interface BrowserProcess {
  readonly browser: Browser
  /** SIGKILL to the whole process group. Resolves when Playwright has seen the browser go; twice does nothing. */
  kill(): Promise<void>
}

export async function launchProcess(engine: Engine): Promise<BrowserProcess> {
  const server = await browserTypes[engine].launchServer(launchOptions(engine))
  const browser = await browserTypes[engine].connect(server.wsEndpoint())
  const gone = new Promise<void>((resolve) => browser.once('disconnected', () => resolve()))
  return {
    browser,
    async kill() {
      if (!browser.isConnected()) return
      // Playwright makes the browser the leader of its own process group.
      const group = server.process().pid
      if (group === undefined) throw new Error('the browser never started')
      process.kill(process.platform === 'win32' ? group : -group, 'SIGKILL')
      await gone
    },
  }
}
