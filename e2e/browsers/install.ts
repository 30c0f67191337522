/**
 * Makes sure that every browser is there before the first scenario runs; Playwright calls it as its global set-up.
 * What is missing is installed: by Playwright's own installer, or, where its download cannot be reached, from Debian's
 * packages as root. What cannot be installed fails the run and says what to do: no browser is skipped in silence.
 */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type Engine, engines, type FoundBrowser, findBrowser } from './find.js'

const debianPackages: Readonly<Record<Engine, string>> = { chromium: 'chromium', firefox: 'firefox-esr' }

/** The browsers of all engines. Throws when one is missing and cannot be installed. */
export function ensureBrowsers(): FoundBrowser[] {
  for (const install of [installWithPlaywright, installFromDebian]) {
    const missing = missingEngines()
    if (missing.length === 0) break
    install(missing)
  }
  const missing = missingEngines()
  if (missing.length > 0) {
    throw new Error(
      `No ${missing.join(' and no ')} was found, and neither Playwright nor Debian's packages could install it. ` +
        `Run "npx playwright install --with-deps ${missing.join(' ')}", or install it with your system's package ` +
        'manager so that it is on PATH.',
    )
  }
  return engines.map((engine) => findBrowser(engine)!)
}

export default function globalSetup(): void {
  for (const { engine, source, executablePath } of ensureBrowsers()) {
    console.error(
      `${engine}: ${executablePath} (${source === 'playwright' ? "Playwright's own" : "the system's"})`,
    )
  }
}

function missingEngines(): Engine[] {
  return engines.filter((engine) => findBrowser(engine) === undefined)
}

function installWithPlaywright(missing: readonly Engine[]): void {
  const manifest = createRequire(import.meta.url).resolve('@playwright/test/package.json')
  run(process.execPath, [join(dirname(manifest), 'cli.js'), 'install', ...missing])
}

function installFromDebian(missing: readonly Engine[]): void {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return
  const packages = missing.map((engine) => debianPackages[engine])
  const environment = { DEBIAN_FRONTEND: 'noninteractive' }
  if (!run('apt-get', ['update'], environment)) return
  run('apt-get', ['install', '-y', '--no-install-recommends', ...packages], environment)
}

/** Whether the command could be run and ended well; what it prints goes to stderr. */
function run(command: string, words: readonly string[], environment: Record<string, string> = {}): boolean {
  console.error(`> ${command} ${words.join(' ')}`)
  const { status } = spawnSync(command, words, {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, ...environment },
  })
  return status === 0
}
