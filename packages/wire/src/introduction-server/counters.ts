/** What has happened on an introduction server since its start. */
export interface Counters {
  /** Clients that proved their key and were welcomed. */
  welcomed: number
  /** Clients that were told why they cannot stay. */
  refused: number
  signalsRelayed: number
  /** Signals to nobody here, and messages that came too fast. */
  messagesDropped: number
}
