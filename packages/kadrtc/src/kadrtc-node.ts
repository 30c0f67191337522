/** The node as apps see it: keys are text or bytes, ids are hex, values are values. */
import {
  authorIdOf,
  contentIdFromText,
  contentIdToText,
  type Id,
  idBytes,
  idFromHex,
  idToHex,
  keyIdOf,
} from '@kadrtc/kademlia'
import {
  GuardedEmitter,
  type Inspection,
  type KadNode,
  KadrtcError,
  type NodeEvents,
  type NodeStatus,
  type OperationOptions,
} from '@kadrtc/node'
import { AppChannel } from './app-channel.js'
import { checkSignal } from './options.js'
import { formatValue, readValue, type Value } from './value-format.js'

/** A key: text (UTF-8) or bytes, not empty. Its id is its SHA-1. */
export type Key = string | Uint8Array

/** The last argument of every asynchronous verb. */
export interface VerbOptions {
  /** Aborting it rejects the verb with the signal's reason. */
  readonly signal?: AbortSignal
  /** Rejects with TIMEOUT after this many milliseconds. Default 15,000. */
  readonly timeoutMs?: number
}

export interface PutOptions extends VerbOptions {
  /** Compare-and-swap: store only if the sequence number held is this one (0: none is). Else CONFLICT. */
  readonly ifSeq?: number
  /**
   * How long the record lives when nobody republishes it; 24 h by default, 7 days at most, which is what a deletion lives. No
   * shorter than the version that it replaces, where this node knows that one.
   */
  readonly lifeMs?: number
  /** Resolve once a majority of the replicas stored it (default), or when all have answered. */
  readonly until?: 'majority' | 'all'
}

export interface GetOptions extends VerbOptions {
  /** Node id (hex) of the only author whose value is wanted. */
  readonly author?: string
  /** Take the first valid record instead of the newest of three replicas. */
  readonly first?: boolean
}

export interface PutResult {
  readonly key: Key
  /** The record's sequence number: give it as `ifSeq` to change just this version. */
  readonly seq: number
  /** How many of the `wanted` closest nodes had stored it when put resolved. */
  readonly stored: number
  readonly wanted: number
}

export interface AuthoredValue {
  /** Node id of the author, in hex. */
  readonly author: string
  readonly seq: number
  readonly value: Value
}

export interface KadrtcEvents extends Omit<NodeEvents, 'channel'> {
  /** A peer opened a channel. With no listener such channels are refused. */
  channel: (channel: AppChannel) => void
}

export class KadrtcNode extends GuardedEmitter<KadrtcEvents> {
  /** This node's id in hex, 40 digits: SHA-1 of its public key. */
  readonly id: string
  readonly #node: KadNode
  readonly #release: () => void
  #warnings: readonly KadrtcError[] = []
  #closing: Promise<void> | undefined

  /** Use `createNode`. `release` lets go of what surrounds the node. */
  constructor(node: KadNode, release: () => void) {
    super()
    this.#node = node
    this.#release = release
    this.id = idToHex(node.id)
    node.on('status', (status) => this.emit('status', status))
    node.on('link', (link) => this.emit('link', link))
    node.on('unlink', (link) => this.emit('unlink', link))
    node.on('introducer', (introducer) => this.emit('introducer', introducer))
    node.takesChannels = () => this.listenerCount('channel') > 0
    node.on('channel', (channel) => this.emit('channel', new AppChannel(channel)))
    node.on('warning', (error) => this.warn(error))
  }

  get status(): NodeStatus {
    return this.#node.status
  }

  /**
   * Stores a value under a key: a string, bytes, or anything JSON can say, up to 64 KiB. Each author has one slot
   * per key. Rejects with INVALID_ARGUMENT, VALUE_TOO_LARGE, NOT_STORED, CONFLICT, BUSY, TIMEOUT or CLOSED.
   */
  async put(key: Key, value: Value, options: PutOptions = {}): Promise<PutResult> {
    const outcome = await this.#records(options).put(keyId(key), formatValue(value), options)
    return { key, seq: outcome.seq, stored: outcome.stored, wanted: outcome.wanted }
  }

  /**
   * The newest value under a key over all authors, or undefined. Never older than one this node has seen. As all reads do it
   * rejects with INVALID_ARGUMENT, TIMEOUT, or, if it found nothing since it could not ask, UNREACHABLE, BUSY or CLOSED.
   */
  async get(key: Key, options: GetOptions = {}): Promise<Value | undefined> {
    const records = this.#records(options)
    const { author, ...rest } = options
    const record = await records.get(keyId(key), {
      ...rest,
      ...(author === undefined ? {} : { author: nodeId(author, 'author') }),
    })
    return record && readValue(record)
  }

