/** What the definitions of all commands have in common. */
import { type Command, Option } from 'commander'
import { describeDefault } from '../config/defaults.ts'
import { OPTION_TABLE, type OptionKey, settingsThat } from '../config/option-table.ts'
import type { SettingCommand } from '../config/setting.ts'
import { UserFault } from '../vocabulary/fault.ts'
import { nearestWord } from '../vocabulary/nearest-word.ts'
import { commandPath, type Invocation } from './invocation.ts'
import { refuseLostOutput } from './streams.ts'

/** Does a command's work and gives its exit code. */
export type Action = (invocation: Invocation) => Promise<number>

export type Define = (usage: string, description: string, examples: readonly string[], action: Action) => Command
export type Wrap = (action: Action) => Action

export const JSON_OPTION = ['--json', 'print the result as JSON'] as const

/** For commands whose result is what they print; the others' results are files. */
export const printed: Wrap = (action) => async (invocation) => {
  const code = await action(invocation)
  await refuseLostOutput()
  return code
}

export function settingsOf(command: SettingCommand): OptionKey[] {
  return settingsThat(({ commands }) => commands?.includes(command) === true)
}

/** Options of the configuration; values stay text, the configuration's checks tell what is wrong with them. */
export function addSettings(command: Command, keys: readonly OptionKey[], withDefaults = true): Command {
  for (const key of keys) {
    const { flag, value, help } = OPTION_TABLE[key]
    const standard = withDefaults ? describeDefault(key) : "the run's own"
    const ending = standard === null ? '' : ` (default: ${standard})`
    const option = new Option(`${flag} ${value}`, `${help}${ending}`)
    option.attributeName = () => key
    // A word of the field's, --no-decay, is no opposite of another option.
    option.negate = false
    command.addOption(option)
  }
  return command
}

/** Help where no command is named. @throws UserFault for one that there is not */
export function refuseCommand(program: Command, name: string | undefined): void {
  if (name === undefined) {
    program.outputHelp()
    return
  }
  const names = program.commands.map((command) => command.name())
  const nearest = nearestWord(name, names)
  throw new UserFault(
    `Expected one of ${names.join(', ')} for the command but received ${name}`,
    nearest === null
      ? `${['native-ensemble', commandPath(program)].join(' ').trim()} --help says what each does.`
      : `Did you mean ${nearest}?`,
  )
}
