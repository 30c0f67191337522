import type { Inspection } from 'kadrtc'
import { describe, expect, it } from 'vitest'
import { pageState } from '../src/model/page-state.js'
import { inspection, link } from './inspections.js'

const address = 'ws://server.example'
const tabs = { name: 'tabs of this origin', state: 'welcomed' } as const
const down = { name: address, state: 'down', error: 'SERVER_UNREACHABLE' } as const
const inTouch = { name: address, state: 'welcomed' } as const

const running = (differences: Partial<Inspection>) =>
  pageState({ type: 'running', inspection: inspection(differences) }, address)
const failed = (code: string) => pageState({ type: 'failed', failure: { code, message: 'Why.' } }, address)

describe('the state of the page', () => {
  it('is connecting, and names the server, until there is a node', () => {
    expect(pageState({ type: 'starting' }, address)).toMatchObject({ name: 'connecting' })
    expect(pageState({ type: 'starting' }, address).detail).toContain(address)
  })

  it('is joined with links, and says how many', () => {
    const one = running({ status: 'joined', links: [link('ab', 159)], introducers: [inTouch, tabs] })
    expect(one).toMatchObject({ name: 'joined', detail: 'Linked to 1 other tab.' })
    expect(one.action).toBeUndefined()
    const two = running({ status: 'joined', links: [link('ab', 159), link('cd', 158)] })
    expect(two.detail).toBe('Linked to 2 other tabs.')
  })

  it('stays joined when the server dies, and says that the network lives on', () => {
    const state = running({ status: 'joined', links: [link('ab', 159)], introducers: [down, tabs] })
    expect(state).toMatchObject({ name: 'joined' })
    expect(state.detail).toContain('lives on')
    expect(state.code).toBeUndefined()
  })

  it('is alone when a server answers and names nobody, and offers to open another tab', () => {
    expect(running({ introducers: [inTouch, tabs] })).toMatchObject({ name: 'alone', action: 'open-tab' })
  })

  it('is alone, not unreachable, when it has no server at all', () => {
    expect(running({ introducers: [tabs] }).name).toBe('alone')
  })

  it('is alone while one of two servers still answers', () => {
    const other = { name: 'wss://other.example', state: 'released' } as const
    expect(running({ introducers: [down, other, tabs] }).name).toBe('alone')
  })

  it('is server unreachable when no server answers and no tab was found', () => {
    const state = running({ introducers: [down, tabs] })
    expect(state).toMatchObject({
      name: 'server-unreachable',
      title: 'Server unreachable',
      code: 'SERVER_UNREACHABLE',
    })
    expect(state.detail).toContain(address)
  })

  it('tells a server that refuses from one that is gone', () => {
    const wrong = running({ introducers: [{ ...down, error: 'WRONG_NETWORK' }, tabs] })
    expect(wrong).toMatchObject({ name: 'server-unreachable', title: 'Wrong network', code: 'WRONG_NETWORK' })
    expect(wrong.detail).toContain('turned this tab away')
    expect(failed('SERVER_REFUSED')).toMatchObject({
      name: 'server-unreachable',
      title: 'Server refused this tab',
    })
  })

  it.each(['NO_WEBRTC', 'NO_SECURE_CONTEXT'])(
    'is an unsupported browser on %s, with nothing to try',
    (code) => {
      const state = failed(code)
      expect(state).toEqual({ name: 'unsupported', title: 'Unsupported browser', detail: 'Why.', code })
    },
  )

  it('shows code and message of any other failure, and lets a person try again', () => {
    expect(failed('INVALID_ARGUMENT')).toEqual({
      name: 'failed',
      title: 'Could not join',
      detail: 'Why.',
      code: 'INVALID_ARGUMENT',
      action: 'join',
    })
  })

  it('is closed after leaving, whoever closed the node, and lets a person join again', () => {
    const left = pageState({ type: 'closed' }, address)
    expect(left).toMatchObject({ name: 'closed', action: 'join' })
    expect(running({ status: 'closed' })).toEqual(left)
  })
})
