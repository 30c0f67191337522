/** Values as a person types and reads them. Pure. */
import type { JsonValue, Value } from 'kadrtc'

export type ValueFormat = 'text' | 'json'

/** Throws a sentence for people when `typed` is not what `format` says. */
export function readTyped(typed: string, format: ValueFormat): Value {
  if (format === 'text') return typed
  try {
    return JSON.parse(typed) as JsonValue
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw Object.assign(new Error(`This is not JSON: ${reason}`), { code: 'INVALID_ARGUMENT' })
  }
}

/** Text as it is, JSON indented, bytes in hex. */
export function showValue(value: Value): string {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) return hex(value)
  return JSON.stringify(value, undefined, 2)
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
}
