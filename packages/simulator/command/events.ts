/**
 * What a simulation tells while it runs, and what `--json` prints: one object a line. Times are virtual milliseconds since
 * the network's beginning unless a name says otherwise; nothing but `realMs` differs between runs of one seed.
 */

export type Outcome =
  | 'ok'
  /** A get ended with nothing, a put with half of the replicas it wanted or fewer. */
  | 'missing'
  /** It failed or timed out. */
  | 'failed'
  /** The node that asked departed or froze meanwhile: whatever came of it says nothing about the network. */
  | 'interrupted'

/** The network at one size, while it grew: a few values are put and read again. */
export interface SizeEvent {
  readonly kind: 'size'
  readonly nodes: number
  readonly atMs: number
  readonly linksP50: number
  readonly linksP99: number
  readonly getsFound: number
  /** Those that count: begun, and not interrupted. */
  readonly gets: number
  readonly getsAsked: number
  readonly getP50Ms: number | null
  readonly getP90Ms: number | null
  readonly directP50Ms: number | null
  readonly greedyP50Ms: number | null
  readonly dialingP50Ms: number | null
  readonly hopsMean: number | null
}

export interface OperationEvent {
  readonly kind: 'put' | 'get'
  readonly atMs: number
  readonly tookMs: number
  readonly outcome: Outcome
  /** From the node that asked to the node closest to the key and back, with nobody between; 0 if it is that node. */
  readonly directMs: number
  /** Of some gets: over perfect tables of the nodes that were up when it was asked, with no faults, and all pairs connected. */
  readonly greedyMs?: number
  /** On the same nodes, an iterative lookup that opens a connection to each contact it asks. */
  readonly dialingMs?: number
  /** Links on the way to where a packet toward the key ends, traced after a get; absent where that is the node itself. */
  readonly hops?: number
}

/** How the values fare: at the start, and at regular times under churn. */
export interface SurvivalEvent {
  readonly kind: 'survival'
  /** Since the churn began. */
  readonly minute: number
  readonly values: number
  /** Values of which a node that is up holds at least one replica. */
  readonly alive: number
  readonly replicasMean: number
  readonly departures: number
}

/** A fault began; those that hold all the time are not told of, but in the command that gives the run again. */
export interface FaultEvent {
  readonly kind: 'fault'
  readonly atMs: number
  /** As it was asked for: `freeze 5%:1m@2m`. */
  readonly fault: string
  /** Struck, or joined; absent where the whole network is struck. */
  readonly nodes?: number
}

/** Over all nodes, in one span of time. */
export interface TrafficEvent {
  readonly kind: 'traffic'
  /** growing: everybody joins. resting: nobody asks for anything. working: churn and lookups. */
  readonly phase: 'growing' | 'resting' | 'working'
  readonly seconds: number
  readonly messagesPerNodePerSecond: number
  readonly bytesPerNodePerSecond: number
  readonly connectionsOpened: number
}

/** What became of all puts, or of all gets, that were asked for. */
export interface OperationTotals {
  readonly asked: number
  /** Those that the figures are of: the others count neither way. */
  readonly counted: number
  /** Begun, but the node that asked departed or froze meanwhile. */
  readonly interrupted: number
  /** There was no node that had joined, or nothing to get. */
  readonly notBegun: number
}

export interface SummaryEvent {
  readonly kind: 'summary'
  readonly seed: string
  readonly nodes: number
  readonly joined: number
  readonly failedStarts: number
  readonly linksP50: number
  readonly linksP99: number
  readonly puts: OperationTotals
  readonly gets: OperationTotals
  readonly departures: number
  readonly arrivals: number
  readonly virtualMs: number
  readonly realMs: number
  /** A hash of all that happened, if it is asked for. */
  readonly trace?: string
}

export type SimEvent = SizeEvent | OperationEvent | FaultEvent | SurvivalEvent | TrafficEvent | SummaryEvent

type EventOf<K extends SimEvent['kind']> = K extends OperationEvent['kind']
  ? OperationEvent
  : Extract<SimEvent, { kind: K }>

/** All events of one kind. */
export function eventsOf<K extends SimEvent['kind']>(events: readonly SimEvent[], kind: K): EventOf<K>[] {
  return events.filter((event) => event.kind === kind) as EventOf<K>[]
}

/** Puts or gets that were begun. */
export function operationsOf(events: readonly SimEvent[], kind: 'put' | 'get'): OperationEvent[] {
  return events.filter((event): event is OperationEvent => event.kind === kind)
}

/** Puts or gets, without those whose node departed or froze meanwhile. */
export function countedOf(events: readonly SimEvent[], kind: 'put' | 'get'): OperationEvent[] {
  return operationsOf(events, kind).filter(({ outcome }) => outcome !== 'interrupted')
}
