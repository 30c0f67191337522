import type { Channel } from '@kadrtc/node'

/** A message whose bytes tell their places, so that pieces in a wrong order show. */
export const patterned = (length: number) => new Uint8Array(length).map((_, i) => i * 31 + (i >> 8))

/** Byte by byte, without the cost of `toEqual`. */
export const isPatterned = (data: Uint8Array) => Buffer.compare(data, patterned(data.length)) === 0

/** The messages that this end hears, as they come. */
export function heardBy(channel: Channel): Uint8Array[] {
  const heard: Uint8Array[] = []
  channel.on('message', (data) => heard.push(data))
  return heard
}
