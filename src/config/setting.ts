/** One row a setting: its type, check, sentence, default, help and what other parts of the program ask of it. */
import type { MethodName } from '../engine/methods/registry.ts'
import type { OptimizerName } from '../engine/optimizers/registry.ts'
import type { Values } from './values.ts'

/** Commands beside `train` that take settings as options. */
export type SettingCommand = 'resume' | 'evaluate' | 'summary' | 'bench step'

/** Another setting without which one is of no use; it is a fault where someone chose this one and the other is not so. */
export interface Need {
  readonly setting:
    | 'method'
    | 'dataset'
    | 'augment'
    | 'executor'
    | 'devices'
    | 'schedule'
    | 'optimizer'
    | 'augmentPolicy'
    | 'shuffle'
  /** What the other may be, up to a colon. */
  readonly values: readonly string[]
  /** Begins the sentence: `Expected --executor tfjs for --tfjs-backend but received ...`. */
  readonly expects: string
  readonly remedy: string
  /** A value of this setting that needs nothing. */
  readonly unless?: number | string
}

/** All but what the setting may be. Every setting has `default`, `byMethod` or `derived`. */
interface SettingRow<T> {
  readonly flag: `--${string}`
  /** Placeholder of the value in the help. */
  readonly value: string
  readonly help: string
  /**
   * What it is to a result in a report. `none`: changes nothing but by chance, or where it lies. `row`: decides which row of
   * a table the run belongs to. `difference`: may differ from the recipe, and the report then lists it, in the order of the rows.
   */
  readonly report: 'none' | 'row' | 'difference'
  readonly default?: T
  /** Of settings without a default: what the help says that they follow from. */
  readonly derived?: string
  /** Methods that read it, as they say themselves; the others have it `neutral`. */
  readonly methods?: readonly MethodName[]
  /** What it is with other methods, and in files of runs that were made before there was such a setting. */
  readonly neutral?: T
  /** What it is by default with a method, where that is not `neutral`. */
  readonly byMethod?: Readonly<Partial<Record<MethodName, T>>>
  /** What it is by default with an optimizer, where that is not `default`. */
  readonly byOptimizer?: Readonly<Partial<Record<OptimizerName, T>>>
  readonly needs?: readonly Need[]
  /** `free`: may differ when a run goes on, since it changes no number or its files' contents are compared otherwise. */
  readonly onResume?: 'free'
  /** `own`: each host has its own. `leader`: only the leader reads it and gives the others the state. Else they share it. */
  readonly hosts?: 'own' | 'leader'
  /** Whether it decides how long an image takes. */
  readonly work?: true
  /** Commands beside `train` that have the option. */
  readonly commands?: readonly SettingCommand[]
  /** Words of earlier versions, and what each is called now. */
  readonly earlierWords?: Readonly<Record<string, string>>
  /** What other trainers call the option. */
  readonly aliases?: readonly string[]
}

/** A row with what the setting may be. */
export interface Setting<T> extends SettingRow<T> {
  readonly values: Values<T>
}

/** Every key that is none of a row's is an error, which a type parameter alone would let pass. */
type Exact<Row> = Row & Readonly<Record<Exclude<keyof Row, keyof SettingRow<unknown>>, never>>

/**
 * @param values decide the type that the row's default and neutral value must have
 * @returns the row, whose type says which of the optional parts it has
 */
export function setting<T, const Row extends SettingRow<T>>(
  values: Values<T>,
  row: Exact<Row>,
): Row & { readonly values: Values<T> } {
  return { ...row, values }
}
