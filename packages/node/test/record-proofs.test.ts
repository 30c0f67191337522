import { keyIdOf } from '@kadrtc/kademlia'
import { SeededRandom, StubIdentity } from '@kadrtc/simulator'
import { networkHash } from '@kadrtc/wire'
import { expect, test } from 'vitest'
import { RecordProofs } from '../src/records/proofs.js'

const random = new SeededRandom('record proofs')
const hash = networkHash('proofs')

test('a record that another identity signed is signed again as our own', async () => {
  const [before, now] = [StubIdentity.random(random), StubIdentity.random(random)]
  const [older, newer] = [before, now].map((identity) => new RecordProofs(identity, hash, () => 1_000))
  const fields = { keyId: keyIdOf('key'), value: Uint8Array.of(1), format: 0, deleted: false, seq: 1 }
  const record = await older!.sign({ ...fields, expiresAtMs: 60_000 })
  const renewed = await newer!.sign({ ...record, expiresAtMs: 90_000 })
  expect(renewed).toMatchObject({ ...fields, kind: 'signed', author: now.publicKey, expiresAtMs: 90_000 })
  expect(await newer!.check(renewed)).toBe('ok')
  expect(record.author).toEqual(before.publicKey)
})
