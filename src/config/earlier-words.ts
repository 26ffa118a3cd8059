/** What settings were called before: in run folders of earlier versions, and by habit on the command line. */
import { OPTION_KEYS, settingOf } from './option-table.ts'

type Keyed = Readonly<Record<string, unknown>>

/** The same settings with each value by its present word. */
export function withPresentWords<Settings extends Keyed>(settings: Settings): Settings {
  const renamed = OPTION_KEYS.flatMap((key) => {
    const word = settings[key]
    const present = typeof word === 'string' ? settingOf(key).earlierWords?.[word] : undefined
    return present === undefined ? [] : [[key, present]]
  })
  return renamed.length === 0 ? settings : { ...settings, ...Object.fromEntries(renamed) }
}
