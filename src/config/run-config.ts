import type { OPTION_TABLE } from './option-table.ts'
import type { Values } from './values.ts'

type Rows = typeof OPTION_TABLE

/** Values of the settings, each of the type that its row accepts. */
type SettingValues = {
  readonly [Key in keyof Rows]: Rows[Key] extends { readonly values: Values<infer T> } ? T : never
}

/** Everything a run depends on: written to the run folder, read again on resume. Plain data, no functions. */
export interface RunConfig extends SettingValues {
  /** Name of the recipe that the run was started from, null for options alone. */
  readonly recipe: string | null
  /** SHA-256 of the definitions of the user's that settings name, by the setting; absent where there are none. */
  readonly modules?: Readonly<Record<string, string>>
}
