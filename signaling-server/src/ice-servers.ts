/**
 * The STUN and TURN servers that newcomers are told of. They are checked once, at start: a browser would
 * throw on a bad entry, and then no tab could join.
 */
import { iceServersJsonBytesMax } from '@kadrtc/wire'
import { InvalidOption } from './invalid-option.js'

/** As `RTCIceServer` in the WebRTC specification; handed out as given, credentials included. */
export interface IceServer {
  readonly urls: string | readonly string[]
  readonly username?: string
  readonly credential?: string
}

const iceUrl = /^(stuns?|turns?):[^\s/?#]+(\?transport=(udp|tcp))?$/i

/**
 * One `--ice` argument: a bare `stun:` or `turn:` URL, one server as JSON, or a JSON array of servers.
 * Throws InvalidOption.
 */
export function parseIceArgument(argument: string): readonly IceServer[] {
  const text = argument.trim()
  if (!text.startsWith('{') && !text.startsWith('[')) return [checkIceServer({ urls: text })]
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw new InvalidOption('ICE server is neither a URL nor JSON', { cause })
  }
  return (Array.isArray(parsed) ? parsed : [parsed]).map(checkIceServer)
}

/** The list as a welcome carries it: JSON, or the empty text for none. Throws InvalidOption. */
export function encodeIceServers(servers: readonly IceServer[]): string {
  if (servers.length === 0) return ''
  const json = JSON.stringify(servers.map(checkIceServer))
  if (Buffer.byteLength(json) <= iceServersJsonBytesMax) return json
  throw new InvalidOption(`the ICE servers take more than ${iceServersJsonBytesMax} bytes as JSON`)
}

/** The same server, known to be one that RTCPeerConnection accepts. Throws InvalidOption. */
function checkIceServer(candidate: unknown): IceServer {
  // Whoever reads the message configured the server, but it may end up in a log: no credentials in it.
  const refuse = (why: string) => new InvalidOption(`ICE server ${why}`)
  if (typeof candidate !== 'object' || candidate === null) throw refuse('is not an object')
  const { urls, username, credential, ...rest } = candidate as Record<string, unknown>
  const unknown = Object.keys(rest)[0]
  if (unknown !== undefined) throw refuse(`has an unknown property "${unknown}"`)
  const list: unknown[] = Array.isArray(urls) ? urls : [urls]
  if (list.length === 0) throw refuse('has no urls')
  for (const url of list) {
    if (typeof url !== 'string' || !iceUrl.test(url)) {
      throw refuse(`has a bad url ${JSON.stringify(url)}; expected e.g. stun:example.org:3478`)
    }
    const isTurn = /^turn/i.test(url)
    if (isTurn && (typeof username !== 'string' || typeof credential !== 'string')) {
      throw refuse(`${url} needs a username and a credential`)
    }
  }
  for (const [name, value] of Object.entries({ username, credential })) {
    if (value !== undefined && typeof value !== 'string') throw refuse(`has a ${name} that is not a string`)
  }
  return candidate as IceServer
}
