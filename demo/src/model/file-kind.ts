/**
 * What fetched bytes look like. Content has no name and no type, so the bytes alone decide, and only kinds that cannot
 * run anything are ever shown: no SVG, no HTML. Pure.
 */
export type FileKind =
  | { readonly type: 'image'; readonly mediaType: string; readonly extension: string }
  | { readonly type: 'text'; readonly text: string; readonly extension: 'txt' }
  | { readonly type: 'bytes'; readonly extension: 'bin' }

const images: readonly (readonly [mediaType: string, extension: string, pattern: RegExp])[] = [
  ['image/png', 'png', /^\x89PNG\r\n/],
  ['image/jpeg', 'jpg', /^\xff\xd8\xff/],
  ['image/gif', 'gif', /^GIF8[79]a/],
  ['image/webp', 'webp', /^RIFF....WEBP/s],
  ['image/avif', 'avif', /^....ftypavi[fs]/s],
]

export function fileKind(bytes: Uint8Array): FileKind {
  const start = String.fromCharCode(...bytes.subarray(0, 16))
  for (const [mediaType, extension, pattern] of images) {
    if (pattern.test(start)) return { type: 'image', mediaType, extension }
  }
  const text = readableText(bytes)
  return text === undefined ? { type: 'bytes', extension: 'bin' } : { type: 'text', text, extension: 'txt' }
}

/** Undefined unless it is UTF-8 without control characters that text does not have. */
function readableText(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    const control = [...text].some((character) => character < ' ' && !'\t\n\r'.includes(character))
    return control ? undefined : text
  } catch {
    return undefined
  }
}
