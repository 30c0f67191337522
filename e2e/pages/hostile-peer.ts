/**
 * A peer that has proved its key like any other and then breaks every rule: it takes hold of the data channels under its
 * own links and writes into them what it likes. On `window.hostile`; bundled by the scenario.
 */
import { idFromHex, keyIdOf } from '@kadrtc/kademlia'
import {
  encodeMessage,
  encodePacket,
  frameBytesMax,
  frameTypes,
  type Message,
  type Store,
  wholeFrame,
} from '@kadrtc/wire'
import { createNode, type KadrtcNode } from 'kadrtc'

const channels = new Set<RTCDataChannel>()
const send = RTCDataChannel.prototype.send
RTCDataChannel.prototype.send = function (this: RTCDataChannel, data: never) {
  channels.add(this)
  send.call(this, data)
}

let node: KadrtcNode | undefined

/** What it can send, and whether no honest peer ever would, so that it costs the link. */
const attacks = {
  'random bytes': () => random(1_000).fill(0xee, 0, 1),
  'an empty frame': () => new Uint8Array(0),
  'a frame of unknown type': () => Uint8Array.of(0xff),
  'a text message': () => 'text',
  'a truncated ping': () => Uint8Array.of(frameTypes.ping, 1),
  'a truncated first fragment': () => Uint8Array.of(frameTypes.first, 0, 1),
  'a giant announced length': () => Uint8Array.of(frameTypes.first, 0, 1, 0xff, 0xff, 0xff, 0xff, 1),
  'a fragment of no message': () => Uint8Array.of(frameTypes.next, 0x12, 0x34, 1, 2, 3),
  'a frame beyond the limit': () => random(frameBytesMax + 1).fill(frameTypes.whole, 0, 1),
  'a packet of random bytes': () => wholeFrame(random(500).fill(0xee, 0, 1)),
  'a truncated packet': () => wholeFrame(encodePacket(toward(ping())).subarray(0, 10)),
  'a message of random bytes': () =>
    wholeFrame(encodePacket({ kind: 'direct', body: random(300).fill(0xee, 0, 1) })),
  'a message with bytes to spare': () =>
    wholeFrame(encodePacket({ kind: 'direct', body: Uint8Array.of(...encodeMessage(findNode()), 0) })),
} as const

export type Attack = keyof typeof attacks

const hostile = {
  attacks: Object.keys(attacks) as Attack[],

  /** A new peer with a new key; resolves with its id when it has `links` links. */
  async arrive(network: string, server: string, links: number): Promise<string> {
    node = await createNode({ network, bootstrap: [server], broadcast: false, storage: 'memory' })
    const arrived = node
    await new Promise<void>((resolve) => {
      const consider = () => {
        if (arrived.inspect().links.length >= links) resolve()
      }
      arrived.on('link', consider)
      consider()
    })
    return arrived.id
  },

  /** Writes the same into every open channel under its links. */
  attack(name: Attack): void {
    for (const channel of channels) {
      if (channel.readyState === 'open') send.call(channel, attacks[name]() as never)
    }
  },

  /** A record in the name of `author` (a public key it does not hold) under `key`, signed with noise. */
  forgeRecord(key: string, author: Uint8Array): void {
    const store: Store = {
      type: 'store',
      nonce: newNonce(),
      cached: false,
      record: {
        kind: 'signed',
        keyId: keyIdOf(key),
        author: new Uint8Array(author),
        seq: Date.now() + 1_000,
        expiresAtMs: Date.now() + 3_600_000,
        deleted: false,
        format: 1,
        value: new TextEncoder().encode('forged'),
        signature: random(64),
      },
    }
    sendAll(store)
  },

  /** Bytes under a content id that they are not the content of. */
  forgeContent(keyIdHex: string): void {
    const record = {
      kind: 'content',
      keyId: idFromHex(keyIdHex)!,
      expiresAtMs: Date.now() + 3_600_000,
      value: new TextEncoder().encode('forged'),
    } as const
    sendAll({ type: 'store', nonce: newNonce(), cached: false, record })
  },

  /** Signals that nobody signed: noise, and of every first byte. */
  forgeSignals(): void {
    for (let kind = 0; kind < 256; kind++)
      sendAll({ type: 'signal', nonce: newNonce(), signal: random(400).fill(kind, 0, 1) })
  },

  /** Replies to questions that nobody asked. */
  unaskedReplies(): void {
    sendAll({ type: 'pong', nonce: 42, payload: random(10) })
    sendAll({ type: 'nodes', nonce: 43, contacts: [keyIdOf('nobody')] })
  },

  async leave(): Promise<void> {
    await node?.close()
    channels.clear()
  },
}

function sendAll(message: Message): void {
  const frame = wholeFrame(encodePacket({ kind: 'direct', body: encodeMessage(message) }))
  for (const channel of channels) if (channel.readyState === 'open') send.call(channel, frame as never)
}

/** Nodes leave a request unanswered whose nonce they have lately seen. */
function newNonce(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!
}

function ping(): Message {
  return { type: 'ping', nonce: newNonce(), payload: random(8) }
}

function findNode(): Message {
  return { type: 'find-node', nonce: newNonce(), target: keyIdOf('anywhere') }
}

function toward(message: Message) {
  return {
    kind: 'toward',
    target: keyIdOf('anywhere'),
    exact: false,
    hopsLeft: 15,
    path: [],
    body: encodeMessage(message),
  } as const
}

function random(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let start = 0; start < length; start += 65_536)
    crypto.getRandomValues(bytes.subarray(start, start + 65_536))
  return bytes
}

declare global {
  interface Window {
    hostile: typeof hostile
  }
}

window.hostile = hostile
