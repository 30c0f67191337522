/**
 * What an introduction server does, as rules without sockets, timers or a clock of their own: whom it introduces, who
 * stays to greet, whom it lets go and when. The server that runs on the internet and the simulated one are both made of them.
 */
export { chooseGreeters } from './choose-greeters.js'
export { ClientSession } from './client-session.js'
export type { Counters } from './counters.js'
export { defaultLimits, type Limits } from './limits.js'
export type { Random } from './random.js'
export type { Rate } from './rate-limiter.js'
export { Reception, type ReceptionOptions } from './reception.js'
export type { SessionContext, SessionSocket } from './session-context.js'
