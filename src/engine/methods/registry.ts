/** All methods by the name that `--method` takes, and what is asked of them by that name. */
import { CL } from './cl.ts'
import { CL_ILR } from './cl-ilr.ts'
import { DKD } from './dkd.ts'
import { DML } from './dml.ts'
import { ENSEMBLE } from './ensemble.ts'
import { KD } from './kd.ts'
import { KDCL } from './kdcl.ts'
import type { MethodDefinition, MethodSetting, MethodSettings } from './method-definition.ts'
import { OKDDIP } from './okddip.ts'
import { ONE } from './one.ts'
import { findOwnMethod } from './own-methods.ts'
import { SNAPSHOT } from './snapshot.ts'
import { VANILLA } from './vanilla.ts'

const DEFINITIONS = {
  one: ONE,
  vanilla: VANILLA,
  kd: KD,
  dml: DML,
  snapshot: SNAPSHOT,
  ensemble: ENSEMBLE,
  cl: CL,
  dkd: DKD,
  okddip: OKDDIP,
  'cl-ilr': CL_ILR,
  kdcl: KDCL,
} as const satisfies Readonly<Record<string, MethodDefinition>>

export type MethodName = keyof typeof DEFINITIONS

const methods: Record<MethodName, MethodDefinition> = { ...DEFINITIONS }

/** Those of the package, and those of the user's that were admitted. */
export const METHODS: Readonly<Record<MethodName, MethodDefinition>> = methods

export function isMethodName(name: unknown): name is MethodName {
  return typeof name === 'string' && Object.hasOwn(METHODS, name)
}

/** Methods of the package. */
export const METHOD_NAMES: readonly MethodName[] = Object.keys(DEFINITIONS).filter(isMethodName)

/** Lets a method of the user's be asked for by its word, as those of the package. @throws UserFault where it is none */
export function admitMethod(reference: string): void {
  const definition = findOwnMethod(reference)
  if (definition !== null) Object.assign(methods, { [reference]: definition })
}

export function readsSetting(method: MethodName, setting: MethodSetting): boolean {
  return METHODS[method].reads.includes(setting)
}

/** Methods that read a setting. */
export function readersOf(setting: MethodSetting): MethodName[] {
  return METHOD_NAMES.filter((method) => readsSetting(method, setting))
}

/** Whether networks are saved at the ends of the learning rate's cycles, as the members of an ensemble. */
export function takesSnapshots(method: MethodName): boolean {
  return METHODS[method].ensemble === 'snapshots'
}

/** Whether it learns from a network that was trained before. */
export function learnsFromTeacher(method: MethodName): boolean {
  return METHODS[method].teacher
}

/** `one = On-the-fly Native Ensemble, ...` */
export const METHODS_IN_WORDS = METHOD_NAMES.map((method) => `${method} = ${METHODS[method].help}`).join(', ')

/** `--method one or --method kd`: what to use for a setting to be read. */
export function readersInWords(setting: MethodSetting): string {
  return readersOf(setting)
    .map((method) => `--method ${method}`)
    .join(' or ')
}

/** `dml and ensemble` */
export function readersListed(setting: MethodSetting): string {
  return readersOf(setting)
    .join(', ')
    .replace(/, (?=[^,]*$)/, ' and ')
}

type DefaultsByMethod<Value> = Readonly<Partial<Record<MethodName, Value>>>

/** Defaults of a setting that are a method's own, where no teacher is given. */
export function defaultsByMethod<Key extends MethodSetting>(setting: Key): DefaultsByMethod<MethodSettings[Key]> {
  const defaults: Partial<Record<MethodName, MethodSettings[Key]>> = {}
  for (const method of METHOD_NAMES) {
    const value = METHODS[method].defaults(null)[setting]
    if (value !== undefined) defaults[method] = value
  }
  return defaults
}
