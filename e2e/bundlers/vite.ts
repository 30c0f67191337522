/** `vite build`, with no vite.config. */
import { join } from 'node:path'
import { build, createLogger } from 'vite'
import { type BuiltPage, writePage } from './built-page.js'

export async function buildWithVite(app: string): Promise<BuiltPage> {
  const folder = join(app, 'built-by-vite')
  await writePage(app, 'module', ['app.js'])
  const warnings: string[] = []
  const warn = (message: string) => void warnings.push(message)
  await build({
    root: app,
    build: { outDir: folder },
    logLevel: 'warn',
    customLogger: { ...createLogger('silent'), warn, warnOnce: warn, error: warn },
  })
  return { folder, warnings }
}
