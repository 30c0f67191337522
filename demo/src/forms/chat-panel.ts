/** Talks to a node by its id, over a channel that no server sees; and answers those who call. */
import type { AppChannel, KadrtcNode } from 'kadrtc'
import { type ChatLine, type Conversation, Conversations } from '../model/conversations.js'
import { shortId } from '../model/format.js'
import { element, part, scrollable, setText } from '../view/dom.js'
import { KeyedList, type RowOf } from '../view/keyed-list.js'
import { nodeName } from '../view/node-name.js'
import { Outcome } from './outcome.js'
import { onSubmit, textOf } from './submit.js'
import type { Tell } from './values-form.js'

/** Tells the chat's channels from those of other apps on the network. */
const label = 'chat'

export class ChatPanel {
  readonly #conversations = new Conversations(() => this.#show())
  readonly #connectForm = part('connect-form', HTMLFormElement)
  readonly #connected = new Outcome(part('connect-outcome', HTMLOutputElement))
  readonly #sent = new Outcome(part('message-outcome', HTMLOutputElement))
  readonly #area = part('conversations', HTMLElement)
  readonly #lines = scrollable(part('lines', HTMLOListElement))
  readonly #messageForm = part('message-form', HTMLFormElement)
  readonly #message = part('message', HTMLInputElement)
  readonly #end = part('end-chat', HTMLButtonElement)
  readonly #peers = new KeyedList<Conversation>(
    part('peers', HTMLUListElement),
    ({ peer }) => peer,
    ({ peer }) => this.#peerRow(peer),
  )
  #shownLines: readonly ChatLine[] | undefined

  /** `node` throws when there is none. */
  constructor(
    readonly node: () => KadrtcNode,
    readonly tell: Tell,
  ) {
    onSubmit(this.#connectForm, (fields) => this.#connect(textOf(fields, 'peer').trim().toLowerCase()))
    onSubmit(this.#messageForm, (fields) => this.#send(textOf(fields, 'message')))
    this.#end.addEventListener('click', () => {
      const { current } = this.#conversations
      if (current) this.#conversations.end(current.peer)
    })
  }

  /** A peer called. */
  take(channel: AppChannel): void {
    if (channel.label !== label) return channel.close()
    if (this.#conversations.add(channel)) this.tell(`${shortId(channel.peer)} opened a chat`)
  }

  /** Opens a chat, or shows the one that is open. */
  async open(peer: string): Promise<void> {
    const field = this.#connectForm.elements.namedItem('peer')
    if (field instanceof HTMLInputElement) field.value = peer
    part('chat', HTMLElement).scrollIntoView({ block: 'nearest' })
    await this.#connect(peer)
  }

  async #connect(peer: string): Promise<void> {
    const open = this.#conversations.all.some(
      (conversation) => conversation.peer === peer && conversation.open,
    )
    const succeeded =
      open ||
      (await this.#connected.run('Looking for a way there…', async () => {
        this.#conversations.add(await this.node().connect(peer, { label }))
        this.tell(`Opened a chat with ${shortId(peer)}`)
        return { title: `Connected to ${shortId(peer)}` }
      }))
    if (!succeeded) return
    this.#conversations.select(peer)
    this.#message.focus()
  }

  async #send(text: string): Promise<void> {
    const { current } = this.#conversations
    if (!current || text === '') return
    this.#sent.clear()
    try {
      this.#conversations.send(current.peer, text)
      this.#messageForm.reset()
    } catch (error) {
      await this.#sent.run('', () => Promise.reject(error))
    }
  }

  #show(): void {
    const { all, current } = this.#conversations
    this.#area.hidden = all.length === 0
    this.#peers.show(all)
    this.#message.disabled = !current?.open
    this.#end.disabled = !current?.open
    const lines = current?.lines ?? []
    if (lines === this.#shownLines) return
    this.#shownLines = lines
    this.#lines.replaceChildren(...lines.map(({ from, text }) => element('li', { class: from }, text)))
    this.#lines.scrollTop = this.#lines.scrollHeight
  }

  #peerRow(peer: string): RowOf<Conversation> {
    const unread = element('span', { class: 'unread' })
    const button = element('button', { type: 'button', class: 'quiet' }, nodeName(peer), unread)
    button.addEventListener('click', () => this.#conversations.select(peer))
    return {
      element: element('li', {}, button),
      update: (conversation) => {
        const chosen = this.#conversations.current?.peer === peer
        button.setAttribute('aria-pressed', String(chosen))
        button.classList.toggle('over', !conversation.open)
        setText(unread, conversation.unread > 0 ? `${conversation.unread} new` : '')
      },
    }
  }
}
