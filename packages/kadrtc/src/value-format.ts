/**
 * How an app's values become bytes. The format byte travels with the record under its author's signature, so that a
 * string comes back as a string.
 */
import { KadrtcError } from '@kadrtc/node'

/** Anything JSON can say. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }
/** What apps store and send: text, bytes, or a JSON value. */
export type Value = string | Uint8Array | JsonValue

const formats = { bytes: 0, text: 1, json: 2 } as const

export interface FormattedValue {
  readonly format: number
  readonly value: Uint8Array
}

/** Throws INVALID_ARGUMENT for what JSON cannot say: undefined, functions, symbols, bigints, cycles. */
export function formatValue(value: unknown): FormattedValue {
  if (value instanceof Uint8Array) return { format: formats.bytes, value }
  if (typeof value === 'string') return { format: formats.text, value: new TextEncoder().encode(value) }
  return { format: formats.json, value: new TextEncoder().encode(toJson(value)) }
}

/** Undefined for bytes that do not fit their format: another app's, or a newer version's. */
export function readValue({ format, value }: FormattedValue): Value | undefined {
  try {
    switch (format) {
      case formats.bytes:
        return value.slice()
      case formats.text:
        return decodeText(value)
      case formats.json:
        return JSON.parse(decodeText(value)) as JsonValue
      default:
        return undefined
    }
  } catch {
    return undefined
  }
}

/** One message of a channel: the format byte, then the value. */
export function packMessage(value: unknown): Uint8Array {
  const formatted = formatValue(value)
  const message = new Uint8Array(1 + formatted.value.length)
  message[0] = formatted.format
  message.set(formatted.value, 1)
  return message
}

export function unpackMessage(message: Uint8Array): Value | undefined {
  const format = message[0]
  return format === undefined ? undefined : readValue({ format, value: message.subarray(1) })
}

function toJson(value: unknown): string {
  const hint = 'a value is a string, a Uint8Array or anything JSON can say'
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw new KadrtcError('INVALID_ARGUMENT', hint, { cause })
  }
  if (text === undefined) throw new KadrtcError('INVALID_ARGUMENT', hint)
  return text
}

function decodeText(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
}
