/**
 * Finds the browsers to drive: those that Playwright has installed, else the system's.
 *
 *   const found = findBrowser('firefox')
 *   if (!found) throw new Error(installHint('firefox'))
 */
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type BrowserType, chromium, firefox } from '@playwright/test'

/** The engines every scenario is about. */
export const engines = ['chromium', 'firefox'] as const
export type Engine = (typeof engines)[number]

export interface FoundBrowser {
  readonly engine: Engine
  /** Playwright's own build speaks Playwright's protocol; the system's Firefox is driven over WebDriver BiDi. */
  readonly source: 'playwright' | 'system'
  readonly executablePath: string
}

export const browserTypes: Readonly<Record<Engine, BrowserType>> = { chromium, firefox }

/** Names to look for on PATH, best first, then the places where installers put browsers that are not on it. */
const systemNames: Readonly<Record<Engine, readonly string[]>> = {
  chromium: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  firefox: ['firefox-esr', 'firefox'],
}
const systemPlaces: Readonly<Record<Engine, readonly string[]>> = {
  chromium: [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  ],
  firefox: [
    '/Applications/Firefox.app/Contents/MacOS/firefox',
    'C:\\Program Files\\Mozilla Firefox\\firefox.exe',
  ],
}

/** Undefined when neither Playwright nor the system has one. */
export function findBrowser(engine: Engine): FoundBrowser | undefined {
  const own = browserTypes[engine].executablePath()
  if (existsSync(own)) return { engine, source: 'playwright', executablePath: own }
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  const onPath = systemNames[engine].flatMap((name) => folders.map((folder) => join(folder, name)))
  const executablePath = [...onPath, ...systemPlaces[engine]].find(isExecutable)
  return executablePath === undefined ? undefined : { engine, source: 'system', executablePath }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
