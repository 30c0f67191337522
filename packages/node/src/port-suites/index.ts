/**
 * `@kadrtc/node/port-suites`: one suite for each port, run by every implementation of it.
 */
export { identitySuite } from './identity-suite.js'
export { type LinkTransportPair, linkTransportSuite } from './link-transport-suite.js'
export { type FaultyStore, recordStoreSuite } from './record-store-suite.js'
export { expectBytes, expectRejection, expectThat, type SuiteCase } from './suite.js'
