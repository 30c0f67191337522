/** Servers on Node are handed Buffers, whose `slice` is a view and whose memory is often a shared pool. */
import { asId, type KadRecord } from '@kadrtc/kademlia'
import { decodeMessage, encodeMessage } from '@kadrtc/wire'
import { expect, test } from 'vitest'

test('what decodes out of a Buffer does not keep the pool it came from', () => {
  const id = asId(new Uint8Array(20).fill(1))
  const record: KadRecord = { kind: 'content', keyId: id, value: Uint8Array.of(1), expiresAtMs: 1 }
  const bytes = Buffer.from(
    encodeMessage({ type: 'value', nonce: 1, records: [record], contacts: [id, id], more: false }),
  )
  const { message } = decodeMessage(bytes)
  if (message.type !== 'value') throw new Error('not a value')
  bytes.fill(0)
  expect(message.contacts).toEqual([id, id])
  expect(message.records[0]!.keyId).toEqual(id)
})
