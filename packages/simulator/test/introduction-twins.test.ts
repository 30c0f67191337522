/**
 * The introduction server and its model are twins: after the same steps, one by one, every node has been told the same by both.
 */
import { SeededRandom } from '@kadrtc/simulator'
import type { Limits } from '@kadrtc/wire/introduction-server'
import { afterEach, describe, expect, test } from 'vitest'
import { ModelWorld, places, RealWorld, type Step } from './introduction-worlds.js'

let real: RealWorld | undefined
afterEach(() => real?.close())

async function compare(steps: readonly Step[], limits: Partial<Limits>, seed = 'twins'): Promise<string[]> {
  const model = new ModelWorld(limits, seed)
  real = await new RealWorld(limits, new SeededRandom(seed)).listen()
  for (const [i, step] of steps.entries()) {
    await model.take(step)
    await real.take(step)
    expect(model.told, `SEED=${seed}: step ${i}, ${JSON.stringify(step)}`).toEqual(real.told)
    expect(model.server.connections, `SEED=${seed}: sockets after step ${i}`).toBe(real.clients)
  }
  return model.told.flat().map((line) => (line.startsWith('down') ? line : line.split(' ')[0]!))
}

/** Small numbers, so that every bound is met by ten nodes. */
const tight: Partial<Limits> = {
  greetersMax: 3,
  greetersPerWelcome: 3,
  newcomersMax: 3,
  greeterAgeMaxMs: 60_000,
  joinsPerMinute: 4,
}

function drawSteps(chance: SeededRandom, count: number): Step[] {
  return Array.from({ length: count }, (): Step => {
    const who = chance.integer(places)
    const act = chance.fraction()
    if (act < 0.3) return { act: 'connect', who }
    if (act < 0.5) return { act: 'joined', who }
    if (act < 0.65) return { act: 'send', who, to: chance.integer(places), times: 1 }
    if (act < 0.7) return { act: 'leave', who }
    if (act < 0.74) return { act: 'crash', who }
    return { act: 'wait', ms: chance.pick([300, 1_000, 4_000, 15_000, 31_000]) }
  })
}

describe('the model and the real server', () => {
  test.each(['1', '2', '3', process.env.SEED ?? '4'])(
    'tell nodes the same, whatever they do (%s)',
    async (seed) => {
      const heard = new Set(await compare(drawSteps(new SeededRandom(seed), 120), tight, seed))
      for (const line of ['welcome:', 'signal', 'down: in peace', 'down: SERVER_REFUSED']) {
        expect(heard).toContain(line)
      }
    },
    // Real sockets, on a machine that may have other things to do.
    60_000,
  )

  test('drop what comes too fast, and refuse who does not stop', async () => {
    const connects = [0, 1].map((who): Step => ({ act: 'connect', who }))
    const burst = (times: number): Step => ({ act: 'send', who: 0, to: 1, times })
    const heard = await compare([...connects, burst(250), { act: 'wait', ms: 10_000 }, burst(450)], {})
    expect(heard.filter((line) => line === 'signal')).toHaveLength(400)
    expect(heard.filter((line) => line === 'down: SERVER_REFUSED')).toHaveLength(1)
  })

  test('know nobody after a restart, nor who came too often, and had said so', async () => {
    const connects = [0, 1, 2].map((who): Step => ({ act: 'connect', who }))
    const joins = [0, 1].map((who): Step => ({ act: 'joined', who }))
    const heard = await compare([...connects, ...joins, { act: 'restart' }, ...connects], {
      joinsPerMinute: 3,
    })
    expect(heard.filter((line) => line === 'down: SERVER_UNREACHABLE')).toHaveLength(3)
    expect(heard).not.toContain('down: SERVER_REFUSED')
  })

  test('let nobody in when they are full', async () => {
    const connects = [0, 1, 2].map((who): Step => ({ act: 'connect', who }))
    const heard = await compare([...connects, { act: 'leave', who: 0 }, ...connects], { clientsMax: 2 })
    expect(heard.filter((line) => line === 'down: SERVER_UNREACHABLE')).toHaveLength(2)
  })
})
