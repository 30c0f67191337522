/**
 * What counts as a valid signature, the same for every implementation here: Ed25519 as the Web Cryptography API
 * specifies it ("Secure Curves", Ed25519 verify), which is RFC 8032 section 5.1.7 with three choices made:
 * points are encoded canonically, none has small order, and the equation is s B = R + k A without the cofactor.
 *
 * Agreement matters as much as strictness. Were one browser to take what another refuses, a peer could
 * make a record that honest nodes blame each other for. Not every platform checks the points yet, so it is done here.
 */

/** y of the points of order 1, 2, 4 and 8, little-endian; the sign of x is apart, in the topmost bit. */
const smallOrderY: readonly Uint8Array[] = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
].map((hex) => Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)))

/** False: refused without looking at the message. True: the equation decides. */
export function isWellFormed(publicKey: Uint8Array, signature: Uint8Array): boolean {
  return (
    publicKey.length === 32 && signature.length === 64 && isStrictPoint(publicKey) && isStrictPoint(signature)
  )
}

/** Whether the first 32 bytes may encode a point: y is below p = 2^255 - 19, and not that of a small order. */
function isStrictPoint(encoded: Uint8Array): boolean {
  return isBelowP(encoded) && !smallOrderY.some((y) => isSameY(encoded, y))
}

function isBelowP(encoded: Uint8Array): boolean {
  if ((encoded[31]! & 0x7f) !== 0x7f || encoded[0]! < 0xed) return true
  for (let i = 1; i < 31; i++) if (encoded[i] !== 0xff) return true
  return false
}

function isSameY(encoded: Uint8Array, y: Uint8Array): boolean {
  for (let i = 0; i < 31; i++) if (encoded[i] !== y[i]) return false
  return (encoded[31]! & 0x7f) === y[31]
}
