/**
 * This tab's node, from joining to leaving: makes it, listens to it, and tells the page what phase it is in. The one
 * place that calls `createNode`.
 *
 *   const session = new Session(settings, { onPhase, onActivity, onEvent, onChannel })
 *   await session.join()
 *   await session.node.put('greeting', 'hello')
 */
import { type AppChannel, createNode, KadrtcError, type KadrtcNode } from 'kadrtc'
import type { EventKind } from './model/event-log.js'
import { type Failure, failureOf } from './model/failure.js'
import { shortId } from './model/format.js'
import type { Phase } from './model/page-state.js'
import type { DemoSettings } from './model/settings.js'

export interface SessionEvents {
  /** The node came, failed, left, or changed its status: show it now. */
  onPhase(): void
  /** Something about links or introducers changed: show it when convenient. */
  onActivity(): void
  onEvent(kind: EventKind, text: string): void
  /** A peer opened a channel to us. */
  onChannel(channel: AppChannel): void
}

type Life =
  | { readonly type: 'starting' }
  | { readonly type: 'running'; readonly node: KadrtcNode }
  | { readonly type: 'failed'; readonly failure: Failure }
  | { readonly type: 'closed' }

export class Session {
  #life: Life = { type: 'closed' }

  constructor(
    readonly settings: DemoSettings,
    readonly events: SessionEvents,
  ) {}

  get phase(): Phase {
    if (this.#life.type !== 'running') return this.#life
    return { type: 'running', inspection: this.#life.node.inspect() }
  }

  /** Throws CLOSED when there is no node at the moment. */
  get node(): KadrtcNode {
    if (this.#life.type !== 'running') throw new KadrtcError('CLOSED', 'this tab is not in the network')
    return this.#life.node
  }

  /** Never rejects: a failure is a phase. Does nothing while a node is there or on its way. */
  async join(): Promise<void> {
    if (this.#life.type === 'starting' || this.#life.type === 'running') return
    const { server, network } = this.settings
    this.#become({ type: 'starting' })
    try {
      const node = await createNode({
        network,
        bootstrap: [server],
        allowAlone: true,
        onWarning: (warning) => this.events.onEvent('warning', `${warning.code}: ${warning.message}`),
      })
      this.#listen(node)
      this.events.onEvent('status', `This tab is node ${shortId(node.id)}: ${node.status}`)
      for (const { peer } of node.inspect().links) this.events.onEvent('link', `Linked to ${shortId(peer)}`)
      this.#become({ type: 'running', node })
    } catch (error) {
      const failure = failureOf(error)
      this.events.onEvent('warning', `${failure.code}: ${failure.message}`)
      this.#become({ type: 'failed', failure })
    }
  }

  /** Leaves the network with a goodbye to every neighbour. Never rejects. */
  async leave(): Promise<void> {
    if (this.#life.type !== 'running') return
    const { node } = this.#life
    this.#become({ type: 'closed' })
    this.events.onEvent('status', 'This tab has left the network')
    try {
      await node.close()
    } catch (error) {
      const { code, message } = failureOf(error)
      this.events.onEvent('warning', `${code}: ${message}`)
    }
  }

  #listen(node: KadrtcNode): void {
    const { onActivity, onEvent, onChannel } = this.events
    node.on('status', (status) => {
      // Leaving is told of already.
      if (status === 'closed') return
      onEvent('status', `Now ${status}`)
      this.events.onPhase()
    })
    node.on('link', ({ peer }) => {
      onEvent('link', `Linked to ${shortId(peer)}`)
      onActivity()
    })
    node.on('unlink', ({ peer, reason }) => {
      onEvent('unlink', `Link to ${shortId(peer)} ended: ${reason}`)
      onActivity()
    })
    node.on('introducer', ({ name, state }) => {
      onEvent('server', `${name}: ${state.type === 'down' ? `down, ${state.error.code}` : state.type}`)
      onActivity()
    })
    node.on('channel', (channel) => onChannel(channel))
  }

  #become(life: Life): void {
    this.#life = life
    this.events.onPhase()
  }
}
