import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (name: string, file: string) => ({
  find: new RegExp(`^${name}$`),
  replacement: fileURLToPath(new URL(file, import.meta.url)),
})

/** Unit tests run on the sources, so that no build stands between an edit and its test. */
export default defineConfig({
  resolve: {
    alias: [
      source('@kadrtc/node/port-suites', './packages/node/src/port-suites/index.ts'),
      ...['kademlia', 'wire', 'node', 'simulator', 'webrtc', 'indexeddb'].map((room) =>
        source(`@kadrtc/${room}`, `./packages/${room}/src/index.ts`),
      ),
      source('kadrtc', './packages/kadrtc/src/index.ts'),
      source('kadrtc-signaling-server', './signaling-server/src/index.ts'),
    ],
  },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'signaling-server/test/**/*.test.ts', 'demo/test/**/*.test.ts'],
    testTimeout: 10_000,
  },
})
