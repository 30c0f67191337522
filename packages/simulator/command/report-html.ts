/**
 * The report as one file with nothing outside it: tables and plots, for wide and narrow windows, light and dark.
 */
import { clockText } from './duration.js'
import { countedOf, eventsOf, type SimEvent } from './events.js'
import { commandLineOf, type SimOptions } from './options.js'
import { type Plot, plotsOf } from './plots.js'
import { quantile } from './quantiles.js'
import { missingLines, shareText } from './report-text.js'
import { idealsOf, idealText } from './sums.js'

type Table = readonly [head: readonly string[], ...rows: (readonly string[])[]]

export function reportHtml(options: SimOptions, events: readonly SimEvent[]): string {
  const [summary] = eventsOf(events, 'summary')
  if (!summary) throw new Error('A report needs a summary')
  const { nodes, joined, seed, virtualMs, realMs, departures, linksP50, linksP99 } = summary
  const facts = [
    ['nodes', `${nodes}, ${joined} joined`],
    ['seed', seed],
    ['virtual time', clockText(virtualMs)],
    ['real time', clockText(realMs)],
    ['links', `p50 ${linksP50}, p99 ${linksP99}`],
    ['departures', String(departures)],
    ...eventsOf(events, 'fault').map(({ fault, nodes, atMs }) => [
      `fault at ${clockText(atMs)}`,
      nodes === undefined ? fault : `${fault}, ${nodes} nodes`,
    ]),
    ...(summary.trace === undefined ? [] : [['trace', summary.trace]]),
  ]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>kadrtc: ${nodes} nodes, seed ${escaped(seed)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>A simulated network of ${nodes} nodes</h1>
<dl>${facts.map(([name, value]) => `<div><dt>${escaped(name!)}</dt><dd>${escaped(value!)}</dd></div>`).join('')}</dl>
</header>
<main>
<div class="plots">
${plotsOf(events).map(plotHtml).join('\n')}
</div>
<div class="tables">
<section><h2>Operations, in ms</h2>${tableHtml(operationsTable(events))}${missingLines(summary)
    .map((line) => `<p>${escaped(line)}</p>`)
    .join('')}<p>${escaped(idealText.join(' '))}</p></section>
<section><h2>Traffic, per node and second</h2>${tableHtml(trafficTable(events))}</section>
<section><h2>While it grew, in ms</h2>${tableHtml(sizesTable(events))}</section>
</div>
</main>
<footer><p>The same run again:</p><pre>${escaped(commandLineOf(options))}</pre></footer>
</body>
</html>
`
}

function plotHtml({ title, lines, svg }: Plot): string {
  const legend = lines.map(
    ({ name, colour, dash = 'solid' }) =>
      `<li><i style="border-top: 3px ${dash} var(--${colour})"></i>${escaped(name)}</li>`,
  )
  const drawing = svg ? `<ul>${legend.join('')}</ul>${svg}` : '<p>Nothing to show.</p>'
  return `<figure><figcaption>${escaped(title)}</figcaption>${drawing}</figure>`
}

function operationsTable(events: readonly SimEvent[]): Table {
  const at = (values: readonly number[]) =>
    [0.5, 0.9, 0.99].map((fraction) => wholeText(quantile(values, fraction)))
  const rowOf = (kind: 'put' | 'get') => {
    const all = countedOf(events, kind)
    const done = all.filter(({ outcome }) => outcome === 'ok')
    return [
      kind,
      String(all.length),
      ...at(done.map(({ tookMs }) => tookMs)),
      shareText(done.length, all.length),
    ]
  }
  const gets = countedOf(events, 'get')
  return [
    ['', 'count', 'p50', 'p90', 'p99', 'success'],
    rowOf('put'),
    rowOf('get'),
    ...(['direct', 'greedy', 'dialing'] as const).map((name) => {
      const ms = idealsOf(gets, `${name}Ms`)
      return [name, String(ms.length), ...at(ms), '']
    }),
  ]
}

function trafficTable(events: readonly SimEvent[]): Table {
  return [
    ['', 'messages', 'bytes', 'links opened'],
    ...eventsOf(events, 'traffic').map((traffic) => [
      `${traffic.phase}, ${Math.round(traffic.seconds)} s`,
      traffic.messagesPerNodePerSecond.toFixed(2),
      String(Math.round(traffic.bytesPerNodePerSecond)),
      String(traffic.connectionsOpened),
    ]),
  ]
}

function sizesTable(events: readonly SimEvent[]): Table {
  return [
    [
      'nodes',
      'links p50',
      'get p50',
      'get p90',
      'direct p50',
      'greedy p50',
      'dial p50',
      'hops',
      'found',
      'gets',
    ],
    ...eventsOf(events, 'size').map((at) => [
      String(at.nodes),
      String(at.linksP50),
      wholeText(at.getP50Ms),
      wholeText(at.getP90Ms),
      wholeText(at.directP50Ms),
      wholeText(at.greedyP50Ms),
      wholeText(at.dialingP50Ms),
      at.hopsMean?.toFixed(2) ?? '-',
      shareText(at.getsFound, at.gets),
      at.gets === at.getsAsked ? String(at.gets) : `${at.gets} of ${at.getsAsked}`,
    ]),
  ]
}

function tableHtml([head, ...rows]: Table): string {
  const cells = (tag: 'td' | 'th', row: readonly string[]) =>
    `<tr>${row.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`
  const body = rows.map((row) => cells('td', row)).join('')
  return `<div class="wide"><table><thead>${cells('th', head)}</thead><tbody>${body}</tbody></table></div>`
}

function wholeText(value: number | null | undefined): string {
  return value === null || value === undefined ? '-' : String(Math.round(value))
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

const style = `
:root {
  color-scheme: light dark;
  --ground: #fbfbf9; --card: #fff; --ink: #1c1d21; --faint: #5c606b; --rule: #dcdde2;
  --first: #2456c9; --second: #a8500c; --third: #0c7264;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15161a; --card: #1d1f25; --ink: #ecedf1; --faint: #a4a8b4; --rule: #363942;
    --first: #8db0ff; --second: #f2a763; --third: #5fd3c2;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 84rem; padding: 1.25rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25; }
h2, figcaption { margin: 0 0 .5rem; font-size: 1rem; font-weight: 600; line-height: 1.35; }
dl { display: flex; flex-wrap: wrap; gap: .5rem 1.75rem; margin: 0 0 1.25rem; }
dt { color: var(--faint); font-size: .8125rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.plots, .tables { display: grid; gap: 1rem; margin-bottom: 1rem; align-items: start; }
.plots { grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); }
.tables { grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); }
figure, section { margin: 0; min-width: 0; padding: 1rem; background: var(--card); border: 1px solid var(--rule);
  border-radius: .5rem; }
figure ul { display: flex; flex-wrap: wrap; gap: 0 1.1rem; margin: 0 0 .25rem; padding: 0; list-style: none;
  font-size: .875rem; }
figure i { display: inline-block; width: 1.75rem; margin-right: .4rem; vertical-align: .25em; }
figure svg { display: block; width: 100%; height: auto; }
.fill-ink { fill: var(--ink); } .fill-faint { fill: var(--faint); } .fill-rule { fill: var(--rule); }
.fill-first { fill: var(--first); } .fill-second { fill: var(--second); } .fill-third { fill: var(--third); }
.stroke-ink { stroke: var(--ink); } .stroke-faint { stroke: var(--faint); } .stroke-rule { stroke: var(--rule); }
.stroke-first { stroke: var(--first); } .stroke-second { stroke: var(--second); } .stroke-third { stroke: var(--third); }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .3rem; text-align: right; vertical-align: bottom; border-bottom: 1px solid var(--rule); }
td { white-space: nowrap; }
th { color: var(--faint); font-weight: 500; line-height: 1.25; }
th:first-child, td:first-child { padding-left: 0; text-align: left; }
tbody tr:last-child td { border-bottom: 0; }
@media (max-width: 26rem) {
  body { padding: .75rem; }
  figure, section { padding: .75rem; }
  table { font-size: .8125rem; }
  th, td { padding: .3rem .2rem; }
}
section p { margin: .5rem 0 0; color: var(--faint); font-size: .8125rem; }
footer { margin-top: 1.25rem; color: var(--faint); font-size: .875rem; }
footer p { margin: 0 0 .25rem; }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; color: var(--ink); }
`
