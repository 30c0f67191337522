/** The commands as a person runs them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KadNode } from '@kadrtc/node'
import type { ClusterPorts } from '@kadrtc/simulator'
import { afterAll, describe, expect, test, vi } from 'vitest'
import type { SimEvent } from '../command/events.js'
import { runSim } from '../command/run-sim.js'
import { runSoak } from '../command/run-soak.js'

const folder = mkdtempSync(join(tmpdir(), 'kadrtc-sim-'))
afterAll(() => rmSync(folder, { recursive: true }))

const small = ['--nodes', '16', '--seed', '7', '--minutes', '0.2', '--lookups', '5']

/** As a process has them; `reject` is what a process does with a rejection that nobody handles. */
function streams(isTTY = false) {
  const listeners = new Set<(reason: unknown) => void>()
  const written = { stdout: '', stderr: '' }
  return {
    written,
    listeners,
    reject: (reason: unknown) => {
      for (const listener of listeners) listener(reason)
    },
    stdout: { write: (text: string) => (written.stdout += text) },
    stderr: { isTTY, columns: 200, write: (text: string) => (written.stderr += text) },
    on: (_: 'unhandledRejection', listener: (reason: unknown) => void) => listeners.add(listener),
    off: (_: 'unhandledRejection', listener: (reason: unknown) => void) => listeners.delete(listener),
  }
}

async function sim(...args: string[]) {
  const around = streams()
  const status = await runSim(args, around)
  return { status, ...around.written }
}

async function soak(...args: string[]) {
  const around = streams()
  const status = await runSoak(args, around)
  return { status, ...around.written }
}

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

  test('what struck is told, and the trace has a hash if that is asked for', async () => {
    const faults = ['--freeze', '10%:1s@5s', '--slow', '20%:300ms', '--trace']
    const { status, stdout } = await sim(...small, ...faults)
    expect(status).toBe(0)
    expect(stdout).toMatch(/^fault {4}freeze 10%:1s@5s struck 2 nodes at /m)
    expect(stdout).toMatch(/^trace {4}[0-9a-f]{16}$/m)
    expect(stdout).toMatch(/^dialing +\d+ ms +\d+ ms +\d+ ms +\d$/m)
    expect(stdout).toMatch(/--slow 20%:300ms --freeze 10%:1s@5s --trace$/m)
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

  const replay = 'npm run sim -- --nodes 16 --seed 7 --crashes 100 --minutes 0.2 --lookups 5'

  test('a run in which a law is broken says which, when, its seed and the command that replays it', async () => {
    const around = streams()
    const createNode = (ports: ClusterPorts) => {
      const node = new KadNode(ports)
      vi.spyOn(node.records, 'get').mockRejectedValue(new TypeError('broken'))
      return node
    }
    expect(await runSim(small, around, { createNode })).toBe(1)
    const { stdout, stderr } = around.written
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^The simulation failed with seed 7\.\nAfter \d+\.\d{3} s of virtual time:\n/)
    expect(stderr).toContain('failed with what is no KadrtcError: TypeError: broken\n    at ')
    expect(stderr).toContain(`Replay it with\n  ${replay}`)
    expect(around.listeners.size).toBe(0)
  })

  test('a rejection that nobody handles ends the run before it says that all went well', async () => {
    const around = streams()
    let made = 0
    const createNode = (ports: ClusterPorts) => {
      if (made++ === 3) setImmediate(() => around.reject(new RangeError('forgotten')))
      return new KadNode(ports)
    }
    expect(await runSim([...small, '--json'], around, { createNode })).toBe(1)
    const { stdout, stderr } = around.written
    expect(stdout).not.toContain('"summary"')
    expect(stderr).toMatch(/^The simulation failed with seed 7\.\n.*nobody listened/)
    expect(stderr).toMatch(/RangeError: forgotten\n +at /)
    expect(stderr).toContain(`Replay it with\n  ${replay}`)
  })
})

describe('npm run sim:soak', () => {
  test('tells what happened and that all held', async () => {
    const { status, stdout, stderr } = await soak('--nodes', '10', '--seed', '7', '--minutes', '1')
    expect(stderr).toBe('')
    expect(status).toBe(0)
    expect(stdout).toMatch(/^soak of 10 nodes for 1 virtual minutes, seed 7$/m)
    expect(stdout).toMatch(/^ +\d+ get$/m)
    expect(stdout).toMatch(/everything held\n$/)
  })

  test('a command line that cannot be read is exit code 2 and a sentence', async () => {
    const { status, stderr } = await soak('--lookups', '3')
    expect(status).toBe(2)
    expect(stderr).toContain("Unknown option '--lookups'")
  })

  test('shows on a terminal how far it is', async () => {
    const around = streams(true)
    expect(await runSoak(['--nodes', '10', '--seed', '7', '--minutes', '1'], around)).toBe(0)
    expect(around.written.stderr).toMatch(/soaking █*░* 0:\d\d virtual, [\d.]+x/)
    expect(around.written.stderr.endsWith('\r\x1b[2K')).toBe(true)
    expect(around.written.stdout).not.toContain('soaking')
  })

  test('tells instead of all that is done, if that is asked for', async () => {
    const around = streams(true)
    expect(await runSoak(['--nodes', '10', '--seed', '7', '--minutes', '1', '--verbose'], around)).toBe(0)
    expect(around.written.stderr).toBe('')
    expect(around.written.stdout).toMatch(/^\d+\.\d{3} get \d+ key \d+$/m)
  })

  const short = ['--nodes', '9', '--seed', '5', '--minutes', '1']
  const replay = 'Replay it with\n  npm run sim:soak -- --seed 5 --nodes 9 --minutes 1\n'

  test('one that fails says where, its seed, and the command that replays it', async () => {
    const around = streams()
    const status = await runSoak(short, around, async () => {
      throw new Error('Soak failed', { cause: new RangeError('deep down') })
    })
    expect(status).toBe(1)
    expect(around.written.stderr).toMatch(
      /^The soak failed with seed 5\.\nRangeError: deep down\n +at .*sim-command/,
    )
    expect(around.written.stderr).toContain(replay)
  })

  test('a rejection that nobody handles is told instead of success', async () => {
    const around = streams()
    const status = await runSoak(short, around, async () => {
      setImmediate(() => around.reject(new RangeError('forgotten')))
      return { counts: {}, messages: 1, digest: '0f1e' }
    })
    expect(status).toBe(1)
    expect(around.written.stdout).not.toContain('everything held')
    expect(around.written.stderr).toMatch(/RangeError: forgotten\n +at /)
    expect(around.written.stderr).toContain(replay)
    expect(around.listeners.size).toBe(0)
  })
})
