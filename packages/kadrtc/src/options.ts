import { type CancelSignal, KadrtcError, type Settings } from '@kadrtc/node'

/** What `createNode` takes. Only `network` is required. */
export interface CreateNodeOptions {
  /** Nodes of different networks never meet. 1 to 64 bytes of text. */
  readonly network: string
  /** Addresses of introduction servers, `wss://…` (or `ws://` on localhost). Default: none; tabs of this origin still meet. */
  readonly bootstrap?: readonly string[]
  /** STUN and TURN servers. Default: what the introduction server hands out. */
  readonly iceServers?: readonly RTCIceServer[]
  /** Replicas of each record, 1 to 20. The same in all nodes of a network. Default 20. */
  readonly k?: number
  /** Resolve as 'alone' when nobody can be reached, and go on trying, instead of rejecting. Default false. */
  readonly allowAlone?: boolean
  /** Meet tabs of this origin over BroadcastChannel. Default true. */
  readonly broadcast?: boolean
  /** 'memory' keeps nothing over a reload, identity included. Default 'indexeddb'. */
  readonly storage?: 'indexeddb' | 'memory'
  /** How long joining may take before createNode rejects, in ms. Default 10,000. */
  readonly joinTimeoutMs?: number
  /** RTCPeerConnections that may be constructed per minute, above a burst of 64. Default 30. */
  readonly constructionsPerMinute?: number
  /** The node's numbers, each with its reason in @kadrtc/node's settings. */
  readonly limits?: Partial<Settings>
  /** Aborting it rejects createNode with the signal's reason and leaves nothing running. */
  readonly signal?: AbortSignal
  /** Told of warnings from the first moment on, before there is a node to listen to. */
  readonly onWarning?: (error: KadrtcError) => void
}

const known: readonly (keyof CreateNodeOptions)[] = [
  'network',
  'bootstrap',
  'iceServers',
  'k',
  'allowAlone',
  'broadcast',
  'storage',
  'joinTimeoutMs',
  'constructionsPerMinute',
  'limits',
  'signal',
  'onWarning',
]

/** Throws INVALID_ARGUMENT that names the option and what it should be. */
export function checkOptions(options: CreateNodeOptions): void {
  if (typeof options !== 'object' || options === null)
    refuse('createNode takes an object with at least { network }')
  for (const name of Object.keys(options)) {
    if (!(known as readonly string[]).includes(name)) refuse(`createNode has no option ${name}`)
  }
  const { network, bootstrap, iceServers, k, storage, joinTimeoutMs, constructionsPerMinute } = options
  const networkBytes = typeof network === 'string' ? new TextEncoder().encode(network).length : 0
  if (networkBytes < 1 || networkBytes > 64) refuse('network must be 1 to 64 bytes of text')
  if (bootstrap !== undefined) checkBootstrap(bootstrap)
  if (iceServers !== undefined && !Array.isArray(iceServers))
    refuse('iceServers must be an array of RTCIceServer')
  if (k !== undefined && !(Number.isInteger(k) && k >= 1 && k <= 20))
    refuse('k must be an integer from 1 to 20')
  if (storage !== undefined && storage !== 'indexeddb' && storage !== 'memory')
    refuse("storage is 'indexeddb' or 'memory'")
  for (const [name, value] of Object.entries({ joinTimeoutMs, constructionsPerMinute })) {
    if (value !== undefined && !(typeof value === 'number' && value > 0))
      refuse(`${name} must be a number above 0`)
  }
  checkSignal(options.signal)
}

/** Throws INVALID_ARGUMENT unless it is an AbortSignal or left out. */
export function checkSignal(signal: CancelSignal | undefined): void {
  const looksRight = signal === undefined || typeof signal?.addEventListener === 'function'
  if (!looksRight) refuse('signal must be an AbortSignal')
}

function checkBootstrap(bootstrap: readonly string[]): void {
  if (!Array.isArray(bootstrap)) refuse('bootstrap must be an array of wss:// addresses')
  for (const address of bootstrap) {
    const url = typeof address === 'string' && URL.canParse(address) ? new URL(address) : undefined
    if (url?.protocol !== 'ws:' && url?.protocol !== 'wss:')
      refuse(`${String(address)} is no ws:// or wss:// address`)
  }
}

function refuse(detail: string): never {
  throw new KadrtcError('INVALID_ARGUMENT', detail)
}
