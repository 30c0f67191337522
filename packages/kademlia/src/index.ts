/** Kademlia, pure and synchronous: nothing in this package waits, reads a clock or touches a global. */
export {
  bucketIndex,
  commonPrefixLength,
  compareDistances,
  distance,
  distanceBits,
  isCloser,
  randomIdInBucket,
} from './distance.js'
export {
  asId,
  contentIdBytes,
  contentIdFromText,
  contentIdOf,
  contentIdToText,
  equalIds,
  type Id,
  idBits,
  idBytes,
  idFromBytes,
  idFromHex,
  idFromKey,
  idKey,
  idToHex,
  keyIdOf,
  keyIdOfContent,
  nodeIdOf,
} from './id.js'
export { headOf, IdRanks, RankOf } from './id-ranks.js'
export {
  Lookup,
  type LookupInput,
  type LookupOptions,
  type LookupStep,
  lookupDefaults,
} from './lookup.js'
export {
  authorIdOf,
  type ContentRecord,
  checkRecord,
  compareRecords,
  type KadRecord,
  nextSeq,
  publicKeyBytes,
  type RecordFault,
  type RecordLimits,
  recordLimits,
  type SignedRecord,
  seqMax,
  signatureBytes,
  signedSlot,
  slotKeyId,
  slotOf,
} from './record.js'
export {
  cacheLifeMs,
  evictionOrder,
  handoverDelayMs,
  type ReplicaSet,
  replicaSet,
  republishDelayMs,
} from './replication.js'
export {
  type OfferOutcome,
  type RemoveOutcome,
  RoutingTable,
  type RoutingTableOptions,
  routingTableDefaults,
} from './routing-table.js'
