/** An Ed25519 identity on Node's WebCrypto. */
import { nodeIdOf } from '@kadrtc/kademlia'
import type { Identity } from '@kadrtc/node'

const { subtle } = globalThis.crypto

export async function testIdentity(): Promise<Identity> {
  const pair = (await subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as CryptoKeyPair
  const publicKey = new Uint8Array(await subtle.exportKey('raw', pair.publicKey))
  return {
    publicKey,
    id: nodeIdOf(publicKey),
    sign: async (bytes) =>
      new Uint8Array(await subtle.sign('Ed25519', pair.privateKey, bytes as Uint8Array<ArrayBuffer>)),
    verify: async (key, bytes, signature) => {
      try {
        const imported = await subtle.importKey('raw', key as Uint8Array<ArrayBuffer>, 'Ed25519', true, [
          'verify',
        ])
        const args = [signature, bytes] as [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>]
        return await subtle.verify('Ed25519', imported, ...args)
      } catch {
        return false
      }
    },
  }
}
