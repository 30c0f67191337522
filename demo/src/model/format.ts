/** Numbers and ids as people read them. Pure. */

/** The first eight digits tell the nodes of a demo apart; the whole id is a copy away. */
export function shortId(id: string): string {
  return id.slice(0, 8)
}

/** `1,234`: always in English, as the rest of the page. */
export function formatCount(count: number): string {
  return count.toLocaleString('en')
}

/** `1 link`, `2 links`. */
export function formatPlural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return formatPlural(bytes, 'byte')
  const kib = bytes / 1024
  return kib < 1024 ? `${threeDigits(kib)} KiB` : `${threeDigits(kib / 1024)} MiB`
}

/** Milliseconds with no more digits than mean anything: `0.4 ms`, `12 ms`, `1.3 s`. */
export function formatElapsed(elapsedMs: number): string {
  if (elapsedMs < 10) return `${elapsedMs.toFixed(1)} ms`
  return elapsedMs < 1000 ? `${Math.round(elapsedMs)} ms` : `${(elapsedMs / 1000).toFixed(1)} s`
}

/** How long something has lasted: `8 s`, `3 min`, `2 h 5 min`. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** The part of the id space that a k-bucket covers: `1/2` for 159, `1/4` for 158, `2⁻¹²` for 148. */
export function formatShare(bucket: number): string {
  const power = 160 - bucket
  return power <= 10 ? `1/${2 ** power}` : `2⁻${superscript(power)}`
}

/** `14:03:07`, local time. */
export function formatTime(at: Date): string {
  return [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':')
}

/** `timedOut` as `timed out`. */
export function formatName(name: string): string {
  return name.replace(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`)
}

function threeDigits(value: number): string {
  return value < 10 ? value.toFixed(1) : String(Math.round(value))
}

function superscript(value: number): string {
  return Array.from(String(value), (digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('')
}
