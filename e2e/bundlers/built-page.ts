/** What a build leaves, and the page for builds that write none. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface BuiltPage {
  /** Holds index.html and all that it loads. */
  readonly folder: string
  /** What the bundler complained of. */
  readonly warnings: readonly string[]
}

/** Builds the app in `app` (see `installed-app.ts`) in the way its file is named after. */
export type Build = (app: string) => Promise<BuiltPage>

const head = '<!doctype html><meta charset="utf-8"><title>app</title><link rel="icon" href="data:,">'

/** An index.html that loads each of `scripts` in order, as modules or as plain scripts. */
export async function writePage(
  folder: string,
  kind: 'module' | 'script',
  scripts: readonly string[],
): Promise<void> {
  const type = kind === 'module' ? ' type="module"' : ''
  const tags = scripts.map((script) => `<script${type} src="./${script}"></script>`)
  await writeFile(join(folder, 'index.html'), `${head}<body>${tags.join('')}</body>`)
}
