/** What the command line says, as options of the server. Pure: it prints nothing and ends nothing. */
import { parseArgs } from 'node:util'
import { defaultLimits } from '@kadrtc/wire/introduction-server'
import { parseIceArgument } from './ice-servers.js'
import { InvalidOption } from './invalid-option.js'
import type { SignalingServerOptions } from './options.js'

export const usage = `kadrtc-signaling-server [options]

Introduces newcomers to a kadrtc network once, then lets them go.

  --port NUMBER             port to listen on; 0 picks a free one (default 8787)
  --host HOST               address to listen on (default 127.0.0.1)
  --ice URL|JSON            a STUN or TURN server for newcomers, as stun:host:port or as RTCIceServer JSON;
                            may be repeated
  --network NAME            serve this network only; may be repeated (default: any)
  --greeters NUMBER         greeters kept per network (default ${defaultLimits.greetersMax})
  --joins-per-minute NUMBER joins allowed per address (default ${defaultLimits.joinsPerMinute})
  --trusted-proxies NUMBER  reverse proxies in front that append to X-Forwarded-For (default 0)
  --help                    print this
  --version                 print the version

GET /health tells how it is doing.
`

export type Command =
  | { readonly run: 'help' }
  | { readonly run: 'version' }
  | { readonly run: 'serve'; readonly options: SignalingServerOptions }

/** Throws InvalidOption for a flag that is unknown, lacks its value or cannot be read. */
export function parseCommandLine(args: readonly string[]): Command {
  const values = parseFlags(args)
  if (values.help) return { run: 'help' }
  if (values.version) return { run: 'version' }
  const port = wholeNumber('--port', values.port)
  const trustedProxies = wholeNumber('--trusted-proxies', values['trusted-proxies'])
  const greetersMax = wholeNumber('--greeters', values.greeters)
  const joinsPerMinute = wholeNumber('--joins-per-minute', values['joins-per-minute'])
  const options: SignalingServerOptions = {
    ...(port !== undefined && { port }),
    ...(values.host !== undefined && { host: values.host }),
    ...(values.network && { networks: values.network }),
    ...(values.ice && { iceServers: values.ice.flatMap(parseIceArgument) }),
    ...(trustedProxies !== undefined && { trustedProxies }),
    limits: {
      ...(greetersMax !== undefined && { greetersMax }),
      ...(joinsPerMinute !== undefined && { joinsPerMinute }),
    },
  }
  return { run: 'serve', options }
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        ice: { type: 'string', multiple: true },
        network: { type: 'string', multiple: true },
        greeters: { type: 'string' },
        'joins-per-minute': { type: 'string' },
        'trusted-proxies': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
      },
    }).values
  } catch (cause) {
    throw new InvalidOption(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

function wholeNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidOption(`${flag} takes a whole number, not "${text}"`)
}
