/** An option or a flag that cannot be used; the message says which and why. */
export class InvalidOption extends Error {
  override readonly name = 'InvalidOption'
}
