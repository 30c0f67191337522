/**
 * The report's plots as SVG text, drawn by echarts with no browser. Colours are stand-ins while echarts draws, since it
 * reads them; then each becomes a CSS variable, so that one drawing serves light and dark.
 */
import { LineChart } from 'echarts/charts'
import { GridComponent } from 'echarts/components'
import { type EChartsCoreOption, init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { countedOf, eventsOf, type SimEvent } from './events.js'

use([LineChart, GridComponent, SVGRenderer])

/** In the drawing's own pixels; a page stretches it. Narrow, so that letters stay readable on a phone. */
const width = 400
const height = 260
const pointsMax = 200

/** Stand-in by the name of the CSS variable that takes its place. */
const colours = {
  ink: '#010101',
  faint: '#020202',
  rule: '#030303',
  first: '#040404',
  second: '#050505',
  third: '#060606',
} as const

type Point = readonly [x: number, y: number]

export interface Line {
  readonly name: string
  readonly points: readonly Point[]
  readonly colour: keyof typeof colours
  readonly dash?: 'solid' | 'dashed' | 'dotted'
  readonly marks?: boolean
  readonly steps?: boolean
}

interface Axis {
  readonly name?: string
  readonly type?: 'value' | 'log'
  readonly min?: number
  readonly max?: number
  /** Follows each number, like ` ms`. */
  readonly unit?: string
}

export interface Plot {
  readonly title: string
  /** What is drawn, for a legend: those are letters, which a page sets better than a drawing. */
  readonly lines: readonly Line[]
  /** Undefined: there is nothing to show. */
  readonly svg: string | undefined
}

export function plotsOf(events: readonly SimEvent[]): Plot[] {
  return [latencyPlot(events), sizePlot(events), hopsPlot(events), survivalPlot(events)]
}

function latencyPlot(events: readonly SimEvent[]): Plot {
  const done = (kind: 'put' | 'get') => countedOf(events, kind).filter(({ outcome }) => outcome === 'ok')
  const direct = countedOf(events, 'get').map(({ directMs }) => directMs)
  const lines: Line[] = [
    {
      name: 'get',
      points: distribution(done('get').map(({ tookMs }) => tookMs)),
      colour: 'first',
      steps: true,
    },
    {
      name: 'put',
      points: distribution(done('put').map(({ tookMs }) => tookMs)),
      colour: 'second',
      dash: 'dashed',
      steps: true,
    },
    { name: 'direct round trip', points: distribution(direct), colour: 'third', dash: 'dotted', steps: true },
  ]
  return {
    title: 'Latency: share of operations that are done',
    ...drawn(lines, { name: 'ms', type: 'log' }, { min: 0, max: 100, unit: ' %' }),
  }
}

function sizePlot(events: readonly SimEvent[]): Plot {
  const sizes = eventsOf(events, 'size')
  const points = (value: (size: (typeof sizes)[number]) => number | null): Point[] =>
    sizes.flatMap((size) => {
      const y = value(size)
      return y === null ? [] : [[size.nodes, y] as const]
    })
  const lines: Line[] = [
    { name: 'get p50', points: points(({ getP50Ms }) => getP50Ms), colour: 'first', marks: true },
    {
      name: 'get p90',
      points: points(({ getP90Ms }) => getP90Ms),
      colour: 'second',
      dash: 'dashed',
      marks: true,
    },
    {
      name: 'direct p50',
      points: points(({ directP50Ms }) => directP50Ms),
      colour: 'third',
      dash: 'dotted',
      marks: true,
    },
  ]
  return {
    title: 'Latency of a get by size of the network',
    ...drawn(lines, { name: 'nodes', type: 'log' }, { min: 0, unit: ' ms' }),
  }
}

function hopsPlot(events: readonly SimEvent[]): Plot {
  const points = eventsOf(events, 'size').flatMap(({ nodes, hopsMean }): Point[] =>
    hopsMean === null ? [] : [[nodes, hopsMean]],
  )
  const lines: Line[] = [{ name: 'mean hops', points, colour: 'first', marks: true }]
  return {
    title: 'Hops to the owner of a key by size of the network',
    ...drawn(lines, { name: 'nodes', type: 'log' }, { min: 0 }),
  }
}

function survivalPlot(events: readonly SimEvent[]): Plot {
  const surveys = eventsOf(events, 'survival')
  const startMs = countedOf(events, 'get')[0]?.atMs ?? 0
  const [first] = surveys
  const stepMinutes = (surveys.at(-1)?.minute ?? 0) / Math.max(1, surveys.length - 1)
  const found = surveys.slice(1).flatMap(({ minute }): Point[] => {
    const during = countedOf(events, 'get').filter(({ atMs }) => {
      const asked = (atMs - startMs) / 60_000
      return asked >= minute - stepMinutes && asked < minute
    })
    const ok = during.filter(({ outcome }) => outcome === 'ok').length
    return during.length === 0 ? [] : [[minute - stepMinutes / 2, (100 * ok) / during.length]]
  })
  const alive = surveys.map(({ minute, alive: count, values }): Point => [minute, (100 * count) / values])
  const lines: Line[] = [
    { name: 'values with a living replica', points: first?.values ? alive : [], colour: 'first' },
    { name: 'gets that found theirs', points: found, colour: 'second', dash: 'dashed', marks: true },
  ]
  return {
    title: 'Survival of values under churn',
    ...drawn(lines, { name: 'minutes' }, { min: 0, max: 100, unit: ' %' }),
  }
}

/** Share of `values` up to each, in percent; thinned out to what can be seen. */
export function distribution(values: readonly number[]): Point[] {
  // A logarithmic axis has no place for zero: a node that is the owner itself.
  const sorted = values.map((value) => Math.max(1, value)).sort((a, b) => a - b)
  const every = Math.max(1, Math.ceil(sorted.length / pointsMax))
  return sorted.flatMap((value, i): Point[] => {
    const isShown = i % every === 0 || i === sorted.length - 1
    return isShown ? [[value, (100 * (i + 1)) / sorted.length]] : []
  })
}

function drawn(lines: readonly Line[], x: Axis, y: Axis): Omit<Plot, 'title'> {
  const shown = lines.filter(({ points }) => points.length > 0)
  if (shown.length === 0) return { lines: shown, svg: undefined }
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height })
  try {
    chart.setOption(optionOf(shown, x, y))
    return { lines: shown, svg: withVariables(chart.renderToSVGString()) }
  } finally {
    chart.dispose()
  }
}

