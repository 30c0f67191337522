/** Every code an app can meet, stable across versions, with what it means. */
export const errorCodes = {
  INVALID_ARGUMENT: 'An argument has the wrong type or is out of range.',
  VALUE_TOO_LARGE: 'The value is larger than 64 KiB. Split it, or add() its parts.',
  NO_WEBRTC: 'This browser has no WebRTC, or it is switched off.',
  NO_SECURE_CONTEXT: 'The page is not a secure context. Serve it over https or from localhost.',
  SERVER_UNREACHABLE: 'No introduction server answered and no other tab was found.',
  SERVER_REFUSED: 'The introduction server refused this node.',
  WRONG_NETWORK: 'The introduction server does not serve this network name.',
  UNREACHABLE: 'No way to that peer, or to anybody near that key, was found.',
  REFUSED: 'The other side refused.',
  BUSY: 'A limit of this node or of its peer is reached. Try again later.',
  CONFLICT: 'The record has changed: its sequence number is not the one given as ifSeq.',
  NOT_STORED: 'No node stored the record.',
  TIMEOUT: 'It took longer than timeoutMs.',
  CLOSED: 'The node, channel or link has been closed.',
  STORE_UNAVAILABLE: 'IndexedDB cannot be used; what this node holds is kept in memory only.',
  STORE_FULL: 'The storage quota is used up; newer records are kept in memory only.',
} as const

export type ErrorCode = keyof typeof errorCodes

/** The one error class apps meet. `code` is stable; `message` is for people and may change. */
export class KadrtcError extends Error {
  override readonly name = 'KadrtcError'

  constructor(
    readonly code: ErrorCode,
    detail?: string,
    options?: { cause?: unknown },
  ) {
    super(detail ? `${errorCodes[code]} (${detail})` : errorCodes[code], options)
  }
}
