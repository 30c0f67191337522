/** The commands as a person runs them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { SimEvent } from '../command/events.js'
import { runSim, type Streams } from '../command/run-sim.js'
import { runSoak } from '../command/run-soak.js'

const folder = mkdtempSync(join(tmpdir(), 'kadrtc-sim-'))
afterAll(() => rmSync(folder, { recursive: true }))

const small = ['--nodes', '16', '--seed', '7', '--minutes', '0.2', '--lookups', '5']

async function outcomeOf(
  command: (args: readonly string[], streams: Streams) => Promise<number>,
  args: readonly string[],
) {
  let [stdout, stderr] = ['', '']
  const status = await command(args, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
  })
  return { status, stdout, stderr }
}

const sim = (...args: string[]) => outcomeOf(runSim, args)

describe('npm run sim', () => {
  test('prints a text report, and no progress where no terminal is', async () => {
    const { status, stdout, stderr } = await sim(...small)
    expect(stderr).toBe('')
    expect(status).toBe(0)
    expect(stdout).toMatch(/^network {2}16 nodes, 16 joined, seed 7$/m)
    expect(stdout).toMatch(/^get .* 100\.0 % +5$/m)
  })

  test('prints one JSON object a line, and writes a page, for lives read from a file', async () => {
    const page = join(folder, 'report.html')
    const sessions = join(folder, 'sessions.txt')
    writeFileSync(sessions, '# short lives\n5\n10\n')
    const { status, stdout } = await sim(...small, '--json', '--html', page, '--sessions', sessions)
    expect(status).toBe(0)
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line): SimEvent => JSON.parse(line))
    expect(new Set(events.map(({ kind }) => kind))).toEqual(
      new Set(['size', 'traffic', 'put', 'get', 'survival', 'summary']),
    )
    const summary = events.at(-1)!
    expect(summary.kind === 'summary' && summary.departures).toBeGreaterThan(16)
    expect(readFileSync(page, 'utf8')).toMatch(/^<!doctype html>.*<\/html>\n$/s)
  })

  test('a command line that cannot be read is exit code 2 and a sentence', async () => {
    expect(await sim('--nodes', 'many')).toEqual({
      status: 2,
      stdout: '',
      stderr:
        '--nodes is a whole number from 2 to 1000000, not "many"\nnpm run sim -- --help shows what there is.\n',
    })
    const bad = join(folder, 'bad.txt')
    writeFileSync(bad, '5\nsoon\n')
    expect((await sim('--sessions', bad)).stderr).toContain('Line 2: "soon"')
    expect((await sim('--help')).stdout).toContain('--churn D')
  })

  test('a page that cannot be written is found out before the run', async () => {
    const refused = async (page: string) => {
      const { status, stdout, stderr } = await sim(...small, '--json', '--html', page)
      expect([status, stdout]).toEqual([2, ''])
      return stderr
    }
    expect(await refused(join(folder, 'no', 'such', 'folder.html'))).toMatch(/^--html .*folder\.html: ENOENT/)
    expect(await refused(folder)).toMatch(/is a folder$/m)
    const file = join(folder, 'file.txt')
    writeFileSync(file, '')
    expect(await refused(join(file, 'page.html'))).toMatch(/^--html .*page\.html: /)
  })
})

describe('npm run sim:soak', () => {
  test('tells what happened and that all held', async () => {
    const { status, stdout, stderr } = await outcomeOf(runSoak, [
      '--nodes',
      '10',
      '--seed',
      '7',
      '--minutes',
      '1',
    ])
    expect(stderr).toBe('')
    expect(status).toBe(0)
    expect(stdout).toMatch(/^soak of 10 nodes for 1 virtual minutes, seed 7$/m)
    expect(stdout).toMatch(/^ +\d+ get$/m)
    expect(stdout).toMatch(/everything held\n$/)
  })

  test('a command line that cannot be read is exit code 2 and a sentence', async () => {
    const { status, stderr } = await outcomeOf(runSoak, ['--lookups', '3'])
    expect(status).toBe(2)
    expect(stderr).toContain("Unknown option '--lookups'")
  })
})