function optionOf(lines: readonly Line[], x: Axis, y: Axis): EChartsCoreOption {
  return {
    animation: false,
    textStyle: { fontFamily: 'system-ui, sans-serif' },
    grid: { left: 64, right: 22, top: 14, bottom: 48 },
    xAxis: { ...axisOf(x), nameLocation: 'middle', nameGap: 29 },
    yAxis: axisOf(y),
    series: lines.map((line) => ({
      type: 'line',
      name: line.name,
      data: line.points,
      symbol: line.marks ? 'circle' : 'none',
      symbolSize: 7,
      step: line.steps ? 'end' : false,
      silent: true,
      color: colours[line.colour],
      lineStyle: { width: 2.2, type: line.dash ?? 'solid', color: colours[line.colour] },
      itemStyle: { color: colours[line.colour] },
    })),
  }
}

function axisOf({ name = '', type = 'value', min, max, unit = '' }: Axis) {
  return {
    type,
    name,
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    nameTextStyle: { color: colours.faint, fontSize: 15 },
    axisLabel: {
      color: colours.faint,
      fontSize: 15,
      hideOverlap: true,
      formatter: (value: number) => `${numberText(value)}${unit}`,
    },
    axisLine: { show: true, lineStyle: { color: colours.rule } },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: colours.rule } },
  }
}

function numberText(value: number): string {
  return value >= 10_000 ? `${value / 1_000}k` : String(Math.round(value * 100) / 100)
}

/** The size is left to the page, and so are the colours: a class instead of each stand-in. */
function withVariables(svg: string): string {
  const stretched = svg
    .replace(/<svg width="\d+" height="\d+"/, '<svg role="img"')
    // What follows the pointer; nothing does here.
    .replace(/<style[^>]*>.*?<\/style>/s, '')
  return stretched.replace(/<(path|text|circle|line|rect|polyline)\b[^>]*>/g, classed)
}

function classed(tag: string): string {
  const classes: string[] = []
  const plain = tag
    .replace(/ class="[^"]*"/, '')
    .replace(/ (fill|stroke)="(#[0-9a-f]{6})"/g, (attribute, kind: string, colour: string) => {
      const name = Object.entries(colours).find(([, standIn]) => standIn === colour)?.[0]
      if (name) classes.push(`${kind}-${name}`)
      return name ? '' : attribute
    })
  return classes.length === 0 ? plain : plain.replace(/^<\w+/, `$& class="${classes.join(' ')}"`)
}
