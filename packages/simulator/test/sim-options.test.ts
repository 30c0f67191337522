import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { OptionsError } from '../command/arguments.js'
import { clockText, durationText, parseDurationMs } from '../command/duration.js'
import { faultKinds } from '../command/fault-options.js'
import { commandLineOf, parseOptions, type SimOptions, usage } from '../command/options.js'
import { parseSoakOptions, soakCommandLineOf, soakUsage } from '../command/soak-options.js'

const newSeed = () => 'drawn'

function parsed(...args: string[]): SimOptions {
  const options = parseOptions(args, newSeed)
  if (options === 'help') throw new Error('help was not asked for')
  return options
}

describe('the command line of sim', () => {
  test('says what is to be simulated', () => {
    const line =
      '--nodes 10000 --seed 7 --churn 10m --churn-shape 0.5 --crashes 80 --minutes 2.5 --lookups 20 --value-bytes 0 --json --html report.html --latency-ms 50 --jitter 0 --nat 12 --trace'
    expect(parsed(...line.split(' '))).toEqual({
      nodes: 10_000,
      seed: '7',
      churnMs: 600_000,
      churnShape: 0.5,
      sessions: undefined,
      crashes: 80,
      minutes: 2.5,
      lookups: 20,
      valueBytes: 0,
      latencyMs: 50,
      jitter: 0,
      nat: 12,
      faults: [],
      trace: true,
      json: true,
      html: 'report.html',
    })
  })

  test('a seed is drawn when none is given', () => {
    expect(parsed().seed).toBe('drawn')
    expect(parsed('--seed', 'mine').seed).toBe('mine')
  })

  test('8 % of all pairs cannot connect unless something else is said', () => {
    expect(parsed().nat).toBe(8)
    expect(usage).toMatch(/--nat P .*\(8\)$/m)
  })

  test('a fault has a share, a measure and a time, some of them with defaults', () => {
    expect(parsed('--freeze', '10%@1m').faults).toEqual([
      { kind: 'freeze', percent: 10, ms: 60_000, atMs: 60_000 },
    ])
    expect(parsed('--partition', '30s@2m').faults).toEqual([
      { kind: 'partition', percent: 50, ms: 30_000, atMs: 120_000 },
    ])
    expect(parsed('--lying', '5%').faults).toEqual([
      { kind: 'lying', percent: 5, ms: 0, atMs: 0, lies: ['drop', 'misroute', 'mislead'] },
    ])
  })

  test('the help names each fault', () => {
    for (const kind of faultKinds) expect(usage).toMatch(new RegExp(`^  --${kind} `, 'm'))
  })

  test('each command of the README can be read', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
    const lines = [...readme.matchAll(/^npm run (?:--silent )?sim -- ([^#\n]*)/gm)].map(([, args]) => args!)
    expect(lines.length).toBeGreaterThan(5)
    for (const line of lines) expect(parsed(...line.trim().split(/ +/)).nodes).toBeGreaterThan(0)
  })

  test('help goes before all else', () => {
    expect(parseOptions(['--help'], newSeed)).toBe('help')
    expect(parseOptions(['-h', '--nodes', 'many'], newSeed)).toBe('help')
  })

  test.each([
    [['--nodes', 'many'], '--nodes is a whole number from 2 to 1000000, not "many"'],
    [['--nodes', '1'], '--nodes'],
    [['--nodes', '2.5'], '--nodes'],
    [['--nodes', ''], '--nodes'],
    [['--nat', '101'], '--nat is a number from 0 to 100'],
    [['--minutes', '1e9'], '--minutes'],
    [['--churn', '10'], '--churn is a duration like 10m'],
    [['--churn', '0s'], '--churn'],
    [['--seed', ''], '--seed is empty'],
    [['--freeze', '10%'], '--freeze is like 10%@1m or 10%:30s@1m, not "10%"'],
    [['--freeze', '1m@1m'], '--freeze is like'],
    [['--freeze', '10%:30s:30s@1m'], '--freeze is like'],
    [['--hang', '10%:30s@1m'], '--hang is like 10%@1m'],
    [['--slow', '10%'], '--slow is like 10%:300ms'],
    [['--slow', '10%:300ms@1m'], '--slow is like'],
    [['--slow', '0%:300ms'], '--slow is of more than 0 % and up to 100 %'],
    [['--mass-leave', '101%@1m'], '--mass-leave is of more than 0 % and up to 100 %'],
    [['--lying', '5%:shout'], '--lying is like 5% or 5%:drop+mislead'],
    [['--slow', '1%:1s', '--slow', '2%:1s'], '--slow is given once'],
    [['--freeze', '10%@5m'], '--freeze at 5m would come after the end: --minutes is 5'],
    [['--partition', '1m@1m', '--partition-one-way', '1m@2m'], 'One partition ends before the next'],
    [['--churn', '1m', '--sessions', 'file'], 'give one'],
    [['--churn-shape', '0.5'], 'needs --churn'],
    [['--knots', '3'], "Unknown option '--knots'"],
    [['--nodes'], '--nodes needs a value after it'],
    [['--nodes', '--json'], '--nodes needs a value after it, not "--json"'],
    [['--nodes', '-5'], '--nodes is a whole number from 2 to 1000000, not "-5"'],
    [['--jitter', '-.5'], '--jitter is a number from 0 to 1000, not "-.5"'],
    [['--json=yes'], 'does not take an argument'],
    [['stray'], 'stray'],
  ])('%j is refused in words', (args, message) => {
    expect(() => parsed(...args)).toThrow(OptionsError)
    expect(() => parsed(...args)).toThrow(message)
  })

  test.each([
    [[]],
    [
      [
        '--seed',
        "it's 7; rm -rf",
        '--churn',
        '90s',
        '--churn-shape',
        '0.4',
        '--trace',
        '--json',
        '--html',
        'my report.html',
      ],
    ],
    [['--seed', '-7', '--html=-x.html']],
    [
      [
        ...['--slow', '10%:300ms', '--skew', '50%:1.5m', '--lying', '2.5%:drop+mislead', '--delay', '1%:2s'],
        ...['--replay', '5%:10s', '--freeze', '10%@1m', '--freeze', '5%:30s@0', '--hang', '1%@90s'],
        ...['--partition', '20s@1m', '--partition-one-way', '10%:20s@2m', '--mass-leave', '50%@3m'],
        ...['--mass-join', '200%@4m', '--minutes', '4.5'],
      ],
    ],
    [['--seed=--json', "--sessions=-it's"]],
    [
      [
        '--sessions',
        'a b.txt',
        '--crashes',
        '0',
        '--nat',
        '12.5',
        '--value-bytes',
        '65536',
        '--jitter',
        '250',
      ],
    ],
  ])('the replaying command of %j asks for the same', (args) => {
    const options = parsed(...args)
    expect(parsed(...wordsOf(commandLineOf(options)))).toEqual(options)
  })
})

describe('the command line of sim:soak', () => {
  test('has a size, a seed and virtual minutes', () => {
    expect(parseSoakOptions(['--nodes', '9', '--minutes', '0.5', '--verbose'], newSeed)).toEqual({
      nodes: 9,
      seed: 'drawn',
      minutes: 0.5,
      verbose: true,
    })
    expect(soakUsage).toMatch(/--minutes M +minutes of virtual time/)
  })

  test('is replayed by its command', () => {
    const command = parseSoakOptions(["--seed=-it's", '--nodes', '12', '--verbose'], newSeed)
    if (command === 'help') throw new Error('help was not asked for')
    expect(parseSoakOptions(wordsOf(soakCommandLineOf(command)), newSeed)).toEqual(command)
  })

  test('a negative number is refused in words', () => {
    expect(() => parseSoakOptions(['--minutes', '-1'], newSeed)).toThrow(
      '--minutes is a number from 0.1 to 100000, not "-1"',
    )
  })
})

describe('durations', () => {
  test.each([
    ['90s', 90_000],
    ['10m', 600_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
    ['2d', 172_800_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms)
    expect(parseDurationMs(durationText(ms))).toBe(ms)
  })

  test.each(['', 'm', '10', '-1m', '1 m', '0s', '1e3s', '10mm'])('%s is none', (text) => {
    expect(parseDurationMs(text)).toBeUndefined()
  })

  test('a clock shows hours only when there are some', () => {
    expect([clockText(0), clockText(61_900), clockText(3_661_000)]).toEqual(['0:00', '1:01', '1:01:01'])
  })
})

/** The words a POSIX shell makes of the line, past `npm run sim --`. */
function wordsOf(line: string): string[] {
  const words: string[] = []
  for (const [word] of line.matchAll(/(?:'[^']*'|\\.|[^\s'\\])+/g)) {
    words.push(
      word.replace(/'([^']*)'|\\(.)/g, (_, quoted?: string, escaped?: string) => quoted ?? escaped ?? ''),
    )
  }
  return words.slice(words.indexOf('--') + 1)
}
