/**
 * What a TypeScript app may write, and what the types must refuse: were anything here `any`, a line that expects an
 * error would find none. Compiled in an app's folder, against the declarations that are published.
 */
import {
  AppChannel,
  type AppChannelEvents,
  type AuthoredValue,
  type CreateNodeOptions,
  createNode,
  type ErrorCode,
  errorCodes,
  type GetOptions,
  type Inspection,
  type JsonValue,
  KadrtcError,
  type KadrtcEvents,
  KadrtcNode,
  type Key,
  type LinkInspection,
  type NodeStatus,
  type PutOptions,
  type PutResult,
  type Value,
  type VerbOptions,
} from 'kadrtc'

export async function useEverything(options: CreateNodeOptions, key: Key, value: Value): Promise<Inspection> {
  const node: KadrtcNode = await createNode(options)
  const status: NodeStatus = node.status
  const verb: VerbOptions = { timeoutMs: 1000, signal: new AbortController().signal }
  const swap: PutOptions = { ...verb, ifSeq: 0 }
  const first: GetOptions = { ...verb, first: true }
  const { seq, stored, wanted }: PutResult = await node.put(key, value, swap)
  const newest: Value | undefined = await node.get(key, first)
  const authors: AuthoredValue[] = await node.getAll(key)
  const bytes: Uint8Array | undefined = await node.fetch(await node.add(new Uint8Array(1)))
  const channel = await node.connect(node.id, verb)
  channel.on('message', (message: Value) => channel.send(message))
  const { links }: Inspection = node.inspect()
  const peers = links.map((link: LinkInspection): string => link.peer)
  const json: JsonValue = {
    status,
    seq,
    stored,
    wanted,
    authors: authors.length,
    bytes: bytes?.length ?? 0,
    peers,
  }
  node.on('warning', (error) => console.log(error.code, errorCodes[error.code], newest, json))
  await node.close()
  return node.inspect()
}

export function codeOf(error: unknown): ErrorCode | undefined {
  return error instanceof KadrtcError ? error.code : undefined
}

export type Listener = KadrtcEvents['channel']
export type Closed = AppChannelEvents['close']
export const classes = [AppChannel, KadrtcNode] as const

export async function misuse(node: KadrtcNode, channel: AppChannel): Promise<void> {
  // @ts-expect-error: the network has to be named.
  await createNode({})
  // @ts-expect-error: there is no such option.
  await createNode({ network: 'app', servers: [] })
  // @ts-expect-error: a function is no value.
  await node.put('key', () => 1)
  // @ts-expect-error: what was got may be undefined.
  const length: number = (await node.get('key', {})).length
  // @ts-expect-error: there is no such event.
  node.on('connected', () => length)
  // @ts-expect-error: a date is no message.
  channel.send(new Date())
}
