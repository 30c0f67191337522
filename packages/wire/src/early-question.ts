/**
 * What a newcomer asks one of its first contacts over the introducer, while the link to it opens: who is near me? The answer
 * is a NODES message with its proof. Both travel where signals do, and are told from them by their first byte.
 */
import { WireError } from './errors.js'
import { messageTypes, proofFlag } from './message.js'
import { Reader } from './reader.js'
import { Writer } from './writer.js'

/** No kind of signal, and no type of message. */
const questionType = 0x10
const answerType = messageTypes.nodes | proofFlag
const questionBytes = 7

export function isEarlyQuestion(bytes: Uint8Array): boolean {
  return bytes[0] === questionType
}

export function isEarlyAnswer(bytes: Uint8Array): boolean {
  return bytes[0] === answerType
}

/** The answer carries the same nonce, 48 bits. Throws WireError BAD_VALUE. */
export function encodeEarlyQuestion(nonce: number): Uint8Array {
  const writer = new Writer(questionBytes, questionBytes)
  writer.u8(questionType)
  writer.u48(nonce)
  return writer.finish()
}

/** The nonce. Throws WireError. */
export function decodeEarlyQuestion(bytes: Uint8Array): number {
  const reader = new Reader(bytes)
  const type = reader.u8()
  if (type !== questionType) throw new WireError('UNKNOWN_TYPE', `an early question of type ${type}`)
  const nonce = reader.u48()
  reader.end()
  return nonce
}
