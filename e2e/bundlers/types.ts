/** `tsc` in an app's folder, on an app that imports kadrtc, with none of this workspace's settings. */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { repositoryRoot } from '../site/repository.js'

/** How most apps have it, and how Node and libraries have it. */
export const resolutions = {
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
} as const

/**
 * What tsc has to say of `typed-app.ts` with kadrtc imported from `specifier`; '' when nothing. Declarations are checked
 * as well: an app need not set `skipLibCheck`.
 */
export async function complaintsOfTsc(
  app: string,
  specifier: string,
  resolution: keyof typeof resolutions,
): Promise<string> {
  const name = `typed-${specifier.replace('/', '-')}-${resolution}`
  const source = await readFile(join(repositoryRoot, 'e2e/bundlers/typed-app.ts'), 'utf8')
  await writeFile(join(app, `${name}.ts`), source.replaceAll("from 'kadrtc'", `from '${specifier}'`))
  const compilerOptions = {
    ...resolutions[resolution],
    strict: true,
    noEmit: true,
    target: 'es2022',
    lib: ['es2022', 'dom'],
    types: [],
  }
  const project = join(app, `${name}.json`)
  await writeFile(project, JSON.stringify({ compilerOptions, files: [`${name}.ts`] }))
  return new Promise((resolve) => {
    const tsc = join(repositoryRoot, 'node_modules/typescript/bin/tsc')
    execFile(process.execPath, [tsc, '-p', project], (error, stdout, stderr) => {
      resolve(error ? stdout + stderr || error.message : '')
    })
  })
}
