/** The node's counters in groups that mean something to people. Pure. */
export interface CounterGroup {
  readonly title: string
  readonly counters: readonly (readonly [name: string, value: number])[]
}

const groups: readonly (readonly [title: string, names: readonly string[]])[] = [
  ['Requests', ['sent', 'answered', 'timedOut', 'pending', 'lateReplies', 'rogueReplies']],
  ['Served', ['ping', 'findNode', 'findValue', 'store', 'digest', 'signal', 'findLinks']],
  ['Relayed', ['relayed', 'relayRefused', 'unreachable', 'malformed']],
  ['Replicas', ['offered', 'handedOver']],
]

/** What no group knows comes last, so that a counter of a newer version is not lost. */
export function groupCounters(counters: Readonly<Record<string, number>>): CounterGroup[] {
  const grouped = new Set(groups.flatMap(([, names]) => names))
  const others = Object.keys(counters).filter((name) => !grouped.has(name))
  return [...groups, ['Other', others] as const]
    .map(([title, names]) => ({
      title,
      counters: names.flatMap((name) => {
        const value = counters[name]
        return value === undefined ? [] : [[name, value] as const]
      }),
    }))
    .filter((group) => group.counters.length > 0)
}
