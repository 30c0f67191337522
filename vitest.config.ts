import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (name: string, file: string) => ({
  find: new RegExp(`^${name}$`),
  replacement: fileURLToPath(new URL(file, import.meta.url)),
})

const everywhere = [
  'packages/*/test/**/*.test.ts',
  'signaling-server/test/**/*.test.ts',
  'demo/test/**/*.test.ts',
  'e2e/bench/test/**/*.test.ts',
]
/** Whole networks that live for minutes or hours of virtual time, and seconds of real time. */
const networks = [
  'packages/node/test/replication.test.ts',
  'packages/simulator/test/{soak,found-by-soak,experiments-*,sim-simulate,sim-command}.test.ts',
  'e2e/bench/test/simulation-experiments.test.ts',
]

/** Tests run on the sources, so that no build stands between an edit and its test. */
export default defineConfig({
  resolve: {
    alias: [
      source('@kadrtc/node/port-suites', './packages/node/src/port-suites/index.ts'),
      source('@kadrtc/wire/introduction-server', './packages/wire/src/introduction-server/index.ts'),
      source('@kadrtc/simulator/experiments', './packages/simulator/src/experiments/index.ts'),
      ...['kademlia', 'wire', 'node', 'simulator', 'webrtc', 'indexeddb'].map((room) =>
        source(`@kadrtc/${room}`, `./packages/${room}/src/index.ts`),
      ),
      source('kadrtc', './packages/kadrtc/src/index.ts'),
      source('kadrtc-signaling-server', './signaling-server/src/index.ts'),
    ],
  },
  test: {
    projects: [
      { extends: true, test: { name: 'unit', include: everywhere, exclude: networks, testTimeout: 10_000 } },
      { extends: true, test: { name: 'simulations', include: networks, testTimeout: 60_000 } },
    ],
  },
})
