/** Every option of the server, and the one place that defaults and checks them. */
import { greetersMax as greetersPerWelcomeMax, networkNameBytesMax } from '@kadrtc/wire'
import { defaultLimits, type Limits, type Random } from '@kadrtc/wire/introduction-server'
import { type Clock, systemClock } from './clock.js'
import { encodeIceServers, type IceServer } from './ice-servers.js'
import { InvalidOption } from './invalid-option.js'
import { systemRandom } from './random.js'

export interface SignalingServerOptions {
  /** Default '127.0.0.1': a port open to the world is a decision, so it has to be asked for. */
  readonly host?: string
  /** Default 8787. 0 picks a free one. */
  readonly port?: number
  /** Names of the networks that are served; others are refused as `wrong-network`. Default: any. */
  readonly networks?: readonly string[]
  /** STUN and TURN servers that every newcomer is told of. Default: none. */
  readonly iceServers?: readonly IceServer[]
  /** How many reverse proxies in front append to X-Forwarded-For. Default 0: the header is not believed. */
  readonly trustedProxies?: number
  readonly limits?: Partial<Limits>
  /** Default: the platform's monotonic clock. */
  readonly clock?: Clock
  /** Nonces, and choices among greeters. Default: the platform's cryptographic randomness. */
  readonly random?: Random
}

/** All options, defaulted and checked. */
export interface Settings {
  readonly host: string
  readonly port: number
  /** Undefined: every network is served. */
  readonly networks: ReadonlySet<string> | undefined
  readonly iceServersJson: string
  readonly trustedProxies: number
  readonly limits: Limits
  readonly clock: Clock
  readonly random: Random
}

/** Throws InvalidOption. */
export function resolveOptions(options: SignalingServerOptions): Settings {
  const port = options.port ?? 8787
  checkWholeNumber('port', port, 0, 65_535)
  const trustedProxies = options.trustedProxies ?? 0
  checkWholeNumber('trustedProxies', trustedProxies, 0, 10)
  if (options.networks?.length === 0) throw new InvalidOption('networks is empty: nobody could join')
  for (const network of options.networks ?? []) checkNetworkName(network)
  const host = options.host ?? '127.0.0.1'
  if (host === '') throw new InvalidOption('host is empty; 0.0.0.0 or :: listens on every address')
  return {
    host,
    port,
    networks: options.networks && new Set(options.networks),
    iceServersJson: encodeIceServers(options.iceServers ?? []),
    trustedProxies,
    limits: resolveLimits(options.limits ?? {}),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  }
}

function resolveLimits(overrides: Partial<Limits>): Limits {
  const limits: Limits = { ...defaultLimits, ...overrides }
  const { messages, ...counts } = limits
  for (const [name, value] of Object.entries(counts)) checkWholeNumber(name, value, 1)
  checkWholeNumber('greetersPerWelcome', limits.greetersPerWelcome, 1, greetersPerWelcomeMax)
  if (!(messages.perSecond > 0 && messages.burst >= 1)) {
    throw new InvalidOption('messages needs a perSecond above 0 and a burst of at least 1')
  }
  return limits
}

function checkNetworkName(name: string): void {
  const bytes = Buffer.byteLength(name)
  if (bytes >= 1 && bytes <= networkNameBytesMax) return
  throw new InvalidOption(`network name "${name}" must have 1 to ${networkNameBytesMax} bytes`)
}

function checkWholeNumber(name: string, value: number, min: number, max = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
  throw new InvalidOption(`${name} must be a whole number ${range}, not ${value}`)
}
