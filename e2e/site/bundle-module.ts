/**
 * Bundles a compiled module into one that a page can import, with the bundler that builds kadrtc itself: for pages that
 * look into rooms which the public bundle does not export.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { repositoryRoot, requireBuilt } from './repository.js'

interface BundleOptions {
  readonly minify?: boolean
  readonly external?: readonly RegExp[]
}

/** The part of rolldown used here. */
interface Rolldown {
  build(options: object): Promise<{ output: readonly { type: string; code?: string }[] }>
}

/** The bundle's source text. */
export async function bundleModule(entry: string, options: BundleOptions = {}): Promise<string> {
  // kadrtc's own copy, so that sizes are those of its build.
  const resolve = createRequire(join(repositoryRoot, 'packages/kadrtc/package.json')).resolve
  const rolldown = (await import(pathToFileURL(resolve('rolldown')).href)) as Rolldown
  const { output } = await rolldown.build({
    input: requireBuilt(entry),
    platform: 'browser',
    external: [...(options.external ?? [])],
    write: false,
    output: { format: 'esm', minify: options.minify ?? false, codeSplitting: false },
  })
  const code = output[0]?.code
  if (code === undefined) throw new Error(`${entry} gave no bundle`)
  return code
}
