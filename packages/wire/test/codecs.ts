/** Every encoding of the protocol under one shape, so that a law is written once and holds for all. */
import {
  decodeClientMessage,
  decodeEarlyQuestion,
  decodeMessage,
  decodePacket,
  decodeRecord,
  decodeServerMessage,
  decodeSignal,
  encodeClientMessage,
  encodeEarlyQuestion,
  encodeMessage,
  encodePacket,
  encodeRecord,
  encodeServerMessage,
  encodeSignal,
  type Message,
  type ReplyProof,
  type Signal,
} from '@kadrtc/wire'
import fc, { type Arbitrary } from 'fast-check'
import * as any from './arbitraries.js'

export interface Codec<T> {
  readonly name: string
  readonly values: Arbitrary<T>
  encode(value: T): Uint8Array
  decode(bytes: Uint8Array): T
}

interface SignedSignal {
  readonly signal: Signal
  readonly signature: Uint8Array
}

interface ProvenMessage {
  readonly message: Message
  readonly proof?: ReplyProof
}

const codec = <T>(value: Codec<T>): Codec<unknown> => value as Codec<unknown>

export const codecs: readonly Codec<unknown>[] = [
  codec({ name: 'packet', values: any.packet, encode: encodePacket, decode: decodePacket }),
  codec<ProvenMessage>({
    name: 'message',
    values: fc.oneof(
      fc.record({ message: any.message }),
      fc.record({ message: any.reply, proof: any.proof }),
    ),
    encode: ({ message, proof }) => encodeMessage(message, proof),
    decode: (bytes) => {
      const { message, proof } = decodeMessage(bytes)
      return proof ? { message, proof } : { message }
    },
  }),
  codec({ name: 'record', values: any.record, encode: encodeRecord, decode: decodeRecord }),
  codec<SignedSignal>({
    name: 'signal',
    values: fc.record({ signal: any.signal, signature: any.bytes(64) }),
    encode: ({ signal, signature }) => encodeSignal(signal, signature),
    decode: (bytes) => {
      const { signal, signature } = decodeSignal(bytes)
      return { signal, signature }
    },
  }),
  codec<number>({
    name: 'early question',
    values: fc.nat(2 ** 48 - 1),
    encode: encodeEarlyQuestion,
    decode: decodeEarlyQuestion,
  }),
  codec({
    name: 'client',
    values: any.clientMessage,
    encode: encodeClientMessage,
    decode: decodeClientMessage,
  }),
  codec({
    name: 'server',
    values: any.serverMessage,
    encode: encodeServerMessage,
    decode: decodeServerMessage,
  }),
]
