import { describe, expect, test } from 'vitest'
import type { OperationEvent, SimEvent } from '../command/events.js'
import type { SimOptions } from '../command/options.js'
import { quantile } from '../command/quantiles.js'
import { reportHtml } from '../command/report-html.js'
import { reportText } from '../command/report-text.js'

const options: SimOptions = {
  nodes: 40,
  seed: '<7>',
  churnMs: 600_000,
  churnShape: 1,
  sessions: undefined,
  crashes: 100,
  minutes: 5,
  lookups: 4,
  valueBytes: 100,
  latencyMs: 80,
  jitter: 10,
  nat: 0,
  faults: [],
  trace: false,
  json: false,
  html: undefined,
}

const operation = (
  kind: 'put' | 'get',
  tookMs: number,
  outcome: OperationEvent['outcome'] = 'ok',
): OperationEvent => ({ kind, atMs: 100_000, tookMs, outcome, directMs: 50 })

const events: readonly SimEvent[] = [
  {
    kind: 'size',
    nodes: 16,
    atMs: 1_000,
    linksP50: 13,
    linksP99: 15,
    getsFound: 49,
    gets: 50,
    getsAsked: 60,
    getP50Ms: 60.2,
    getP90Ms: 91,
    directP50Ms: null,
    greedyP50Ms: 55,
    dialingP50Ms: 555,
    hopsMean: 1.234,
  },
  {
    kind: 'traffic',
    phase: 'resting',
    seconds: 30,
    messagesPerNodePerSecond: 1.234,
    bytesPerNodePerSecond: 321.9,
    connectionsOpened: 7,
  },
  operation('put', 300),
  { ...operation('get', 10), greedyMs: 66, dialingMs: 777 },
  operation('get', 20),
  operation('get', 30),
  operation('get', 15_000, 'failed'),
  operation('get', 20_000, 'interrupted'),
  { kind: 'survival', minute: 0, values: 4, alive: 4, replicasMean: 20, departures: 0 },
  { kind: 'survival', minute: 5, values: 4, alive: 3, replicasMean: 12.5, departures: 9 },
  {
    kind: 'summary',
    seed: '<7>',
    nodes: 40,
    joined: 39,
    failedStarts: 1,
    linksP50: 20,
    linksP99: 31,
    puts: { asked: 4, counted: 1, interrupted: 0, notBegun: 3 },
    gets: { asked: 6, counted: 4, interrupted: 1, notBegun: 1 },
    departures: 9,
    arrivals: 9,
    virtualMs: 100_000,
    realMs: 10_000,
  },
]

test('a quantile is one of the values, by nearest rank', () => {
  const values = [4, 1, 3, 2]
  expect([0, 0.25, 0.5, 0.51, 0.99, 1].map((fraction) => quantile(values, fraction))).toEqual([
    1, 1, 2, 3, 4, 4,
  ])
  expect(quantile([], 0.5)).toBeUndefined()
  expect(values).toEqual([4, 1, 3, 2])
})

