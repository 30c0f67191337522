/** A FIND_NODE reply with 20 contacts and its proof, encoded and decoded, against MessagePack of the same data. */
import { randomBytes } from 'node:crypto'
import { type Id, idFromBytes } from '@kadrtc/kademlia'
import { decodeMessage, encodeMessage, type Nodes, type ReplyProof } from '@kadrtc/wire'
import { decode, encode } from '@msgpack/msgpack'
import { type Benchmark, medianRatio } from './measurement.js'

const repetitions = 5_000

export const codec: Benchmark = {
  aims: [
    {
      name: 'codec.reply20.bytes',
      unit: 'B',
      better: 'lower',
      goal: 510,
      against: 'a FIND_NODE reply with 20 contacts, and the proof of one that crossed a relay',
    },
    {
      name: 'codec.reply20.time_vs_msgpack',
      unit: 'ratio',
      better: 'lower',
      goal: 0.4,
      against: '@msgpack/msgpack, encode and decode of the same data',
    },
  ],
  async run(note) {
    const nodes: Nodes = {
      type: 'nodes',
      nonce: 0x1234_5678_9abc,
      contacts: Array.from({ length: 20 }, randomId),
    }
    const proof: ReplyProof = { publicKey: bytes(32), signature: bytes(64) }
    const same = { ...nodes, proof }
    note(`MessagePack takes ${encode(same).length} B, we take ${encodeMessage(nodes, proof).length} B`)
    const ours = () => time(() => decodeMessage(encodeMessage(nodes, proof)))
    const theirs = () => time(() => decode(encode(same)))
    for (let round = 0; round < 3; round++) {
      ours()
      theirs()
    }
    return {
      'codec.reply20.bytes': encodeMessage(nodes, proof).length,
      'codec.reply20.time_vs_msgpack': await medianRatio(ours, theirs, 15),
    }
  },
}

function time(once: () => unknown): number {
  const startedAt = performance.now()
  for (let repetition = 0; repetition < repetitions; repetition++) once()
  return performance.now() - startedAt
}

function randomId(): Id {
  return idFromBytes(bytes(20))!
}

function bytes(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length))
}
