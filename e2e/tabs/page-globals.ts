/** What code that runs inside a page finds on `window`. */
import type * as kadrtcModule from 'kadrtc'

export type Kadrtc = typeof kadrtcModule
export type JoinOptions = Parameters<Kadrtc['createNode']>[0]
export type PageNode = Awaited<ReturnType<Kadrtc['createNode']>>
export type AppChannel = Awaited<ReturnType<PageNode['connect']>>
export type Inspection = ReturnType<PageNode['inspect']>

declare global {
  interface Window {
    /** The module under test; on the page `/` only. */
    kadrtc: Kadrtc
    /** This tab's node, once `tab.join` has resolved. */
    node: PageNode
    /** RTCPeerConnections constructed since the page was loaded. */
    connectionsConstructed: number
    /** For what a scenario wants to keep in the page from one `run` to the next. */
    kept: Record<string, unknown>
  }
}
