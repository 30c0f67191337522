/** Links made of arrays, and ids written in binary, for tests of the overlay that need no network. */
import { type Id, idBytes, idToHex, nodeIdOf } from '@kadrtc/kademlia'
import type { CloseReason, Link } from '@kadrtc/node'
import { decodeMessage, decodePacket, encodePacket, type Message, type Packet } from '@kadrtc/wire'
import { LinkTable, type Neighbour } from '../src/overlay/link-table.js'
import { type Settings, settle } from '../src/settings.js'

/** An id of few bits, at its far end: `tinyId('0110')` has distance 2 to `tinyId('0100')`. */
export function tinyId(bits: string): Id {
  const id = new Uint8Array(idBytes) as Id
  let value = Number.parseInt(bits, 2)
  for (let i = idBytes - 1; value > 0; i--, value = Math.floor(value / 256)) id[i] = value % 256
  return id
}

export class FakeLink implements Link {
  readonly connectionId: string
  readonly publicKey: Uint8Array
  rttMs: number | undefined
  bufferedBytes = 0
  /** `send` is refused. */
  full = false
  closedAs: CloseReason | undefined
  probes = 0
  readonly sent: Uint8Array[] = []
  #closed: (reason: CloseReason, link: Link) => void = () => undefined

  constructor(
    readonly peer: Id,
    rttMs?: number,
    publicKey: Uint8Array = new Uint8Array(32),
  ) {
    this.rttMs = rttMs
    this.publicKey = publicKey
    this.connectionId = idToHex(peer)
  }

  send(message: Uint8Array): boolean {
    if (this.full || this.closedAs) return false
    this.sent.push(message)
    return true
  }

  onMessage(): void {}

  onClose(handler: (reason: CloseReason, link: Link) => void): void {
    this.#closed = handler
  }

  onDrain(): void {}

  close(reason: CloseReason = 'local'): void {
    if (this.closedAs) return
    this.closedAs = reason
    this.#closed(reason, this)
  }

  probe(): void {
    this.probes += 1
  }

  /** What was sent, decoded, oldest first. */
  get packets(): Packet[] {
    return this.sent.map(decodePacket)
  }

  /** The messages in what was sent, oldest first. */
  get messages(): Message[] {
    return this.packets.map(({ body }) => decodeMessage(body).message)
  }
}

/** The settings of a test: the defaults with a few changes. */
export function settingsWith(changes: Partial<Settings> = {}): Settings {
  return settle(changes)
}

/** No peer of a test has it. */
export const farthestId = new Uint8Array(idBytes).fill(255) as Id

/** A table of links, opened at 0. */
export function tableOf(links: readonly Link[], settings: Settings = settingsWith()): LinkTable {
  const table = new LinkTable(farthestId, settings)
  for (const link of links) table.add(link, 0)
  return table
}

export function neighbourOf(table: LinkTable, link: Link): Neighbour {
  return table.neighbour(link.peer)!
}

export function direct(body: Uint8Array): Uint8Array {
  return encodePacket({ kind: 'direct', body })
}

/** 32 bytes that stand for a public key, and the node id they give. */
export function keyNumber(number: number): { publicKey: Uint8Array; id: Id } {
  const publicKey = new Uint8Array(32)
  new DataView(publicKey.buffer).setUint32(0, number)
  return { publicKey, id: nodeIdOf(publicKey) }
}
