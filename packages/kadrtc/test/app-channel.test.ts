import { keyIdOf } from '@kadrtc/kademlia'
import { Channel } from '@kadrtc/node'
import { expect, test } from 'vitest'
import { AppChannel } from '../src/app-channel.js'
import { packMessage } from '../src/value-format.js'

function opened() {
  const channel = new Channel(keyIdOf('peer'), '', { send: () => true, close: () => undefined })
  const arrive = (value: unknown) => channel.received(packMessage(value), false)
  return { app: new AppChannel(channel), arrive }
}

test('messages that come before anybody listens are kept, whichever verb listens', () => {
  for (const verb of ['on', 'addListener'] as const) {
    const { app, arrive } = opened()
    arrive('text')
    arrive({ json: 1 })
    const heard: unknown[] = []
    app[verb]('message', (value) => heard.push(value))
    arrive(Uint8Array.of(1))
    expect(heard).toEqual(['text', { json: 1 }, Uint8Array.of(1)])
  }
})

test('once takes one message, and the next waits for the next listener', () => {
  const { app, arrive } = opened()
  const heard: unknown[] = []
  app.once('message', (value) => heard.push(value))
  arrive('one')
  arrive('two')
  expect(heard).toEqual(['one'])
  app.once('message', (value) => heard.push(value))
  expect(heard).toEqual(['one', 'two'])
})

test('bytes that are no value are passed over, and those after them are heard', () => {
  const channel = new Channel(keyIdOf('peer'), '', { send: () => true, close: () => undefined })
  const heard: unknown[] = []
  new AppChannel(channel).on('message', (value) => heard.push(value))
  channel.received(Uint8Array.of(9, 9), false)
  channel.received(packMessage('after'), false)
  expect(heard).toEqual(['after'])
})
