/**
 * What must hold of a cluster of real nodes. Each check looks at the whole of it from outside, changes nothing, and gives its
 * violations as sentences; none is good.
 *
 *     const violations = [...atEveryMoment(cluster), ...nearestLinks(cluster), ...(await replicas(cluster, { floor: 3 }))]
 *
 * Budgets and bounds hold at every moment, and so does what watchers see: sequence numbers, records that were confirmed, nothing
 * handled twice. Links, lookups and replicas are as they should be once the network is quiet.
 */
export { type ClosestOptions, closest, nearestLinks } from './invariants/at-rest.js'
export { atEveryMoment, linkBudgets, queues, requestBudgets } from './invariants/every-moment.js'
export { HandledOnce } from './invariants/handled-once.js'
export { type Confirmation, RecordLedger, type RecordLedgerOptions } from './invariants/record-ledger.js'
export { type KeptRecords, keptRecords, type ReplicasOptions, replicas } from './invariants/replicas.js'
export { SequenceWatcher } from './invariants/sequence-watcher.js'
