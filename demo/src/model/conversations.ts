/**
 * Chats of this tab, one per peer, each over the channels that are open to it. Two tabs that call each other at once have
 * two channels: both are heard, the latest one is spoken on. Bounded in conversations and in lines kept.
 */
import type { AppChannel, Value } from 'kadrtc'
import { showValue } from './value-text.js'

export interface ChatLine {
  readonly from: 'me' | 'peer' | 'page'
  readonly text: string
}

export interface Conversation {
  /** Node id in hex. */
  readonly peer: string
  readonly lines: readonly ChatLine[]
  readonly open: boolean
  readonly unread: number
}

interface Talk {
  readonly peer: string
  readonly channels: Set<Pick<AppChannel, 'send' | 'close' | 'open'>>
  lines: readonly ChatLine[]
  unread: number
}

/** What is used of a channel; AppChannel is one. */
export type ChatChannel = Pick<AppChannel, 'peer' | 'open' | 'send' | 'close'> & {
  on(event: 'message', listener: (value: Value) => void): unknown
  on(event: 'close', listener: (reason: 'local' | 'remote' | 'lost') => void): unknown
}

const conversationsMax = 32
const linesMax = 200
/** Of one message on the screen; a channel carries up to 256 KiB. */
const lineCharactersMax = 4_000

const endings = {
  local: 'You ended the chat.',
  remote: 'The other side left.',
  lost: 'The connection was lost.',
}

export class Conversations {
  /** At most `conversationsMax`, latest opened last. */
  readonly #talks = new Map<string, Talk>()
  #current: string | undefined

  constructor(readonly onChange: () => void) {}

  get all(): Conversation[] {
    return Array.from(this.#talks.values(), seen)
  }

  /** The one on the screen. */
  get current(): Conversation | undefined {
    const talk = this.#talks.get(this.#current ?? '')
    return talk && seen(talk)
  }

  select(peer: string): void {
    this.#current = peer
    const talk = this.#talks.get(peer)
    if (talk) talk.unread = 0
    this.onChange()
  }

  /** Takes a channel in; false, and the channel is closed, when too many conversations are open. */
  add(channel: ChatChannel): boolean {
    const talk = this.#talks.get(channel.peer) ?? this.#begin(channel.peer)
    if (!talk) {
      channel.close()
      return false
    }
    talk.channels.delete(channel)
    talk.channels.add(channel)
    if (talk.channels.size === 1)
      this.#say(talk, { from: 'page', text: 'Connected, directly and encrypted.' })
    channel.on('close', (reason) => this.#onClosed(talk, channel, reason))
    channel.on('message', (value) => this.#say(talk, { from: 'peer', text: clip(showValue(value)) }))
    this.#current ??= channel.peer
    this.onChange()
    return true
  }

  /** Throws what the channel throws. */
  send(peer: string, text: string): void {
    const talk = this.#talks.get(peer)
    const channel = talk && [...talk.channels].at(-1)
    if (!channel) throw Object.assign(new Error('The chat is over. Connect again.'), { code: 'CLOSED' })
    channel.send(text)
    this.#say(talk, { from: 'me', text })
  }

  /** Closes the channels of one conversation; what was said stays. */
  end(peer: string): void {
    for (const channel of [...(this.#talks.get(peer)?.channels ?? [])]) channel.close()
  }

  #begin(peer: string): Talk | undefined {
    if (this.#talks.size >= conversationsMax) {
      const over = [...this.#talks.values()].find(({ channels }) => channels.size === 0)
      if (!over) return undefined
      this.#talks.delete(over.peer)
      if (this.#current === over.peer) this.#current = undefined
    }
    const talk: Talk = { peer, channels: new Set(), lines: [], unread: 0 }
    this.#talks.set(peer, talk)
    return talk
  }

  #onClosed(talk: Talk, channel: ChatChannel, reason: keyof typeof endings): void {
    if (!talk.channels.delete(channel)) return
    if (talk.channels.size === 0) this.#say(talk, { from: 'page', text: endings[reason] })
    this.onChange()
  }

  #say(talk: Talk, line: ChatLine): void {
    talk.lines = [...talk.lines, line].slice(-linesMax)
    if (line.from === 'peer' && talk.peer !== this.#current) talk.unread += 1
    this.onChange()
  }
}

function seen({ peer, lines, channels, unread }: Talk): Conversation {
  return { peer, lines, open: channels.size > 0, unread }
}

function clip(text: string): string {
  return text.length > lineCharactersMax ? `${text.slice(0, lineCharactersMax)}…` : text
}
