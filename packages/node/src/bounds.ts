/** What bounds a node's queues and memories beside its `Settings`, for those who look from outside whether they are kept. */
import { channelWaitingBytesMax } from './channels/channel.js'
import { avoidedMax } from './overlay/dialler.js'
import { rememberedMax } from './records/remembered.js'
import { handledMax } from './rpc/handled-requests.js'
import { sentSignalsMax } from './rpc/sent-signals.js'

export const nodeBounds = {
  /** Bytes that wait in one channel. */
  channelWaitingBytesMax,
  /** Peers that are remembered as failing. */
  avoidedMax,
  /** Records kept in mind, so that no reader is taken back. */
  rememberedMax,
  /** Requests of peers that are known again. */
  handledMax,
  /** Signals on their way over relays. */
  sentSignalsMax,
} as const
