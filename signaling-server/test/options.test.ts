import { describe, expect, it } from 'vitest'
import { parseCommandLine } from '../src/command-line.js'
import { InvalidOption, type SignalingServerOptions } from '../src/index.js'
import { resolveOptions } from '../src/options.js'

const turn = { urls: ['turn:turn.example:3478?transport=tcp'], username: 'u', credential: 'c' }

describe('options', () => {
  it('have a default each', () => {
    const settings = resolveOptions({})
    expect(settings).toMatchObject({ host: '127.0.0.1', networks: undefined, iceServersJson: '' })
    expect(settings.limits).toMatchObject({ payloadBytesMax: 16_384, joinsPerMinute: 20, greetersMax: 32 })
  })

  it('hand ICE servers out as given', () => {
    const iceServers = [{ urls: 'stun:stun.example' }, turn]
    expect(JSON.parse(resolveOptions({ iceServers }).iceServersJson)).toEqual(iceServers)
  })

  const refused: [string, SignalingServerOptions, RegExp][] = [
    ['a port that is none', { port: 65_536 }, /port/],
    ['an empty host', { host: '' }, /host/],
    ['an empty list of networks', { networks: [] }, /networks/],
    ['a network without a name', { networks: [''] }, /network name/],
    ['a network name that is too long', { networks: ['é'.repeat(33)] }, /network name/],
    ['a limit of zero', { limits: { greetersMax: 0 } }, /greetersMax/],
    ['a limit that is no number', { limits: { clientsMax: Number.NaN } }, /clientsMax/],
    ['more greeters in a welcome than fit', { limits: { greetersPerWelcome: 17 } }, /greetersPerWelcome/],
    ['a rate of nothing', { limits: { messages: { perSecond: 0, burst: 1 } } }, /messages/],
    ['an ICE server without urls', { iceServers: [{ urls: [] }] }, /urls/],
    ['an ICE server that is a web page', { iceServers: [{ urls: 'https://example.org' }] }, /url/],
    ['TURN without credentials', { iceServers: [{ urls: 'turn:turn.example' }] }, /credential/],
    ['ICE servers beyond a message', { iceServers: Array(50).fill(turn) }, /bytes/],
  ]
  it.each(refused)('refuse %s', (_, options, message) => {
    expect(() => resolveOptions(options)).toThrow(InvalidOption)
    expect(() => resolveOptions(options)).toThrow(message)
  })
})

describe('the command line', () => {
  it('serves with no flags at all', () => {
    expect(parseCommandLine([])).toEqual({ run: 'serve', options: { limits: {} } })
  })

  it('knows every flag, and repeats some', () => {
    const args = ['--port', '0', '--host', '::1', '--network', 'a', '--network', 'b', '--greeters', '4']
    args.push('--joins-per-minute=600', '--trusted-proxies', '1')
    args.push(
      '--ice',
      'stun:stun.example:3478',
      '--ice',
      JSON.stringify([turn, { urls: 'stuns:[::1]:5349' }]),
    )
    expect(parseCommandLine(args)).toEqual({
      run: 'serve',
      options: {
        port: 0,
        host: '::1',
        networks: ['a', 'b'],
        iceServers: [{ urls: 'stun:stun.example:3478' }, turn, { urls: 'stuns:[::1]:5349' }],
        trustedProxies: 1,
        limits: { greetersMax: 4, joinsPerMinute: 600 },
      },
    })
  })

  it('tells help and version from serving', () => {
    expect(parseCommandLine(['--help']).run).toBe('help')
    expect(parseCommandLine(['--version', '--port', '1']).run).toBe('version')
  })

  it.each([
    ['an unknown flag', ['--prot', '1']],
    ['a word that is no flag', ['serve']],
    ['a flag without its value', ['--port']],
    ['a number that is none', ['--port', '80x']],
    ['a negative number', ['--greeters=-1']],
    ['JSON that breaks off', ['--ice', '{"urls":']],
    ['JSON that is no server', ['--ice', '[1]']],
    [
      'an ICE server with a property that browsers do not know',
      ['--ice', '{"url":"stun:a","urls":"stun:a"}'],
    ],
    ['a username that is no string', ['--ice', '{"urls":"stun:a","username":1}']],
  ])('refuses %s', (_, args) => {
    expect(() => parseCommandLine(args)).toThrow(InvalidOption)
  })

  it('does not repeat credentials in an error', () => {
    const secret = '{"urls":"turn:a","username":"u","credential":"hunter2"'
    expect(() => parseCommandLine(['--ice', secret])).toThrow(/^(?!.*hunter2)/)
    expect(() => parseCommandLine(['--ice', '{"urls":"bad","credential":"hunter2"}'])).toThrow(
      /^(?!.*hunter2)/,
    )
  })
})
