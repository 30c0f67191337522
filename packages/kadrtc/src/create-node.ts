/** Puts a node together out of its rooms: identity slot, stores, transport, introducers. Composition only. */
import {
  claimIdentitySlot,
  createIdentity,
  loadCertificate,
  loadIdentity,
  openRecordStore,
} from '@kadrtc/indexeddb'
import { type Introducer, KadNode, type KadrtcError, MemoryRecordStore, throwIfCancelled } from '@kadrtc/node'
import {
  broadcastChannelIntroducer,
  createWebRtcTransport,
  type WebRtcTransport,
  webSocketIntroducer,
} from '@kadrtc/webrtc'
import { KadrtcNode } from './kadrtc-node.js'
import { type CreateNodeOptions, checkOptions } from './options.js'
import { isPhone, platformClock, platformRandom, requirePlatform } from './platform.js'

/** Default budget of links on a phone. */
const linksMaxOnPhone = 24

/**
 * Makes a node and joins the network. Resolves when it has a link and knows its neighbourhood (`status` 'joined'),
 * or when nobody else is there ('alone').
 *
 * Rejects with INVALID_ARGUMENT, NO_WEBRTC, NO_SECURE_CONTEXT, SERVER_UNREACHABLE (no server and no other tab answered
 * within `joinTimeoutMs`; with `allowAlone` it resolves and goes on trying), SERVER_REFUSED, WRONG_NETWORK, TIMEOUT, or
 * the reason of `signal`. Nothing is left running then.
 */
export async function createNode(options: CreateNodeOptions): Promise<KadrtcNode> {
  checkOptions(options)
  const { signal } = options
  throwIfCancelled(signal)
  requirePlatform()
  const release: (() => void)[] = []
  const letGo = () => {
    for (const free of release.splice(0)) free()
  }
  const warnings = new Warnings(options.onWarning)
  try {
    const parts = await openParts(options, (warning) => warnings.tell(warning), release)
    throwIfCancelled(signal)
    const { identity, records, published, transport } = parts
    const kad = new KadNode({
      network: options.network,
      identity,
      transport,
      introducers: introducersOf(options, transport),
      records,
      published,
      clock: platformClock(),
      random: platformRandom(),
      settings: settingsOf(options),
    })
    const node = new KadrtcNode(kad, letGo)
    warnings.forward(node)
    const sayGoodbye = () => transport.goodbye()
    globalThis.addEventListener('pagehide', sayGoodbye)
    release.push(() => globalThis.removeEventListener('pagehide', sayGoodbye))
    try {
      await kad.start({
        signal,
        ...(options.allowAlone === undefined ? {} : { allowAlone: options.allowAlone }),
        ...(options.joinTimeoutMs === undefined ? {} : { timeoutMs: options.joinTimeoutMs }),
      })
    } catch (error) {
      await node.close()
      throw error
    }
    return node
  } catch (error) {
    letGo()
    throw error
  }
}

/** Opens what lies on disk, all at once: a tab that joins should wait for the slowest alone. */
async function openParts(
  options: CreateNodeOptions,
  onWarning: (warning: KadrtcError) => void,
  release: (() => void)[],
) {
  const { network } = options
  const inMemory = options.storage === 'memory'
  const slot = inMemory ? undefined : await claimIdentitySlot({ network, onWarning })
  if (slot) release.push(() => slot.release())
  const database = (purpose: 'records' | 'published' | 'identity') => slot?.database(purpose)
  const [identity, certificate, records, published] = await Promise.all([
    inMemory ? createIdentity() : loadIdentity({ database: database('identity'), onWarning }),
    loadCertificate({ database: database('identity') }),
    inMemory ? new MemoryRecordStore() : openRecordStore({ database: database('records'), onWarning }),
    inMemory ? new MemoryRecordStore() : openRecordStore({ database: database('published'), onWarning }),
  ])
  const { iceServers, constructionsPerMinute } = options
  const transport = createWebRtcTransport({
    identity,
    network,
    certificate,
    ...(iceServers ? { iceServers: [...iceServers] } : {}),
    ...(constructionsPerMinute ? { limits: { construction: { perMinute: constructionsPerMinute } } } : {}),
  })
  return { identity, records, published, transport }
}

function introducersOf(options: CreateNodeOptions, transport: WebRtcTransport): Introducer[] {
  const onIceServers = (servers: RTCIceServer[]) => {
    if (!options.iceServers) transport.setIceServers(servers)
  }
  const introducers: Introducer[] = (options.bootstrap ?? []).map((url) =>
    webSocketIntroducer(url, { onIceServers }),
  )
  const broadcast = (options.broadcast ?? true) && typeof BroadcastChannel === 'function'
  if (broadcast) introducers.push(broadcastChannelIntroducer())
  return introducers
}

function settingsOf({ limits, k }: CreateNodeOptions) {
  return {
    ...(isPhone() ? { linksMax: linksMaxOnPhone } : {}),
    ...(k === undefined ? {} : { k }),
    ...limits,
  }
}

/** Before there is a node, warnings reach `onWarning` alone; from then on the node's listeners too. */
class Warnings {
  #node: KadrtcNode | undefined

  constructor(readonly onWarning: ((warning: KadrtcError) => void) | undefined) {}

  tell(warning: KadrtcError): void {
    if (this.#node) this.#node.warn(warning)
    else this.onWarning?.(warning)
  }

  forward(node: KadrtcNode): void {
    this.#node = node
    if (this.onWarning) node.on('warning', this.onWarning)
  }
}
