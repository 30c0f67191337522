import { expect, test } from 'vitest'
import { Writer } from '../src/writer.js'

const fields: Record<string, (writer: Writer) => void> = {
  u8: (writer) => writer.u8(0xab),
  u16: (writer) => writer.u16(0xabcd),
  u32: (writer) => writer.u32(0xabcdef01),
  u48: (writer) => writer.u48(0xabcd_ef01_2345),
  bytes: (writer) => writer.bytes(Uint8Array.of(1, 2, 3)),
  ids: (writer) => writer.ids([new Uint8Array(20).fill(7)]),
  text8: (writer) => writer.text8('hallo', 8),
  text16: (writer) => writer.text16('hallo', 8),
}

test.each(Object.entries(fields))('%s is written whole wherever the buffer had to grow', (_, write) => {
  const written = (capacity: number) => {
    const writer = new Writer(capacity, 1_000)
    for (let i = 0; i < 5; i++) write(writer)
    return writer.finish()
  }
  for (let capacity = 0; capacity < 100; capacity++) expect(written(capacity)).toEqual(written(1_000))
})
