import type { RefusalCode } from '@kadrtc/wire'
import { KadrtcError } from '../errors.js'

/** What a server's refusal is to a node, for every introducer that asks one: SERVER_REFUSED, WRONG_NETWORK or SERVER_UNREACHABLE. */
export function refusalError(code: RefusalCode, detail: string): KadrtcError {
  switch (code) {
    case 'wrong-network':
      return new KadrtcError('WRONG_NETWORK', detail)
    case 'shutting-down':
      return new KadrtcError('SERVER_UNREACHABLE', detail)
    case 'bad-proof':
    case 'rate-limited':
    case 'too-large':
    case 'bad-message':
    case 'version':
    case 'timeout':
    case 'replaced':
      return new KadrtcError('SERVER_REFUSED', detail)
    default:
      return code satisfies never
  }
}
