import { describe, expect, it } from 'vitest'
import { runCommand } from '../src/command.js'

/** A process that stops as soon as the command has said that it listens, unless `whileRunning` takes longer. */
function run(args: readonly string[], whileRunning?: (url: string) => Promise<void>) {
  const printed: string[] = []
  const errors: string[] = []
  const exitCode = runCommand(args, {
    print: (text) => printed.push(text),
    printError: (text) => errors.push(text),
    async stopRequested() {
      await Promise.resolve()
      await whileRunning?.(printed[0]!.replace('listening on ', ''))
    },
  })
  return exitCode.then((code) => ({ code, printed, errors }))
}

describe('the command', () => {
  it('says where it listens, serves until it is stopped, and frees the port', async () => {
    let health: unknown
    let origin = ''
    const result = await run(['--port', '0'], async (url) => {
      origin = url.replace('ws:', 'http:')
      health = await (await fetch(`${origin}/health`)).json()
    })
    expect(result).toMatchObject({ code: 0, errors: [] })
    expect(result.printed).toEqual([expect.stringMatching(/^listening on ws:\/\/127\.0\.0\.1:\d+$/)])
    expect(health).toMatchObject({ status: 'ok' })
    await expect(fetch(`${origin}/health`)).rejects.toThrow()
  })

  it('exits with 2 and a reason for a flag it cannot use', async () => {
    const { code, printed, errors } = await run(['--port', 'http'])
    expect({ code, printed }).toEqual({ code: 2, printed: [] })
    expect(errors[0]).toMatch(/--port takes a whole number, not "http"/)
  })

  it('exits with 1 and a reason when the port is taken', async () => {
    await run(['--port', '0'], async (url) => {
      const { code, errors } = await run(['--port', new URL(url).port])
      expect(code).toBe(1)
      expect(errors[0]).toMatch(/EADDRINUSE/)
    })
  })

  it('prints its help and its version', async () => {
    expect((await run(['--help'])).printed[0]).toMatch(/--joins-per-minute/)
    expect((await run(['--version'])).printed[0]).toMatch(/^\d+\.\d+\.\d+$/)
  })
})
