/** What a plan may name; the addon has the tables (native/engine/plan/named.hpp) and tells them when it is loaded. */
import { UserFault } from '../../../vocabulary/fault.ts'

/** Names in the order of the numbers that the addon reads. */
export interface PlanNames {
  /** Instructions of all families of kernels. */
  readonly instructions: readonly string[]
  /** Activations that batch norm applies itself. */
  readonly rectifiers: readonly string[]
  /** What the relu mask of a batch norm's gradient is computed from. */
  readonly maskSources: readonly string[]
  /** Where an output of the program comes from. */
  readonly exportKinds: readonly string[]
  /** Operations of an optimizer's update. */
  readonly updateOps: readonly string[]
}

/** A name of one of the tables, sent as its number. */
export interface PlanName {
  readonly table: keyof PlanNames
  readonly name: string
}

/** @throws UserFault where the addon, built from other sources, lacks the name */
export function numberOf(names: PlanNames, { table, name }: PlanName): number {
  const place = names[table].indexOf(name)
  if (place >= 0) return place
  const remedy = 'Build it from these sources with: npm run setup.'
  throw new UserFault(
    `Expected ${name} among the native addon's ${table} but received: ${names[table].join(', ')}`,
    remedy,
  )
}
