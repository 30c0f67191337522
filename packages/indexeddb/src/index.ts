export { type CertificateOptions, loadCertificate } from './certificate.js'
export type { Disk } from './disk.js'
export {
  claimIdentitySlot,
  type IdentitySlot,
  type IdentitySlotOptions,
  type SlotLocks,
} from './identity-slot.js'
export { generateSecretKey, nobleIdentity } from './noble-identity.js'
export { openRecordStore, type RecordStoreOptions } from './record-store.js'
export { createIdentity, type IdentityOptions, loadIdentity } from './stored-identity.js'
export {
  generateWebCryptoKeys,
  importWebCryptoKeys,
  type WebCryptoKeys,
  webCryptoIdentity,
} from './webcrypto-identity.js'
