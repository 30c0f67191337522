import { nodeIdOf } from '@kadrtc/kademlia'
import { SeededRandom, StubIdentity } from '@kadrtc/simulator'
import { describe, expect, test } from 'vitest'

describe('StubIdentity', () => {
  const random = new SeededRandom('identities')
  const [signer, other] = [StubIdentity.random(random), StubIdentity.random(random)]
  const message = Uint8Array.of(1, 2, 3)

  test('has the SHA-1 of its key as its id', () => {
    expect(signer.id).toEqual(nodeIdOf(signer.publicKey))
  })

  test('signs with 64 bytes that others verify', () => {
    const signature = signer.sign(message)
    expect(signature.length).toBe(64)
    expect(other.verify(signer.publicKey, message, signature)).toBe(true)
  })

  test('refuses another key, other bytes, and a signature with any bit changed', () => {
    const signature = signer.sign(message)
    expect(signer.verify(other.publicKey, message, signature)).toBe(false)
    expect(signer.verify(signer.publicKey, Uint8Array.of(1, 2, 4), signature)).toBe(false)
    for (let bit = 0; bit < 512; bit++) {
      const changed = signature.slice()
      changed[bit >> 3]! ^= 1 << (bit & 7)
      expect(signer.verify(signer.publicKey, message, changed)).toBe(false)
    }
  })

  test('answers false for a malformed key or signature', () => {
    const signature = signer.sign(message)
    expect(signer.verify(new Uint8Array(31), message, signature)).toBe(false)
    expect(signer.verify(signer.publicKey, message, signature.subarray(1))).toBe(false)
  })
})
