/** Short soaks: three that never change, and one that is new each time or, with SEED=…, that one. Longer ones: `npm run sim:soak`. */
import { randomInt } from 'node:crypto'
import { KadNode } from '@kadrtc/node'
import { Cluster, SoakFaults, soak } from '@kadrtc/simulator'
import { describe, expect, test } from 'vitest'

const drawn = process.env.SEED ?? String(randomInt(1_000_000))
const size = { nodes: 24, minutes: 4 }

describe('a soak', () => {
  for (const seed of ['1', '2', '3', drawn]) {
    test(`ends with everything as it should be, with seed ${seed}`, { timeout: 60_000 }, async () => {
      console.info(`soak seed ${seed}`)
      const { counts } = await soak({ seed, ...size })
      for (const what of ['found', 'put', 'lull', 'answers', 'records', 'links', 'messages']) {
        expect(counts[what], what).toBeGreaterThan(0)
      }
      // Notes of versions that had an earlier one to be compared with.
      expect(counts.compared).toBeGreaterThan(200)
    })
  }

  test('replays from its seed', { timeout: 30_000 }, async () => {
    const small = { seed: 11, nodes: 10, minutes: 1 }
    const lines: string[] = []
    const first = await soak({ ...small, observe: (line) => lines.push(line) })
    const again: string[] = []
    const second = await soak({ ...small, observe: (line) => again.push(line) })
    expect(again).toEqual(lines)
    expect(second).toEqual(first)
    expect((await soak({ ...small, seed: 12 })).digest).not.toBe(first.digest)
  })

  test('uses every fault in time', { timeout: 30_000 }, async () => {
    const faults = new Set<string>()
    // Of this run nothing else is of interest.
    const run = soak({
      seed: 4,
      nodes: 10,
      minutes: 60,
      observe: (line) => {
        faults.add(
          line
            .split(' ')
            .slice(1, 3)
            .join(' ')
            .replace(/ \d.*| up$/, '')
            .trim(),
        )
        const all = [
          'crash',
          'crash many',
          'leave',
          'restart',
          'join',
          'join many',
          'freeze',
          'long freeze',
          'hang',
          'cut',
          'one-way cut',
          'delays',
          'replays',
        ]
        if (all.every((fault) => faults.has(fault))) throw new Error('enough')
      },
    })
    await expect(run).rejects.toThrow('enough')
  })

  test('names what was violated, the seed, and how to replay it', { timeout: 30_000 }, async () => {
    // Twelve keys do not have eight replicas each where twelve nodes have room for one record each.
    const settings = { k: 8, recordsMax: 1 }
    const failing = soak({ seed: 'impossible', nodes: 12, minutes: 1, settings })
    await expect(failing).rejects.toThrow(
      /^Soak failed with seed impossible\.\nAfter \d+ s:\n[\s\S]*\nReplay: await soak\(\{"seed":"impossible","nodes":12,"minutes":1,"settings":\{"k":8,"recordsMax":1\}\}\)$/,
    )
  })

  test('gives a command that a shell reads as it was meant', async () => {
    const failing = soak({
      seed: "a b's",
      nodes: 8,
      minutes: 0.1,
      observe: () => {
        throw new Error('enough')
      },
    })
    await expect(failing).rejects.toThrow(
      /enough\nReplay: npm run sim:soak -- --seed 'a b'\\''s' --nodes 8 --minutes 0\.1$/,
    )
  })

  test('leaves no fault behind when they end', { timeout: 30_000 }, async () => {
    const cluster = new Cluster<KadNode>({
      seed: 1,
      createNode: (ports) => new KadNode(ports),
      start: (node) => node.start({ allowAlone: true }),
      stop: (node) => node.close(),
    })
    const { network } = cluster
    const faults = new SoakFaults(cluster, 8, {
      did: () => {},
      failed: () => {},
    })
    await faults.populate()
    const { started } = cluster.add({ lying: { drop: 1 } })
    await cluster.run(started)
    const isCut = () =>
      cluster.nodes.some((a) => cluster.nodes.some((b) => a !== b && network.isCut(a.id, b.id)))
    const isFrozen = () => cluster.members.some(({ state }) => state === 'frozen')
    const isDisturbed = () => network.faults.delayMs !== undefined && network.faults.replay !== undefined
    for (let i = 0; i < 10_000 && !(isCut() && isFrozen() && isDisturbed()); i++) {
      faults.strike()
      await cluster.clock.advance(500)
    }
    faults.end()
    expect([isCut(), isFrozen(), network.faults.delayMs, network.faults.replay]).toEqual([
      false,
      false,
      undefined,
      undefined,
    ])
    await cluster.clock.advance(60_000)
    expect(cluster.members.filter(({ state, conditions }) => state === 'up' && conditions.lying)).toEqual([])
  })
})
