/**
 * The identity that is there again on the next start.
 *
 *     const identity = await loadIdentity({ database: slot.database('identity'), onWarning: console.warn })
 *
 * WebCrypto where it has Ed25519, its key stored as it is, unreadable; @noble/ed25519 elsewhere, its secret key stored.
 * A secret key from before the browser learnt Ed25519 goes on as a WebCrypto key: same key, same id.
 */
import { type Identity, KadrtcError } from '@kadrtc/node'
import { get, set } from 'idb-keyval'
import { closeDisk, type Disk, diskOf, openDisk, storeWarning } from './disk.js'
import { generateSecretKey, nobleIdentity } from './noble-identity.js'
import {
  generateWebCryptoKeys,
  importWebCryptoKeys,
  type WebCryptoKeys,
  webCryptoIdentity,
} from './webcrypto-identity.js'

/** Where the identity lies in its database. */
const place = 'identity'

/** What lies there. */
type Keys =
  | ({ readonly kind: 'webcrypto' } & WebCryptoKeys)
  | { readonly kind: 'secret'; readonly secretKey: Uint8Array }

export interface IdentityOptions {
  /** The database's name; undefined keeps the identity in memory, without a warning. */
  readonly database: string | undefined
  /** STORE_UNAVAILABLE or STORE_FULL: the identity will be another one on the next start. */
  readonly onWarning: (warning: KadrtcError) => void
  /** What to use in place of the platform's IndexedDB. */
  readonly disk?: Disk
}

/** The stored identity, or a new one that is stored. Where nothing can be stored: a new one, and a warning. */
export async function loadIdentity(options: IdentityOptions): Promise<Identity> {
  const { database, onWarning } = options
  if (database === undefined) return createIdentity()
  const disk = options.disk ?? diskOf(database)
  try {
    await openDisk(disk)
    try {
      return await storedIdentity(disk, onWarning)
    } finally {
      await closeDisk(disk)
    }
  } catch (error) {
    onWarning(storeWarning(error, 'this identity lasts until the page goes'))
    return createIdentity()
  }
}

/** A new identity that is stored nowhere. */
export async function createIdentity(): Promise<Identity> {
  const keys = await generateWebCryptoKeys()
  return keys ? webCryptoIdentity(keys) : nobleIdentity(generateSecretKey())
}

async function storedIdentity(disk: Disk, onWarning: IdentityOptions['onWarning']): Promise<Identity> {
  const stored: unknown = await get(place, disk)
  const known = await identityOf(stored)
  if (known) return known
  if (stored !== undefined) {
    onWarning(
      new KadrtcError('STORE_UNAVAILABLE', 'the stored identity is unusable; a new one takes its place'),
    )
  }
  const keys = await generateWebCryptoKeys()
  const unreadable =
    keys && (await storeIdentity(disk, { kind: 'webcrypto', ...keys }).catch(() => undefined))
  // Some browsers can make such a key and not store it, or not give it back as it was.
  const identity =
    unreadable ?? (await storeIdentity(disk, { kind: 'secret', secretKey: generateSecretKey() }))
  if (!identity) throw new Error('What was stored did not come back')
  return identity
}

/** The identity as it comes back from the disk; undefined if it does not. */
async function storeIdentity(disk: Disk, keys: Keys): Promise<Identity | undefined> {
  await set(place, keys, disk)
  return identityOf(await get(place, disk))
}

/** The identity of what was stored, proved by a signature; undefined if it is not what we store. */
async function identityOf(stored: unknown): Promise<Identity | undefined> {
  try {
    const keys = stored as Keys
    const identity = await identityOfKeys(keys)
    const challenge = crypto.getRandomValues(new Uint8Array(32))
    const holds = await identity.verify(identity.publicKey, challenge, await identity.sign(challenge))
    return holds ? identity : undefined
  } catch {
    return undefined
  }
}

async function identityOfKeys(keys: Keys): Promise<Identity> {
  switch (keys.kind) {
    case 'webcrypto':
      return webCryptoIdentity(keys)
    case 'secret': {
      const imported = await importWebCryptoKeys(keys.secretKey)
      return imported ? webCryptoIdentity(imported) : nobleIdentity(keys.secretKey)
    }
    default:
      throw new TypeError(`Not a stored identity: ${String(keys satisfies never)}`)
  }
}
