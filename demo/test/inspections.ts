import type { Inspection, LinkInspection } from 'kadrtc'

/** An inspection as a node gives it, with what a test cares about in place. */
export function inspection(differences: Partial<Inspection> = {}): Inspection {
  return {
    id: '0'.repeat(40),
    network: 'test',
    status: 'alone',
    links: [],
    contacts: 0,
    dialling: 0,
    records: { count: 0, bytes: 0, published: 0 },
    introducers: [],
    counters: {},
    ...differences,
  }
}

export function link(peer: string, bucket: number): LinkInspection {
  return { peer, bucket, reasons: ['sibling'], rttMs: 1, openForMs: 0 }
}
