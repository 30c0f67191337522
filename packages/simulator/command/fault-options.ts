/**
 * Faults as they are asked for on the command line: `--slow 10%:300ms`, `--freeze 5%:30s@1m`. All have one form, of which
 * each uses its parts: a share of the nodes or messages, how much or for how long, and when.
 *
 *     parseFault('freeze', '5%@1m') // { kind: 'freeze', percent: 5, ms: 60_000, atMs: 60_000 }
 */
import { OptionsError } from './arguments.js'
import { durationText, parseDurationMs } from './duration.js'

export const lies = ['drop', 'misroute', 'mislead'] as const
export type Lie = (typeof lies)[number]

export interface Fault {
  readonly kind: FaultKind
  /** Of the nodes or of the messages. */
  readonly percent: number
  /** How much, or for how long; 0 where that has no meaning. */
  readonly ms: number
  /** Since the gets began; 0 where it holds all the time. */
  readonly atMs: number
  /** Of liars only. */
  readonly lies?: readonly Lie[]
}

interface Shape {
  /** For whoever got it wrong. */
  readonly like: string
  /** Where no share is given; undefined: one is needed. */
  readonly percent?: number
  readonly percentMost?: number
  /** 'needed', 'none', or what it is where none is given. */
  readonly ms: 'needed' | 'none' | number
  readonly hasLies?: boolean
  /** It happens at some time, and may do so again: else it holds all the time, and is given once. */
  readonly isEvent: boolean
}

const shapes = {
  slow: { like: '10%:300ms', ms: 'needed', isEvent: false },
  skew: { like: '50%:30s', ms: 'needed', isEvent: false },
  lying: { like: '5% or 5%:drop+mislead', ms: 'none', hasLies: true, isEvent: false },
  delay: { like: '10%:500ms', ms: 'needed', isEvent: false },
  replay: { like: '5%:10s', ms: 'needed', isEvent: false },
  freeze: { like: '10%@1m or 10%:30s@1m', ms: 60_000, isEvent: true },
  hang: { like: '10%@1m', ms: 'none', isEvent: true },
  partition: { like: '30s@1m or 20%:30s@1m', percent: 50, ms: 'needed', isEvent: true },
  'partition-one-way': { like: '30s@1m or 20%:30s@1m', percent: 50, ms: 'needed', isEvent: true },
  'mass-leave': { like: '50%@3m', ms: 'none', isEvent: true },
  'mass-join': { like: '50%@3m', percentMost: 1_000, ms: 'none', isEvent: true },
} as const satisfies Record<string, Shape>

export type FaultKind = keyof typeof shapes

export const faultKinds = Object.keys(shapes) as readonly FaultKind[]

export const faultUsage = `Faults. P% is of the nodes or the messages, D a duration; T is the time since the gets began, or 0. Those with @T may
be given again for another time.

  --slow P%:D        each message to so many nodes takes D longer, like 10%:300ms
  --skew P%:D        the clocks of so many nodes are up to D ahead or behind, like 50%:30s
  --lying P%[:LIES]  so many nodes lie: drop, misroute, mislead (they answer with one another only), like
                     5%:drop+mislead (all three); they are never asked to put or get
  --delay P%:D       so many messages take up to D longer, while gets are asked
  --replay P%:D      so many messages come a second time, up to D later, while gets are asked
  --freeze P%[:D]@T  so many tabs stand still for D and come back, like 10%@1m or 10%:30s@1m (1m)
  --hang P%@T        so many tabs stand still and never come back
  --partition [P%:]D@T          so many nodes are cut off from the others for D, like 30s@1m (50%)
  --partition-one-way [P%:]D@T  the same, but they hear the others, who do not hear them
  --mass-leave P%@T  so many nodes depart at one moment, by crash or goodbye as --crashes says
  --mass-join P%@T   so many more, of as many as there are, join at one moment
`

/** Throws OptionsError. */
export function parseFault(kind: FaultKind, text: string): Fault {
  const shape: Shape = shapes[kind]
  const wrong = () => new OptionsError(`--${kind} is like ${shape.like}, not "${text}"`)
  const [what, at, ...rest] = text.split('@')
  if (rest.length > 0 || (at !== undefined) !== shape.isEvent) throw wrong()
  const atMs = at === undefined || at === '0' ? 0 : parseDurationMs(at)
  const parts = what!.split(':')
  const share = /^(\d+(?:\.\d+)?)%$/.exec(parts[0]!)
  if (share) parts.shift()
  const percent = share ? Number(share[1]) : shape.percent
  const fault = { kind, percent, atMs, ...detailOf(shape, parts) }
  if (fault.percent === undefined || fault.atMs === undefined || fault.ms === undefined) throw wrong()
  const most = shape.percentMost ?? 100
  if (!(fault.percent > 0 && fault.percent <= most)) {
    throw new OptionsError(`--${kind} is of more than 0 % and up to ${most} %, not "${text}"`)
  }
  return fault as Fault
}

/** All of them as one run can have them. Throws OptionsError. */
export function demandTogether(faults: readonly Fault[], runMs: number): void {
  for (const { kind, atMs } of faults) {
    const same = faults.filter((other) => other.kind === kind)
    if (!shapes[kind].isEvent && same.length > 1) throw new OptionsError(`--${kind} is given once`)
    if (atMs < runMs) continue
    throw new OptionsError(
      `--${kind} at ${durationText(atMs)} would come after the end: --minutes is ${runMs / 60_000}`,
    )
  }
  const cuts = faults.filter(({ kind }) => kind.startsWith('partition')).sort((a, b) => a.atMs - b.atMs)
  for (const [i, { atMs, ms }] of cuts.entries()) {
    const next = cuts[i + 1]
    if (next && next.atMs <= atMs + ms)
      throw new OptionsError('One partition ends before the next one begins')
  }
}

/** What `parseFault` reads. */
export function faultText({ kind, percent, ms, atMs, lies: told }: Fault): string {
  const what = [`${percent}%`]
  if (ms > 0) what.push(durationText(ms))
  if (told) what.push(told.join('+'))
  return shapes[kind].isEvent ? `${what.join(':')}@${atMs === 0 ? '0' : durationText(atMs)}` : what.join(':')
}

/** What follows the share; without `ms` it is none that this fault takes. */
function detailOf(shape: Shape, parts: readonly string[]): Pick<Fault, 'lies'> & { ms?: number | undefined } {
  if (parts.length > 1) return {}
  const [part] = parts
  if (shape.hasLies) {
    const told = part === undefined ? lies : lies.filter((lie) => part.split('+').includes(lie))
    const isKnown = part === undefined || part.split('+').length === told.length
    return isKnown ? { ms: 0, lies: told } : {}
  }
  if (part !== undefined) return shape.ms === 'none' ? {} : { ms: parseDurationMs(part) }
  if (shape.ms === 'needed') return {}
  return { ms: shape.ms === 'none' ? 0 : shape.ms }
}
