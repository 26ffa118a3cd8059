/** All settings that have an option, which are all but the recipe (an argument). */
import type { Setting } from './setting.ts'
import { AUGMENTATION_SETTINGS } from './settings/augmentation-settings.ts'
import { DATA_SETTINGS } from './settings/data-settings.ts'
import { DEVICE_SETTINGS } from './settings/device-settings.ts'
import { FINE_TUNING_SETTINGS } from './settings/fine-tuning-settings.ts'
import { METHOD_SETTINGS } from './settings/method-settings.ts'
import { OUTPUT_SETTINGS } from './settings/output-settings.ts'
import { START_SETTINGS } from './settings/start-settings.ts'
import { TRAINING_SETTINGS } from './settings/training-settings.ts'

/** In the order of the help of `train` and of config.json. */
export const OPTION_TABLE = {
  ...METHOD_SETTINGS,
  ...DATA_SETTINGS,
  ...TRAINING_SETTINGS,
  ...DEVICE_SETTINGS,
  ...START_SETTINGS,
  ...FINE_TUNING_SETTINGS,
  ...AUGMENTATION_SETTINGS,
  ...OUTPUT_SETTINGS,
}

export type OptionKey = keyof typeof OPTION_TABLE

/** Keys of the table; Object.keys has lost their type. */
export const OPTION_KEYS = Object.keys(OPTION_TABLE) as readonly OptionKey[]

/** A row with all the parts that it may have, where the table's own type knows only those that it has. */
export function settingOf(key: OptionKey): Setting<unknown> {
  return OPTION_TABLE[key]
}

/** Settings whose row answers to `wanted`, in the table's order. */
export function settingsThat(wanted: (row: Setting<unknown>) => boolean): OptionKey[] {
  return OPTION_KEYS.filter((key) => wanted(settingOf(key)))
}
