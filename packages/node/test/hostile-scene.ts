/**
 * A peer of the network that is no honest node: it holds a true key and a link to node 0, and says what it likes. Whatever
 * it is, it costs the peer its own link at most, and the honest nodes' puts and gets go on.
 */
import { type Id, idToHex, type KadRecord, keyIdOf } from '@kadrtc/kademlia'
import type { CloseReason, KadNode } from '@kadrtc/node'
import type { Cluster } from '@kadrtc/simulator'
import {
  encodeMessage,
  type Message,
  messageTypes,
  type Reply,
  type Request,
  recordVersion,
  slotHash,
} from '@kadrtc/wire'
import { expect } from 'vitest'
import { signed } from './made-records.js'
import { honestPeers, RawPeer } from './raw-peer.js'
import { said, swarm, text } from './swarm.js'

export const hourMs = 3_600_000
export const key = keyIdOf('key')

/** The raw peer is nearest to the key, or to the node it is linked to: it is asked first. */
export async function scene(cluster = swarm(), size = 6, nearest: 'key' | 'node' = 'key') {
  await cluster.grow(size)
  await cluster.clock.advance(2_000)
  const node = cluster.node(0)
  const raw = await RawPeer.dial(cluster, 0, nearest === 'key' ? key : node.id)
  const unlinked: { peer: string; reason: CloseReason }[] = []
  node.on('unlink', (link) => unlinked.push(link))
  const peers = honestPeers(node, raw)
  let rounds = 0
  /** The honest nodes are linked as before, and put and get as before. */
  const expectUnharmed = async () => {
    expect(honestPeers(node, raw)).toEqual(peers)
    expect(unlinked.filter(({ peer }) => peer !== idToHex(raw.id))).toEqual([])
    rounds += 1
    const [writer, reader] = [rounds % size, (rounds * 3) % size]
    const keyId = keyIdOf(`round ${rounds}`)
    await cluster.run(cluster.node(writer).records.put(keyId, text(`value ${rounds}`)))
    for (const index of [0, reader]) {
      expect(said(await cluster.run(cluster.node(index).records.get(keyId)))).toBe(`value ${rounds}`)
    }
  }
  const tell = async (message: Message) => {
    raw.say(message)
    await cluster.clock.advance(100)
    return raw.heard.filter(
      (heard) => 'nonce' in message && 'nonce' in heard && heard.nonce === message.nonce,
    )
  }
  return { cluster, node, raw, unlinked, expectUnharmed, tell }
}

/** A body of this type with a nonce of zeros, and whatever follows. */
export const body = (type: keyof typeof messageTypes, ...rest: number[]) =>
  Uint8Array.of(messageTypes[type], 0, 0, 0, 0, 0, 1, ...rest)
export const zeros = (length: number): number[] => Array<number>(length).fill(0)
export const findNode = encodeMessage({ type: 'find-node', nonce: 1, target: key })

/** Answers as a holder of `records`, to whatever is asked. */
export function lie(
  request: Request,
  records: readonly KadRecord[],
  contacts: readonly Id[] = [],
): Reply | undefined {
  const { nonce } = request
  switch (request.type) {
    case 'ping':
      return { type: 'pong', nonce, payload: request.payload }
    case 'find-node':
      return { type: 'nodes', nonce, contacts }
    case 'find-value':
      return { type: 'value', nonce, records, contacts, more: false }
    case 'store':
      return { type: 'stored', nonce, status: 'stored', seq: 1 }
    case 'digest':
      return { type: 'wants', nonce, wanted: Array(512).fill(true) }
    case 'channel-open':
      return { type: 'channel-opened', nonce }
    case 'find-links':
      return { type: 'links', nonce, links: contacts.map((id) => ({ id, rttMs: 1 })) }
    case 'signal':
      return undefined
  }
}

export function sampleMessages(cluster: Cluster<KadNode>, raw: RawPeer): Message[] {
  const nowMs = cluster.clock.wallMs()
  const record = signed({ by: raw.identity, seq: nowMs, expiresAtMs: nowMs + hourMs })
  const entries = [{ slotHash: slotHash('x'), version: recordVersion(record) }]
  return [
    { type: 'ping', nonce: 1, payload: Uint8Array.of(1) },
    { type: 'find-node', nonce: 1, target: key },
    { type: 'find-value', nonce: 1, keyId: key, all: true, author: raw.id },
    { type: 'store', nonce: 1, record, cached: false, ifSeq: 7 },
    { type: 'digest', nonce: 1, entries },
    { type: 'channel-open', nonce: 1, channel: 3, label: 'x' },
    { type: 'find-links', nonce: 1, bucket: 159 },
    { type: 'signal', nonce: 1, signal: Uint8Array.of(0x76, 0, 1, 2, 3, 4, 5, 6, 7, 8) },
    { type: 'nodes', nonce: 1, contacts: [raw.id] },
    { type: 'value', nonce: 1, records: [record], contacts: [raw.id], more: false },
    { type: 'links', nonce: 1, links: [{ id: raw.id, rttMs: 9 }] },
    { type: 'stored', nonce: 1, status: 'stored', seq: 5 },
    { type: 'wants', nonce: 1, wanted: [true, false, true] },
    { type: 'channel-data', channel: 3, data: Uint8Array.of(1), more: true },
    { type: 'channel-close', channel: 3 },
    { type: 'release' },
    { type: 'keep' },
  ]
}
