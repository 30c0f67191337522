/**
 * An app's folder, somewhere outside the repository, into which kadrtc has been installed: of each package just what is
 * published (package.json and its `files`), and beside it only the dependencies it declares. What is missing there is
 * missing for every app, however well it works inside the workspace, where everything is hoisted.
 *
 *   const app = await installApp(); …; await app.remove()
 *
 * The layout is pnpm's, the strictest in use: a package sees what it declares and nothing else.
 */
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { repositoryRoot, requireBuilt } from '../site/repository.js'

/** The part of a package.json that says what is published, and what for. */
export interface Manifest {
  readonly name: string
  readonly files?: readonly string[]
  readonly dependencies?: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, ExportTarget>>
  readonly unpkg?: string
}

type ExportTarget = string | { readonly [condition: string]: ExportTarget }

export interface InstalledPackage {
  readonly folder: string
  readonly manifest: Manifest
}

export interface InstalledApp {
  readonly folder: string
  /** kadrtc and those of the workspace's packages that it needs, by name. */
  readonly packages: ReadonlyMap<string, InstalledPackage>
  /** Deletes the folder and what was built in it. */
  remove(): Promise<void>
}

/** An app with one dependency, kadrtc, and one source file, `app.js`. */
export async function installApp(): Promise<InstalledApp> {
  // A link in the way of the folder (macOS) would have bundlers name files by two paths.
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'kadrtc-app-'))
  const packages = new Map<string, InstalledPackage>()
  await install('kadrtc', folder, packages)
  await link(packages.get('kadrtc')!.folder, join(folder, 'node_modules/kadrtc'))
  const manifest = { name: 'app', version: '1.0.0', private: true, type: 'module' }
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
  await cp(requireBuilt(join(repositoryRoot, 'e2e/dist/bundlers/app.js')), join(folder, 'app.js'))
  return { folder, packages, remove: () => rm(folder, { recursive: true, force: true }) }
}

/** The files that `exports` and `unpkg` name, relative to the package's folder. */
export function filesNamedBy({ exports, unpkg }: Manifest): string[] {
  const targets = (target: ExportTarget): string[] =>
    typeof target === 'string' ? [target] : Object.values(target).flatMap(targets)
  return [...targets(exports), ...(unpkg === undefined ? [] : [unpkg])]
}

/** Copies a package of the workspace into the store, then what it needs; each package once. */
async function install(
  name: string,
  app: string,
  installed: Map<string, InstalledPackage>,
): Promise<InstalledPackage> {
  const known = installed.get(name)
  if (known) return known
  const source = workspaceFolder(name)
  const manifest = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as Manifest
  const shelf = join(app, 'node_modules/.store', name.replace('/', '+'), 'node_modules')
  const folder = join(shelf, name)
  const added = { folder, manifest }
  installed.set(name, added)
  await copyPublished(source, folder, manifest.files ?? [])
  for (const dependency of Object.keys(manifest.dependencies ?? {})) {
    const target = existsSync(workspaceFolder(dependency))
      ? (await install(dependency, app, installed)).folder
      : foreignFolder(dependency, source)
    await link(target, join(shelf, dependency))
  }
  return added
}

/** `files` holds names of files and folders, and such names after `!`. */
async function copyPublished(source: string, folder: string, files: readonly string[]): Promise<void> {
  const left = files.filter((file) => file.startsWith('!')).map((file) => join(source, file.slice(1)))
  for (const file of ['package.json', ...files]) {
    // npm leaves out what does not exist.
    if (file.startsWith('!') || !existsSync(join(source, file))) continue
    await cp(join(source, file), join(folder, file), {
      recursive: true,
      filter: (path) => !left.includes(path),
    })
  }
}

function workspaceFolder(name: string): string {
  return join(repositoryRoot, 'packages', basename(name))
}

/** Where npm put somebody else's package for the one in `source`. */
function foreignFolder(name: string, source: string): string {
  for (let folder = source; folder !== dirname(folder); folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name)
    if (existsSync(candidate)) return candidate
  }
  throw new Error(`${name} is not installed. Run "npm ci" first.`)
}

async function link(target: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await symlink(await realpath(target), path, 'junction')
}
