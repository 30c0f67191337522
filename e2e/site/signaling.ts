/**
 * The real introduction server as a child process, to be killed and brought back.
 *
 *   const server = await SignalingServer.start()
 *   await server.kill(); …; await server.restart()      // on the same port
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { requireBuilt, signalingServerBin } from './repository.js'

const startTimeoutMs = 10_000

export class SignalingServer {
  /** `ws://HOST:PORT`, the same after a restart. */
  readonly address: string
  #child: ChildProcess

  /** `words` are added to the command line. */
  static async start(words: readonly string[] = []): Promise<SignalingServer> {
    const { child, address } = await launch(0, words)
    return new SignalingServer(child, address, words)
  }

  private constructor(
    child: ChildProcess,
    address: string,
    private readonly words: readonly string[],
  ) {
    this.#child = child
    this.address = address
  }

  /** SIGKILL: no close frame, no goodbye. Resolves when the process has gone; twice does nothing. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }

  /** A new process on the old port. */
  async restart(): Promise<void> {
    await this.kill()
    this.#child = (await launch(Number(new URL(this.address).port), this.words)).child
  }
}

/** The address of a port where nobody listens. */
export async function addressOfNobody(): Promise<string> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `ws://127.0.0.1:${address.port}`
}

async function launch(
  port: number,
  words: readonly string[],
): Promise<{ child: ChildProcess; address: string }> {
  // All tabs come from one address here, so the limit per address is lifted.
  const flags = ['--host', '127.0.0.1', '--port', String(port), '--joins-per-minute', '100000', ...words]
  const child = spawn(process.execPath, [requireBuilt(signalingServerBin), ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout! })
  const timer = setTimeout(() => child.kill('SIGKILL'), startTimeoutMs)
  try {
    for await (const line of lines) {
      const address = /listening on (ws:\/\/\S+)/.exec(line)?.[1]
      if (address === undefined) continue
      child.stdout!.resume()
      return { child, address }
    }
  } finally {
    clearTimeout(timer)
  }
  throw new Error(`the introduction server ended before it listened (exit code ${child.exitCode})`)
}
