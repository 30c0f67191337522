import { createSignalingServer, type SignalingServer } from 'kadrtc-signaling-server'

/** Everybody who opens a tab here is one address, and reloads as often as they like. */
const joinsPerMinute = 600

/** The introduction server on localhost: on its usual port, or on a free one when that is taken. */
export async function startIntroductions(port = 8787): Promise<SignalingServer> {
  const options = { host: 'localhost', limits: { joinsPerMinute } }
  try {
    return await createSignalingServer({ ...options, port })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    return createSignalingServer({ ...options, port: 0 })
  }
}
