import type { Value } from 'kadrtc'
import { describe, expect, it, vi } from 'vitest'
import { type ChatChannel, Conversations } from '../src/model/conversations.js'

/** A channel whose other side is the test. */
class Line implements ChatChannel {
  readonly sent: unknown[] = []
  open = true
  #onMessage: (value: Value) => void = () => {}
  #onClose: (reason: 'local' | 'remote' | 'lost') => void = () => {}

  constructor(readonly peer: string) {}

  on(event: string, listener: (argument: never) => void): this {
    if (event === 'message') this.#onMessage = listener as (value: Value) => void
    if (event === 'close') this.#onClose = listener as (reason: 'local' | 'remote' | 'lost') => void
    return this
  }

  send(value: unknown): void {
    this.sent.push(value)
  }

  close(): void {
    this.end('local')
  }

  say(value: Value): void {
    this.#onMessage(value)
  }

  end(reason: 'local' | 'remote' | 'lost'): void {
    this.open = false
    this.#onClose(reason)
  }
}

const texts = (of: Conversations) => of.current?.lines.map(({ from, text }) => `${from}: ${text}`)

describe('a conversation', () => {
  it('shows what both sides said, and how it ended', () => {
    const onChange = vi.fn()
    const conversations = new Conversations(onChange)
    const line = new Line('ab')
    conversations.add(line)
    conversations.send('ab', 'hello')
    line.say({ json: true })
    line.end('remote')
    expect(line.sent).toEqual(['hello'])
    expect(texts(conversations)?.slice(1)).toEqual([
      'me: hello',
      'peer: {\n  "json": true\n}',
      'page: The other side left.',
    ])
    expect(conversations.current?.open).toBe(false)
    expect(onChange).toHaveBeenCalled()
  })

  it('goes on while one of two channels that crossed is open, and speaks on the latest', () => {
    const conversations = new Conversations(() => {})
    const [first, second] = [new Line('ab'), new Line('ab')]
    conversations.add(first)
    conversations.add(second)
    conversations.send('ab', 'on the second')
    second.end('lost')
    conversations.send('ab', 'on the first')
    expect([first.sent, second.sent]).toEqual([['on the first'], ['on the second']])
    expect(conversations.all).toHaveLength(1)
    expect(conversations.current?.open).toBe(true)
    expect(texts(conversations)).not.toContain('page: The connection was lost.')
  })

  it('that is over refuses to send, with a code', () => {
    const conversations = new Conversations(() => {})
    conversations.add(new Line('ab'))
    conversations.end('ab')
    expect(() => conversations.send('ab', 'x')).toThrow(expect.objectContaining({ code: 'CLOSED' }))
    expect(() => conversations.send('nobody', 'x')).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })

  it('counts what came while another was on the screen, until it is looked at', () => {
    const conversations = new Conversations(() => {})
    const [shown, other] = [new Line('ab'), new Line('cd')]
    conversations.add(shown)
    conversations.add(other)
    other.say('psst')
    expect(conversations.all.map(({ unread }) => unread)).toEqual([0, 1])
    conversations.select('cd')
    expect(conversations.all.map(({ unread }) => unread)).toEqual([0, 0])
    expect(conversations.current?.peer).toBe('cd')
  })

  it('is bounded in lines and in the length of each', () => {
    const conversations = new Conversations(() => {})
    const line = new Line('ab')
    conversations.add(line)
    for (let i = 0; i < 500; i++) line.say(`message ${i}`)
    line.say('x'.repeat(100_000))
    expect(conversations.current?.lines).toHaveLength(200)
    expect(conversations.current?.lines.at(-1)?.text).toHaveLength(4_001)
  })
})

describe('conversations', () => {
  it('are bounded: one too many is refused while all are open, and takes the place of one that is over', () => {
    const conversations = new Conversations(() => {})
    const lines = Array.from({ length: 32 }, (_, number) => new Line(`peer ${number}`))
    for (const line of lines) expect(conversations.add(line)).toBe(true)
    const refused = new Line('one too many')
    expect(conversations.add(refused)).toBe(false)
    expect(refused.open).toBe(false)
    lines[3]!.end('remote')
    expect(conversations.add(new Line('late'))).toBe(true)
    expect(conversations.all).toHaveLength(32)
    expect(conversations.all.some(({ peer }) => peer === 'peer 3')).toBe(false)
  })
})
