/** The list of ICE servers that an introduction server hands out: text from the network, and so not to be trusted. */
import { WireError } from '@kadrtc/wire'

/** More make gathering slower, not better; browsers warn at 5. */
const iceServersMax = 8
const urlsMax = 4

/**
 * A JSON list of RTCIceServer, or the empty text for none. Throws WireError BAD_VALUE for anything else: an entry
 * that the browser would not take makes it throw at every connection.
 */
export function parseIceServers(json: string): RTCIceServer[] {
  if (json === '') return []
  let list: unknown
  try {
    list = JSON.parse(json)
  } catch {
    throw new WireError('BAD_VALUE', 'ICE servers are not JSON')
  }
  if (!Array.isArray(list) || list.length > iceServersMax) throw new WireError('BAD_VALUE', 'ICE servers')
  return list.map(parseIceServer)
}

function parseIceServer(entry: unknown): RTCIceServer {
  if (typeof entry !== 'object' || entry === null) throw new WireError('BAD_VALUE', 'an ICE server')
  const { urls, username, credential } = entry as Record<string, unknown>
  const list = Array.isArray(urls) ? urls : [urls]
  if (list.length === 0 || list.length > urlsMax || !list.every(isIceUrl)) {
    throw new WireError('BAD_VALUE', 'the address of an ICE server')
  }
  if (typeof username === 'string' && typeof credential === 'string') {
    return { urls: list, username, credential }
  }
  if (list.some((url) => url.startsWith('turn'))) throw new WireError('BAD_VALUE', 'TURN without credentials')
  return { urls: list }
}

function isIceUrl(url: unknown): url is string {
  return typeof url === 'string' && /^(stun|stuns|turn|turns):[\w.[\]:-]+(\?transport=(udp|tcp))?$/.test(url)
}
