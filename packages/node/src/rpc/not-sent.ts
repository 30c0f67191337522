/** A request that never left this node, as too many are under way: nobody has been asked. */
import { KadrtcError } from '../errors.js'

export class NotSent extends KadrtcError {
  constructor(detail: string) {
    super('BUSY', detail)
  }
}
