/** No build at all: a page that loads the published bundle as a plain script, or imports it as a module. */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { type BuiltPage, writePage } from './built-page.js'

const importLine = "import { createNode } from 'kadrtc';"

/** `<script src="kadrtc.global.js">`, the file that a CDN hands out, then the app, which finds the global `kadrtc`. */
export async function loadAsScript(app: string): Promise<BuiltPage> {
  const folder = join(app, 'loaded-as-script')
  const manifest = join(app, 'node_modules/kadrtc/package.json')
  const { unpkg } = JSON.parse(await readFile(manifest, 'utf8')) as { unpkg: string }
  const bundle = join(app, 'node_modules/kadrtc', unpkg)
  await placeApp(app, folder, bundle, 'const { createNode } = kadrtc;')
  await writePage(folder, 'script', [basename(bundle), 'app.js'])
  return { folder, warnings: [] }
}

/** `import … from './kadrtc.browser.js'`, the file behind the export `kadrtc/browser`. */
export async function importAsModule(app: string): Promise<BuiltPage> {
  const folder = join(app, 'imported-as-module')
  const bundle = createRequire(join(app, 'app.js')).resolve('kadrtc/browser')
  await placeApp(app, folder, bundle, `import { createNode } from './${basename(bundle)}';`)
  await writePage(folder, 'module', ['app.js'])
  return { folder, warnings: [] }
}

/** The bundle, and beside it the app with `line` in the place of its import. */
async function placeApp(app: string, folder: string, bundle: string, line: string): Promise<void> {
  const source = await readFile(join(app, 'app.js'), 'utf8')
  if (!source.includes(importLine)) throw new Error(`app.js has no line ${importLine}`)
  await mkdir(folder, { recursive: true })
  await copyFile(bundle, join(folder, basename(bundle)))
  await writeFile(join(folder, 'app.js'), source.replace(importLine, line))
}
