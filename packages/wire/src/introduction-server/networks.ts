/** The rooms of all networks. A room exists while somebody is in it, so there are never more than clients. */
import type { Limits } from './limits.js'
import { type Member, NetworkRoom } from './network-room.js'
import type { Random } from './random.js'

export interface NetworksOptions {
  /** Names that are served; undefined: any. */
  readonly networks: ReadonlySet<string> | undefined
  readonly limits: Limits
  readonly random: Random
}

export class Networks {
  readonly #options: NetworksOptions
  readonly #rooms = new Map<string, NetworkRoom>()

  constructor(options: NetworksOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#rooms.size
  }

  get greeters(): number {
    let sum = 0
    for (const room of this.#rooms.values()) sum += room.greeters
    return sum
  }

  /** The room that `member` is now in; undefined if its network is not served here. */
  enter(network: string, member: Member): NetworkRoom | undefined {
    if (this.#options.networks && !this.#options.networks.has(network)) return undefined
    let room = this.#rooms.get(network)
    if (!room) {
      room = new NetworkRoom(network, this.#options.limits, this.#options.random)
      this.#rooms.set(network, room)
    }
    room.enter(member)
    return room
  }

  leave(room: NetworkRoom, member: Member): void {
    room.leave(member)
    if (room.size === 0 && this.#rooms.get(room.name) === room) this.#rooms.delete(room.name)
  }
}
