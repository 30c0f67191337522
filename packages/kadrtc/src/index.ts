/**
 * kadrtc: a Kademlia distributed hash table whose nodes are browser tabs.
 *
 *   const node = await createNode({ network: 'my-app', bootstrap: ['wss://intro.example'] })
 *   await node.put('greeting', 'hello')
 *   await node.get('greeting')
 */
export {
  type ErrorCode,
  errorCodes,
  type Inspection,
  KadrtcError,
  type LinkInspection,
  type NodeStatus,
} from '@kadrtc/node'
export { AppChannel, type AppChannelEvents } from './app-channel.js'
export { createNode } from './create-node.js'
export {
  type AuthoredValue,
  type GetOptions,
  type KadrtcEvents,
  KadrtcNode,
  type Key,
  type PutOptions,
  type PutResult,
  type VerbOptions,
} from './kadrtc-node.js'
export type { CreateNodeOptions } from './options.js'
export type { JsonValue, Value } from './value-format.js'
