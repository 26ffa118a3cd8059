/** Settings in a YAML or JSON file: what `train --config` reads and `train --print-config` writes. */
import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { expected } from '../vocabulary/fault.ts'
import { fileFault } from '../vocabulary/file-fault.ts'
import { nearestWord } from '../vocabulary/nearest-word.ts'
import { isRecord } from '../vocabulary/own-definitions.ts'
import { type ConfigFault, LEAVE_ONE } from './config-fault.ts'
import { OPTION_KEYS, type OptionKey, settingOf } from './option-table.ts'
import type { RunConfig } from './run-config.ts'

/** What a file says; its values are checked with the rest of the configuration. */
export interface SettingsFile {
  readonly recipe: string | null
  /** By the settings' own names. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Keys that are no settings, or are there twice. */
  readonly faults: readonly ConfigFault[]
}

export const NO_FILE: SettingsFile = { recipe: null, settings: {}, faults: [] }

/**
 * Keys are settings as options name them (`label-smoothing`, `label_smoothing`) or as the API does (`labelSmoothing`), and
 * `recipe`.
 * @throws UserFault where the file cannot be read, or holds no mapping
 */
export async function readSettingsFile(path: string): Promise<SettingsFile> {
  const { recipe = null, ...content } = await readMapping(path)
  if (recipe !== null && typeof recipe !== 'string') {
    throw expected('the name of a recipe or null', `recipe in ${path}`, recipe, 'Correct it, or leave it out.')
  }
  const settings: Record<string, unknown> = {}
  const faults: ConfigFault[] = []
  for (const [word, value] of Object.entries(content)) {
    const key = OPTION_KEYS.find((candidate) => namesOf(candidate).includes(word.replaceAll('_', '-')))
    if (key === undefined) {
      faults.push({ message: `Expected a setting in ${path} but received ${word}`, remedy: meant(word) })
    } else if (Object.hasOwn(settings, key)) {
      faults.push({ message: `Expected ${key} once in ${path} but received ${word} too`, remedy: LEAVE_ONE })
    } else settings[key] = plainValue(key, value)
  }
  return { recipe, settings, faults }
}

/**
 * All settings of a run as a file that makes the same run again.
 * @param withFolder whether the run folder is among them
 */
export async function printSettings(config: RunConfig, form: 'yaml' | 'json', withFolder: boolean): Promise<string> {
  const { modules: _, out, ...settings } = config
  const content = withFolder ? { ...settings, out } : settings
  if (form === 'json') return `${JSON.stringify(content, null, 2)}\n`
  const { stringify } = await import('yaml')
  return stringify(content)
}

async function readMapping(path: string): Promise<Readonly<Record<string, unknown>>> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw fileFault(error, 'read', path)
  }
  const json = extname(path).toLowerCase() === '.json'
  let content: unknown
  try {
    content = json ? JSON.parse(text) : (await import('yaml')).parse(text)
  } catch (error) {
    const problem = (error instanceof Error ? error.message : String(error)).split('\n')[0]?.replace(/:$/, '')
    throw expected(json ? 'JSON' : 'YAML', path, `a file with a fault (${problem})`, 'Correct the file.')
  }
  if (isRecord(content) && !Array.isArray(content)) return content
  const remedy = '`native-ensemble train --print-config` prints such a file.'
  throw expected('settings by name', path, JSON.stringify(content ?? null).slice(0, 40), remedy)
}

const optionName = (key: OptionKey) => settingOf(key).flag.slice(2)

const namesOf = (key: OptionKey) => [key, optionName(key)]

/** The setting that someone most likely means by another word. */
function meant(word: string): string {
  const option = `--${word.replaceAll('_', '-').replace(/^-+/, '')}`
  const alias = OPTION_KEYS.find((key) => settingOf(key).aliases?.includes(option))
  const nearest = alias ? optionName(alias) : nearestWord(word, ['recipe', ...OPTION_KEYS.flatMap(namesOf)])
  return nearest === null ? 'native-ensemble train --help lists them.' : `Did you mean ${nearest}?`
}

/** What YAML reads as a number, a list or true where the setting is text: `peers: 3`, `betas: [0.9, 0.99]`, `distill: false`. */
function plainValue(key: OptionKey, value: unknown): unknown {
  const { kind, words = [] } = settingOf(key).values
  if (kind === 'number') return value
  if (typeof value === 'number') return String(value)
  if (typeof value === 'boolean' && words.includes('on')) return value ? 'on' : 'off'
  const flat = Array.isArray(value) && value.every((one) => typeof one === 'string' || typeof one === 'number')
  return flat ? value.join(',') : value
}
