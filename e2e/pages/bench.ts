/** Everything that the browser benchmarks call inside a page, on `window.bench`; bundled by `bench/bench-site.ts`. */
import * as kadrtc from 'kadrtc'
import * as rawLink from './raw-link.js'
import * as storeWrites from './store-writes.js'
import * as transportDials from './transport-dials.js'

const bench = { ...rawLink, ...storeWrites, ...transportDials }

declare global {
  interface Window {
    bench: typeof bench
  }
}

window.kadrtc = kadrtc
window.bench = bench