  /** The value of each author under a key, newest first. */
  async getAll(key: Key, options: VerbOptions = {}): Promise<AuthoredValue[]> {
    const records = await this.#records(options).getAll(keyId(key), options)
    return records.flatMap((record) => {
      const value = readValue(record)
      return value === undefined ? [] : [{ author: idToHex(authorIdOf(record)), seq: record.seq, value }]
    })
  }

  /** Deletes the own value under a key, by a signed tombstone that outlives stale copies. Rejects as `put` does. */
  async delete(key: Key, options: PutOptions = {}): Promise<PutResult> {
    const outcome = await this.#records(options).delete(keyId(key), options)
    return { key, seq: outcome.seq, stored: outcome.stored, wanted: outcome.wanted }
  }

  /** Stores bytes under their own hash; resolves with the content id (base32 of the SHA-256). */
  async add(bytes: Uint8Array, options: PutOptions = {}): Promise<string> {
    if (!(bytes instanceof Uint8Array)) throw new KadrtcError('INVALID_ARGUMENT', 'add takes a Uint8Array')
    const { contentId } = await this.#records(options).add(bytes, options)
    return contentIdToText(contentId)
  }

  /** The bytes with this content id, proved by their hash, or undefined. */
  async fetch(contentId: string, options: VerbOptions = {}): Promise<Uint8Array | undefined> {
    const bytes = typeof contentId === 'string' ? contentIdFromText(contentId) : undefined
    if (!bytes) throw new KadrtcError('INVALID_ARGUMENT', 'a content id is 52 characters of base32')
    const value = await this.#records(options).fetch(bytes, options)
    return value?.slice()
  }

  /** A direct, authenticated channel to a node, by its id in hex. The peer takes it in its 'channel' event. */
  async connect(peer: string, options: VerbOptions & { readonly label?: string } = {}): Promise<AppChannel> {
    this.#check(options)
    return new AppChannel(await this.#node.connect(nodeId(peer, 'peer'), options))
  }

  /**
   * Milliseconds until a node has answered, linked or not. `payload`, up to 1 KiB, goes there and back. Rejects with
   * UNREACHABLE, TIMEOUT, CLOSED, or the signal's reason.
   */
  async ping(peer: string, options: VerbOptions & { readonly payload?: Uint8Array } = {}): Promise<number> {
    this.#check(options)
    const { payload } = options
    if (payload !== undefined && !(payload instanceof Uint8Array && payload.length <= 1024)) {
      throw new KadrtcError('INVALID_ARGUMENT', 'payload is a Uint8Array of at most 1,024 bytes')
    }
    return this.#node.ping(nodeId(peer, 'peer'), options)
  }

  /** A plain object that says what the node is doing: links with reason, round trip and bucket; records; counters. */
  inspect(): Inspection {
    return this.#node.inspect()
  }

  /** Says goodbye, hands nothing back, lets go of everything. Closing twice does nothing. */
  close(): Promise<void> {
    this.#closing ??= this.#node.close().finally(() => {
      this.#release()
      this.emit('status', 'closed')
      this.removeAllListeners()
    })
    return this.#closing
  }

  /** Tells the app's listeners, and keeps the last 16 for those that come later. */
  warn(error: KadrtcError): void {
    this.#warnings = [...this.#warnings, error].slice(-16)
    this.emit('warning', error)
  }

  /** The latest warnings, oldest first: those told before anybody listened are here too. */
  get warnings(): readonly KadrtcError[] {
    return this.#warnings
  }

  #records(options: OperationOptions) {
    this.#check(options)
    return this.#node.records
  }

  #check(options: OperationOptions): void {
    if (this.#closing) throw new KadrtcError('CLOSED', 'the node')
    if (typeof options !== 'object' || options === null) {
      throw new KadrtcError('INVALID_ARGUMENT', 'the last argument is an object such as { timeoutMs }')
    }
    checkSignal(options.signal)
  }
}

function keyId(key: Key): Id {
  const valid = (typeof key === 'string' || key instanceof Uint8Array) && key.length > 0
  if (!valid) throw new KadrtcError('INVALID_ARGUMENT', 'a key is text or a Uint8Array, and not empty')
  return keyIdOf(key)
}

function nodeId(hex: string, name: string): Id {
  const valid = typeof hex === 'string' && hex.length === 2 * idBytes && /^[0-9a-f]+$/.test(hex)
  if (!valid) throw new KadrtcError('INVALID_ARGUMENT', `${name} is a node id: 40 hex digits`)
  return idFromHex(hex)
}
