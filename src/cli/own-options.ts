import { OPTION_KEYS, OPTION_TABLE } from '../config/option-table.ts'
import { UserFault } from '../vocabulary/fault.ts'

const OPTION = /(?<![\w-])--[a-z][a-z-]*/g
/** A command that a remedy quotes, with its options, up to the end of the sentence or the bracket. */
const QUOTED = /(?:native-ensemble [a-z]+|\btrain) [^.;)]*/g
const OF_TRAIN: ReadonlySet<string> = new Set(OPTION_KEYS.map((key) => OPTION_TABLE[key].flag))

/**
 * The fault as a command tells it: where its remedy is an option that only `train` has, that is said. Parts of the program
 * that several commands use cannot know.
 * @param known options of the command
 * @param ofRun whether the command goes by the settings of a run
 */
export function tellOwnOptions(error: unknown, command: string, known: readonly string[], ofRun: boolean): unknown {
  if (!(error instanceof UserFault)) return error
  const named = error.remedy.replaceAll(QUOTED, '').match(OPTION) ?? []
  const foreign = [...new Set(named)].filter((option) => OF_TRAIN.has(option) && !known.includes(option))
  if (foreign.length === 0) return error
  const [are, them] = foreign.length === 1 ? ['is an option', 'it'] : ['are options', 'them']
  const place = ofRun ? `${command} takes ${them} from the run's config.json` : `${command} has none`
  const remedy = `${error.remedy} (${foreign.join(', ')} ${are} of native-ensemble train; ${place}.)`
  return new UserFault(error.message, remedy, { cause: error })
}
