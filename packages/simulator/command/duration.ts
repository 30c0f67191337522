/** Durations as people write them: `90s`, `10m`, `1.5h`, `250ms`. */

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Undefined for what is no positive duration with a unit. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text)
  if (!match) return undefined
  const ms = Number(match[1]) * unitsMs[match[2]!]!
  return ms > 0 ? ms : undefined
}

/** In the largest unit that leaves a whole number: what `parseDurationMs` reads. */
export function durationText(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const count = ms / unitsMs[unit]!
    if (count >= 1 && Number.isInteger(count)) return `${count}${unit}`
  }
  return `${ms}ms`
}

/** `h:mm:ss`, or `m:ss` below an hour. */
export function clockText(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const two = (part: number) => String(part).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}
