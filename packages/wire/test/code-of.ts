import { WireError } from '@kadrtc/wire'

/** The code of the WireError that `action` throws, or 'none'; another error is thrown on. */
export function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof WireError) return error.code
    throw error
  }
  return 'none'
}
