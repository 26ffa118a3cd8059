import type { Command } from 'commander'
import type { ConfigFault } from '../config/config-fault.ts'
import { meantOption } from './option-aliases.ts'

/** What a command was called with. */
export interface Invocation {
  /** Arguments that are no options. */
  readonly operands: readonly string[]
  /** Options that were given, by commander's attribute names. */
  readonly options: Readonly<Record<string, unknown>>
  /** Options and arguments that the command does not know; the command tells them together with its own faults. */
  readonly faults: readonly ConfigFault[]
}

/** Sorts what commander left over: it would itself stop at the first unknown option. */
export function readInvocation(command: Command): Invocation {
  const operands: string[] = []
  const faults: ConfigFault[] = []
  const known = command.options.flatMap(({ long }) => long ?? [])
  let behindUnknown = false
  for (const argument of command.args) {
    const isOption = argument.startsWith('-') && argument !== '-'
    if (isOption) {
      const [name = ''] = argument.split('=')
      const nearest = meantOption(name, known)
      faults.push({
        message: `Expected an option of ${commandPath(command)} but received ${name}`,
        remedy:
          nearest === null ? `native-ensemble ${commandPath(command)} --help lists them.` : `Did you mean ${nearest}?`,
      })
    } else if (!behindUnknown) operands.push(argument)
    // What follows an unknown option may be its value; it is told of no more.
    behindUnknown = isOption && !argument.includes('=')
  }
  const { length } = command.registeredArguments
  const most = command.registeredArguments.at(-1)?.variadic === true ? operands.length : length
  for (const extra of operands.slice(most)) {
    const message = `Expected ${most === 0 ? 'no argument' : `at most ${most} argument`} for ${commandPath(command)} but received ${extra} too`
    faults.push({ message, remedy: 'Leave it out; options begin with --.' })
  }
  return { operands: operands.slice(0, most), options: command.opts(), faults }
}

/** Its words behind the program's name: `bench step`. */
export function commandPath(command: Command): string {
  const { parent } = command
  if (parent === null) return ''
  return `${commandPath(parent)} ${command.name()}`.trim()
}
