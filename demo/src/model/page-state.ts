/**
 * What the page says about its node, derived from what happened to it and from `inspect()`. Pure: every refresh
 * derives it anew, so that no state can outlive its cause.
 */
import type { Inspection } from 'kadrtc'
import type { Failure } from './failure.js'
import { formatPlural } from './format.js'

/** The life of this tab's node, as far as the page steers it. */
export type Phase =
  | { readonly type: 'starting' }
  | { readonly type: 'running'; readonly inspection: Inspection }
  | { readonly type: 'failed'; readonly failure: Failure }
  | { readonly type: 'closed' }

export type StateName =
  | 'connecting'
  | 'joined'
  | 'alone'
  | 'server-unreachable'
  | 'unsupported'
  | 'failed'
  | 'closed'

export interface PageState {
  readonly name: StateName
  readonly title: string
  readonly detail: string
  /** The code of the error behind the state. */
  readonly code?: string
  /** What a person can do about it. */
  readonly action?: 'open-tab' | 'join'
}

const titlesOfServerErrors: Readonly<Record<string, string>> = {
  SERVER_REFUSED: 'Server refused this tab',
  WRONG_NETWORK: 'Wrong network',
}

/** `server` is the introduction server's address, for people to read. */
export function pageState(phase: Phase, server: string): PageState {
  switch (phase.type) {
    case 'starting':
      return connecting(server)
    case 'running':
      return runningState(phase.inspection, server)
    case 'failed':
      return failedState(phase.failure)
    case 'closed':
      return { name: 'closed', title: 'Closed', detail: 'This tab has left the network.', action: 'join' }
  }
}

function runningState(inspection: Inspection, server: string): PageState {
  switch (inspection.status) {
    case 'connecting':
      return connecting(server)
    case 'joined':
      return joined(inspection)
    case 'alone':
      return serverFailure(inspection) ?? alone()
    case 'closed':
      return pageState({ type: 'closed' }, server)
  }
}

function connecting(server: string): PageState {
  const detail = `Asking ${server} and the other tabs of this browser for an introduction.`
  return { name: 'connecting', title: 'Connecting', detail }
}

function joined(inspection: Inspection): PageState {
  const linked = `Linked to ${formatPlural(inspection.links.length, 'other tab')}.`
  const livesOn = 'No introduction server answers, and the network lives on without one.'
  const detail = downCode(inspection) === undefined ? linked : `${linked} ${livesOn}`
  return { name: 'joined', title: 'Joined', detail }
}

function alone(): PageState {
  const detail = 'Nobody else is here yet. Open this page in another tab, and the two will find each other.'
  return { name: 'alone', title: 'Alone', detail, action: 'open-tab' }
}

/** Alone because no server let us in, which is another matter than being the first one here. */
function serverFailure(inspection: Inspection): PageState | undefined {
  const code = downCode(inspection)
  if (code === undefined) return undefined
  const addresses = servers(inspection).map(({ name }) => name)
  const title = titlesOfServerErrors[code] ?? 'Server unreachable'
  const said = code in titlesOfServerErrors ? 'turned this tab away' : 'does not answer'
  const detail = `${addresses.join(', ')} ${said}, and no other tab was found. Still trying.`
  return { name: 'server-unreachable', title, detail, code, action: 'open-tab' }
}

function failedState(failure: Failure): PageState {
  const { code, message } = failure
  switch (code) {
    case 'NO_WEBRTC':
    case 'NO_SECURE_CONTEXT':
      return { name: 'unsupported', title: 'Unsupported browser', detail: message, code }
    case 'SERVER_UNREACHABLE':
    case 'SERVER_REFUSED':
    case 'WRONG_NETWORK': {
      const title = titlesOfServerErrors[code] ?? 'Server unreachable'
      return { name: 'server-unreachable', title, detail: message, code, action: 'join' }
    }
    default:
      return { name: 'failed', title: 'Could not join', detail: message, code, action: 'join' }
  }
}

/** The code of the failure when every server is down; undefined when one is not, or there is none. */
function downCode(inspection: Inspection): string | undefined {
  const all = servers(inspection)
  if (all.length === 0 || all.some(({ state }) => state !== 'down')) return undefined
  return all.find(({ error }) => error !== undefined)?.error ?? 'SERVER_UNREACHABLE'
}

/** Introducers with an address; the other kind is this browser's own tabs. */
function servers(inspection: Inspection): Inspection['introducers'] {
  return inspection.introducers.filter(({ name }) => /^wss?:/.test(name))
}