describe('the text', () => {
  const text = reportText(options, events)
  const lineOf = (start: string) => text.split('\n').find((line) => line.startsWith(start))

  test('tells of the network, its time and its links', () => {
    expect(lineOf('network')).toBe('network  40 nodes, 39 joined, 1 starts failed, seed <7>')
    expect(lineOf('time')).toBe('time     1:40 virtual in 0:10 real, 10.0 times as fast')
    expect(lineOf('links')).toBe('links    p50 20, p99 31')
    expect(lineOf('resting')).toContain(
      '1.23 messages and 322 bytes per node and second, 7 connections opened',
    )
  })

  test('latencies are of those that succeeded; who departed counts neither way', () => {
    expect(lineOf('get')?.split(/\s{2,}/)).toEqual(['get', '20 ms', '30 ms', '30 ms', '75.0 %', '4'])
    expect(lineOf('put')).toMatch(/100\.0 % +1$/)
    expect(lineOf('direct')).toContain('50 ms')
  })

  test('beside the gets is what an oracle says of them, and on what nodes', () => {
    expect(lineOf('direct ')?.split(/\s{2,}/)).toEqual(['direct', '50 ms', '50 ms', '50 ms', '4'])
    expect(lineOf('greedy')?.split(/\s{2,}/)).toEqual(['greedy', '66 ms', '66 ms', '66 ms', '1'])
    expect(lineOf('dialing')?.split(/\s{2,}/)).toEqual(['dialing', '777 ms', '777 ms', '777 ms', '1'])
    expect(text).toContain('of an ideal network of the nodes that were up when a get was asked')
    const page = reportHtml(options, events)
    expect(page).toContain('of an ideal network of the nodes that were up when a get was asked')
    const cells = (name: string, ms: number) =>
      `<td>${name}</td><td>1</td>${`<td>${ms}</td>`.repeat(3)}<td></td>`
    expect(page).toContain(cells('greedy', 66))
    expect(page).toContain(cells('dialing', 777))
    expect(page).toContain('<td>-</td><td>55</td><td>555</td>')
  })

  test('sizes and survival have a line each', () => {
    expect(lineOf('16')?.split(/\s{2,}/)).toEqual([
      '16',
      '13',
      '15',
      '60 ms',
      '91 ms',
      '-',
      '55 ms',
      '555 ms',
      '98.0 %',
      '50 of 60',
      '1.23',
    ])
    expect(lineOf('5.0')?.split(/\s{2,}/)).toEqual(['5.0', '9', '75.0 %', '12.5'])
  })

  test('what was asked for and does not count is said, with the reason', () => {
    const lines = [
      'Of 4 puts that were asked for 1 count; never begun: 3, since no node had joined or nothing was stored.',
      'Of 6 gets that were asked for 4 count; never begun: 1, since no node had joined or nothing was stored; interrupted: 1, since the node that asked departed or froze.',
    ]
    for (const line of lines) {
      expect(text).toContain(`\n${line}\n`)
      expect(reportHtml(options, events)).toContain(`<p>${line}</p>`)
    }
    const whole = events.map((event) =>
      event.kind === 'summary'
        ? { ...event, puts: { asked: 1, counted: 1, interrupted: 0, notBegun: 0 }, gets: event.puts }
        : event,
    )
    expect(reportText(options, whole)).not.toMatch(/^Of 1 puts/m)
  })

  test('hops are told where some were traced', () => {
    expect(text).not.toMatch(/^hops/m)
    const told = events.map((event) => (event.kind === 'get' ? { ...event, hops: 2 } : event))
    expect(reportText(options, told)).toMatch(/^hops +2 +2 +2$/m)
  })

  test('faults that struck are told', () => {
    const struck: SimEvent[] = [
      { kind: 'fault', atMs: 61_000, fault: 'freeze 5%:1m@1m', nodes: 3 },
      { kind: 'fault', atMs: 62_000, fault: 'delay 5%:1s' },
    ]
    const told = reportText(options, [...struck, ...events])
    expect(told).toMatch(/^fault {4}freeze 5%:1m@1m struck 3 nodes at 1:01$/m)
    expect(told).toMatch(/^fault {4}delay 5%:1s struck messages at 1:02$/m)
    expect(reportHtml(options, [...struck, ...events])).toContain(
      '<dt>fault at 1:01</dt><dd>freeze 5%:1m@1m, 3 nodes</dd>',
    )
  })

  test('the hash of the trace is told where it was asked for', () => {
    expect(text).not.toMatch(/^trace/m)
    const traced = events.map((event) => (event.kind === 'summary' ? { ...event, trace: '0f1e' } : event))
    expect(reportText(options, traced)).toMatch(/^trace {4}0f1e$/m)
    expect(reportHtml(options, traced)).toContain('<dt>trace</dt><dd>0f1e</dd>')
  })

  test('ends with the command that gives it again', () => {
    expect(text.trimEnd().split('\n').at(-1)).toContain("npm run sim -- --nodes 40 --seed '<7>' --churn 10m")
  })
})

describe('the page', () => {
  const page = reportHtml(options, events)

  test('has four plots that scale with the page', () => {
    const drawings = page.match(/<svg [^>]*>/g) ?? []
    expect(drawings).toHaveLength(4)
    for (const drawing of drawings) {
      expect(drawing).toMatch(/viewBox="0 0 \d+ \d+"/)
      expect(drawing).not.toMatch(/ (width|height)=/)
    }
    expect(page).toMatch(/figure svg \{[^}]*width: 100%/)
    expect(page).toContain('width=device-width')
    // A line for each of: get, put, direct; get p50, get p90; hops; living replicas, gets that found theirs.
    expect(page.match(/<path [^>]*class="stroke-(first|second|third)"/g)?.length).toBeGreaterThanOrEqual(8)
  })

  test('takes every colour from a variable that light and dark set', () => {
    for (const digit of [1, 2, 3, 4, 5, 6]) expect(page).not.toContain(`#0${digit}0${digit}0${digit}`)
    expect(page).toContain('prefers-color-scheme: dark')
    const used = new Set([...page.matchAll(/var\(--([a-z]+)\)/g)].map(([, name]) => name))
    for (const name of used) expect(page.match(new RegExp(`--${name}: `, 'g'))).toHaveLength(2)
  })

  test('needs nothing from outside, and runs nothing', () => {
    expect(page).not.toMatch(/<script|<link rel="stylesheet"|@import|url\((?!#)/)
    const addresses = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address)
    expect(addresses).toEqual(['data:,'])
  })

  test('shows what was given as text, never as markup', () => {
    expect(page).not.toContain('<7>')
    expect(page).toContain('&#60;7&#62;')
  })

  test('has the numbers of the text', () => {
    for (const cell of ['75.0 %', '98.0 %', '1.23', '322']) expect(page).toContain(`<td>${cell}</td>`)
  })

  test('says so where there is nothing to plot', () => {
    const bare = events.filter(({ kind }) => kind === 'summary')
    expect(reportHtml(options, bare).match(/Nothing to show/g)).toHaveLength(4)
  })
})
