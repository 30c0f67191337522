/** Experiments on networks of real nodes: what the project promises, measured in virtual time. */

export * from './churn-lookups.js'
export * from './durability.js'
export * from './grow.js'
export * from './hot-key.js'
export * from './joining.js'
export * from './lay.js'
export * from './mass-departure.js'
export * from './measure.js'
export * from './partition.js'
export * from './routing.js'
export * from './speed.js'
export * from './unreachable.js'
