import { DEFAULTS } from '../config/defaults.ts'
import type { ClassifierNames, MethodSetting, SettingWord } from '../engine/methods/method-definition.ts'
import { isMethodName, METHODS, type MethodName } from '../engine/methods/registry.ts'

/** As a run's file has them: any may be missing. */
type Settings = { readonly [Setting in MethodSetting | 'method']?: unknown }

/** @param settings of the run; without a method they count as ONE's */
export function classifierNames(settings: Settings): ClassifierNames {
  const { method } = settings
  return METHODS[isMethodName(method) ? method : DEFAULTS.method].members.names(wordsOf(settings))
}

/** How a run's method is called in the title of its report. */
export function methodTitle(settings: Settings): string {
  const { method } = settings
  return isMethodName(method) ? METHODS[method].title(wordsOf(settings)) : String(method ?? '')
}

/** The same in a table beside other runs. */
export function methodRowTitle(settings: Settings & { readonly method: MethodName }): string {
  const definition = METHODS[settings.method]
  return definition.rowTitle?.(wordsOf(settings)) ?? definition.title(wordsOf(settings))
}

function wordsOf(settings: Settings): SettingWord {
  return (setting) => String(settings[setting] ?? '')
}
