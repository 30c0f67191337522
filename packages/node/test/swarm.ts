/** A cluster of real nodes under virtual time, for tests: small, quick, and replayed by its seed. */
import { KadNode, type Settings } from '@kadrtc/node'
import { Cluster, type ClusterOptions } from '@kadrtc/simulator'

export interface SwarmOptions
  extends Partial<Omit<ClusterOptions<KadNode>, 'createNode' | 'start' | 'stop'>> {
  readonly settings?: Partial<Settings>
  readonly allowAlone?: boolean
}

/** `SEED=… npx vitest run …` replays a failure: every error of the clock names the seed. */
export function swarm(options: SwarmOptions = {}): Cluster<KadNode> {
  const { settings = {}, allowAlone = false, ...rest } = options
  return new Cluster<KadNode>({
    seed: process.env.SEED ?? 1,
    ...rest,
    createNode: (ports) => new KadNode({ ...ports, settings }),
    start: (node) => node.start({ allowAlone }),
    stop: (node) => node.close(),
  })
}

export function text(value: string): { value: Uint8Array; format: number } {
  return { value: new TextEncoder().encode(value), format: 1 }
}

export function said(record: { readonly value: Uint8Array } | undefined): string | undefined {
  return record && new TextDecoder().decode(record.value)
}
