/** What bounds the server, each limit with its default and the reason for it. All are options. */
import { introductionBytesMax } from '../limits.js'
import type { Rate } from './rate-limiter.js'

export interface Limits {
  /** Largest WebSocket message, bytes. A larger one ends its socket. */
  readonly payloadBytesMax: number
  /** New connections from one address (IPv6: one /64), per minute. */
  readonly joinsPerMinute: number
  /** Addresses whose joins are counted; past that the one unseen for longest is forgotten. */
  readonly addressesMax: number
  /** Sockets at once, in all networks. */
  readonly clientsMax: number
  /** From connection to proven key. */
  readonly handshakeMs: number
  /** A welcomed client that is no greeter and has neither sent nor been sent anything is let go after this. */
  readonly idleMs: number
  /** Between WebSocket pings; a peer that has not answered one by the next is gone. */
  readonly pingIntervalMs: number
  /**
   * A client that others are told of has been heard of within this, or is asked for a sign of life; while it owes one for as
   * long, others are told of it only if nobody else is there.
   */
  readonly signOfLifeMs: number
  /** Messages of one client: signals and requests for more greeters. What comes faster is dropped. */
  readonly messages: Rate
  /** Messages of one client dropped for coming too fast, before the client is refused. */
  readonly excessMessagesMax: number
  /** Bytes waiting for one client's socket. A client that reads more slowly is cut off. */
  readonly bufferedBytesMax: number
  /** Greeters of one network. */
  readonly greetersMax: number
  /** Greeters told to a newcomer. */
  readonly greetersPerWelcome: number
  /** Clients that have not joined yet and are told to others while a network has few greeters. */
  readonly newcomersMax: number
  /** The least time between two replacements in a full pool of greeters. */
  readonly rotationIntervalMs: number
  /** A greeter this old makes room for the next who joins. */
  readonly greeterAgeMaxMs: number
  /** A client that somebody was just told of is let go only after this, so that their signals still arrive. */
  readonly farewellMs: number
}

export const defaultLimits: Limits = {
  // The longest introduction message of the protocol.
  payloadBytesMax: introductionBytesMax,
  // A person opening tabs, or a small office behind one address, stays below; a script does not.
  joinsPerMinute: 20,
  // About 20 MB when full.
  addressesMax: 100_000,
  // Some 20 KB each. Clients stay for seconds, so this serves networks far larger than itself.
  clientsMax: 10_000,
  // Two round trips and a signature over a bad mobile line. A guess.
  handshakeMs: 10_000,
  // A join takes seconds; who is silent for a minute has its links, or has failed.
  idleMs: 60_000,
  // Below the 60 s after which common reverse proxies cut silent connections.
  pingIntervalMs: 30_000,
  // A ping and its answer over a bad mobile line; at most twenty pings a minute for a greeter that is named all the time. A guess.
  signOfLifeMs: 3_000,
  // Eight dials, each an offer and a few batches of candidates, start at once: 200 leaves them room.
  messages: { perSecond: 50, burst: 200 },
  // As many again as an honest burst.
  excessMessagesMax: 200,
  // 64 messages of the largest size.
  bufferedBytesMax: 1024 * 1024,
  // With 8 told to each newcomer, each greeter meets a quarter of them. A guess.
  greetersMax: 32,
  // One near and a handful at random connect a newcomer even if half of them have just gone.
  greetersPerWelcome: 8,
  // Dozens of tabs that start at once meet; bounded because anyone can be a newcomer.
  newcomersMax: 64,
  // All 32 turn over within 8 minutes, and a newcomer's greeters are still there when it dials them.
  rotationIntervalMs: 15_000,
  // About the mean session of a tab: nobody greets for much longer than it would have stayed anyway.
  greeterAgeMaxMs: 600_000,
  // An offer and its answer cross the server within this, slow lines included. A guess.
  farewellMs: 5_000,
}
