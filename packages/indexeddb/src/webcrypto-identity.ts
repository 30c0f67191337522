/**
 * An identity whose private key is the browser's: WebCrypto signs with it, and nobody can read it, not
 * even a script injected into the page. Safari 17, Firefox 129, Chrome 137 and Node 20 have Ed25519.
 */
import { nodeIdOf } from '@kadrtc/kademlia'
import type { Identity } from '@kadrtc/node'
import { getPublicKeyAsync } from '@noble/ed25519'
import { isWellFormed } from './verification.js'

/** Import costs as much as verification itself. More than the links and siblings of a node; the rest is a guess. */
const importedKeysMax = 512

/** The DER that stands before the 32 bytes of a private key in PKCS #8 (RFC 8410 section 7). */
const pkcs8Prefix = Uint8Array.from([48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32])

/** A private key that stays inside the browser, and its public key, 32 bytes. IndexedDB can hold it. */
export interface WebCryptoKeys {
  readonly privateKey: CryptoKey
  readonly publicKey: Uint8Array
}

/** New keys; undefined where WebCrypto, or its Ed25519, is missing. */
export async function generateWebCryptoKeys(): Promise<WebCryptoKeys | undefined> {
  try {
    const { privateKey, publicKey } = (await crypto.subtle.generateKey('Ed25519', false, [
      'sign',
      'verify',
    ])) as CryptoKeyPair
    return { privateKey, publicKey: new Uint8Array(await crypto.subtle.exportKey('raw', publicKey)) }
  } catch {
    return undefined
  }
}

/** The keys of a 32-byte RFC 8032 secret key; undefined where WebCrypto, or its Ed25519, is missing. */
export async function importWebCryptoKeys(secretKey: Uint8Array): Promise<WebCryptoKeys | undefined> {
  try {
    const pkcs8 = Uint8Array.from([...pkcs8Prefix, ...secretKey])
    const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign'])
    return { privateKey, publicKey: await getPublicKeyAsync(secretKey) }
  } catch {
    return undefined
  }
}

/** An identity of these keys. Signing rejects if they are of another kind than the two functions above make. */
export function webCryptoIdentity({ privateKey, publicKey }: WebCryptoKeys): Identity {
  const keys = new PublicKeys()
  return {
    publicKey,
    id: nodeIdOf(publicKey),
    async sign(bytes) {
      return new Uint8Array(await crypto.subtle.sign('Ed25519', privateKey, inArrayBuffer(bytes)))
    },
    async verify(publicKey, bytes, signature) {
      if (!isWellFormed(publicKey, signature)) return false
      try {
        // Copied before anything is awaited: the caller may reuse its buffers.
        const [signed, proof] = [inArrayBuffer(bytes).slice(), inArrayBuffer(signature).slice()]
        return await crypto.subtle.verify('Ed25519', await keys.get(publicKey), proof, signed)
      } catch {
        // Not every 32 bytes are a point of the curve.
        return false
      }
    },
  }
}

/** Public keys as WebCrypto wants them, the most recently used ones kept. */
class PublicKeys {
  /** By the key's bytes as Latin-1; least recently used first. */
  readonly #imported = new Map<string, Promise<CryptoKey>>()

  get(publicKey: Uint8Array): Promise<CryptoKey> {
    const name = String.fromCharCode(...publicKey)
    const known = this.#imported.get(name)
    const key =
      known ?? crypto.subtle.importKey('raw', inArrayBuffer(publicKey), 'Ed25519', false, ['verify'])
    if (known) this.#imported.delete(name)
    else if (this.#imported.size >= importedKeysMax)
      this.#imported.delete(this.#imported.keys().next().value!)
    this.#imported.set(name, key)
    return key
  }
}

/** WebCrypto takes no shared memory, and the types say so. Should it be shared after all, WebCrypto throws. */
function inArrayBuffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>
}
