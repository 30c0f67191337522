/** `esbuild app.js --bundle`, as a module and as a plain script. */
import { join } from 'node:path'
import { build } from 'esbuild'
import { type BuiltPage, writePage } from './built-page.js'

export const buildModuleWithEsbuild = (app: string) => buildWithEsbuild(app, 'esm')
export const buildScriptWithEsbuild = (app: string) => buildWithEsbuild(app, 'iife')

async function buildWithEsbuild(app: string, format: 'esm' | 'iife'): Promise<BuiltPage> {
  const folder = join(app, `built-by-esbuild-${format}`)
  const { warnings } = await build({
    absWorkingDir: app,
    entryPoints: ['app.js'],
    bundle: true,
    format,
    outdir: folder,
    logLevel: 'silent',
  })
  await writePage(folder, format === 'esm' ? 'module' : 'script', ['app.js'])
  return { folder, warnings: warnings.map(({ text }) => text) }
}
