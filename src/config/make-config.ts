/** From what a user chose to a complete, checked RunConfig. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defaultExecutor } from '../engine/executors/executor-choice.ts'
import { isMethodName, METHODS } from '../engine/methods/registry.ts'
import { expected, UserFault } from '../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../vocabulary/file-fault.ts'
import { didYouMean } from '../vocabulary/nearest-word.ts'
import { shortName } from '../vocabulary/own-definitions.ts'
import { checkConfig, findFaults } from './check-config.ts'
import { type ConfigFault, refuseFaults } from './config-fault.ts'
import { DEFAULTS, defaultRampUp, methodDefaults, optimizerDefaults, WITHOUT_METHOD } from './defaults.ts'
import { nameDevices } from './devices.ts'
import { withPresentWords } from './earlier-words.ts'
import { settingsThat } from './option-table.ts'
import { isOwnValue, OWN_SETTINGS, takeOwn, takeOwnAgain } from './own-modules.ts'
import { parsePeers } from './peers.ts'
import type { RecipeSettings } from './recipe.ts'
import { findRecipe, RECIPES } from './recipes.ts'
import type { RunConfig } from './run-config.ts'
import { NO_FILE, type SettingsFile } from './settings-file.ts'

/** Values as they come from the command line: any key, any type. */
export type GivenSettings = Readonly<Record<string, unknown>>

/** Folder of runs that were given no other. */
const RUNS_FOLDER = 'runs'

/**
 * Options beat the file, the file beats the recipe, the recipe beats the defaults.
 * @param recipe name of a recipe, null for none
 * @param otherFaults what the caller found wrong already, to be told together with the rest
 * @param file what a file of settings says
 * @throws UserFault that lists everything that is wrong
 */
export async function makeConfig(
  recipe: string | null,
  given: GivenSettings,
  otherFaults: readonly ConfigFault[] = [],
  file: SettingsFile = NO_FILE,
): Promise<RunConfig> {
  const faults = [...otherFaults, ...file.faults]
  const begun = recipe ?? file.recipe
  const known = begun === null ? null : findRecipe(begun)
  if (begun !== null && known === null) faults.push(unknownRecipe(begun))
  const named = nameGivenDevices(withPresentWords(given), faults)
  const filed = nameGivenDevices(withPresentWords(file.settings), faults)
  const taken = await takeOwn({ ...filed, ...named }, faults)
  const ofFile = Object.keys(filed).filter((key) => !Object.hasOwn(named, key))
  const layers = {
    recipe: { ...shorten(known?.settings ?? {}, taken['scale']), recipe: begun },
    file: Object.fromEntries(ofFile.map((key) => [key, taken[key]])),
    options: Object.fromEntries(Object.entries(taken).filter(([key]) => !ofFile.includes(key))),
  }
  const complete = completeLayers(layers)
  const chosen = new Set([...Object.keys(given), ...chosenInFile(layers)])
  const folder = taken['out']
  faults.push(...findFaults({ ...complete, out: folder ?? RUNS_FOLDER }, chosen))
  refuseFaults(faults, 'these options')
  const out = folder ?? (await freshRunFolder(complete))
  return checkConfig({ ...complete, out }, new Set(), 'these options')
}

/** `--devices gpu:all` by the GPUs that are here; XLA's devices mean its executor. */
function nameGivenDevices(given: GivenSettings, faults: ConfigFault[]): GivenSettings {
  const { devices } = given
  if (typeof devices !== 'string' || !/^(gpu|xla)/.test(devices)) return given
  try {
    return { executor: 'xla', ...given, devices: nameDevices(devices) }
  } catch (error) {
    if (!(error instanceof UserFault)) throw error
    faults.push(error)
    return { executor: 'xla', ...given, devices: 'gpu' }
  }
}

/** A recipe's schedule in proportion; a scale that is wrong is left for the checks. */
function shorten(settings: RecipeSettings, scale: unknown): RecipeSettings {
  if (typeof scale !== 'number' || !(scale > 0 && scale < 1)) return settings
  const { epochs = DEFAULTS.epochs, rampUp, warmUp } = settings
  return {
    ...settings,
    epochs: Math.max(1, Math.round(scale * epochs)),
    ...(rampUp === undefined ? {} : { rampUp: Math.round(scale * rampUp) }),
    ...(warmUp === undefined ? {} : { warmUp: scale * warmUp }),
  }
}

interface Layers {
  readonly recipe: GivenSettings
  readonly file: GivenSettings
  readonly options: GivenSettings
}

function completeLayers({ recipe, file, options }: Layers): GivenSettings {
  const below = { ...withoutOtherOptimizer(withoutOtherMethod(recipe, file), file), ...file }
  // A schedule of the file was chosen with the file's method, and does not bind another one.
  const ownSchedule = options['method'] === undefined && file['schedule'] !== undefined
  return completeSettings(below, { ...(ownSchedule && { schedule: file['schedule'] }), ...options })
}

/** Settings that are as they are because of the file: one that holds all settings chooses few of them. */
function chosenInFile({ recipe, file, options }: Layers): string[] {
  const complete = completeLayers({ recipe, file, options })
  return Object.keys(file).filter((key) => {
    const others = Object.fromEntries(Object.entries(file).filter(([name]) => name !== key))
    return complete[key] === file[key] && completeLayers({ recipe, file: others, options })[key] !== file[key]
  })
}

/** Adds what follows from other settings; values that are wrong are left for the checks. */
function completeSettings(recipe: GivenSettings, given: GivenSettings): GivenSettings {
  const chosen = { ...withoutOtherOptimizer(withoutOtherMethod(recipe, given), given), ...given }
  const { method: named, epochs, steps, teacher, network, optimizer }: GivenSettings = { ...DEFAULTS, ...chosen }
  const method = isMethodName(named) ? named : DEFAULTS.method
  const wholeEpochs = Number.isSafeInteger(epochs) ? Number(epochs) : 0
  const own = METHODS[method].schedule
  const schedule = own !== null && given['schedule'] === undefined ? { schedule: own } : {}
  return {
    ...DEFAULTS,
    executor: defaultExecutor(),
    ...methodDefaults(method, teacher),
    ...optimizerDefaults(optimizer),
    rampUp: defaultRampUp(method, wholeEpochs, steps === null ? null : 0),
    network: firstPeer(chosen) ?? network,
    ...chosen,
    ...schedule,
  }
}

/** Settings that only some methods read. */
const OF_METHODS = settingsThat(
  ({ methods, needs }) => methods !== undefined || needs?.some(({ setting }) => setting === 'method') === true,
)

/** A recipe's settings without those of its method, where the options choose another. */
function withoutOtherMethod(recipe: GivenSettings, given: GivenSettings): GivenSettings {
  if (given['method'] === undefined || given['method'] === recipe['method']) return recipe
  const own = new Set<string>(OF_METHODS)
  const method = recipe['method']
  if (isMethodName(method) && recipe['schedule'] === METHODS[method].schedule) own.add('schedule')
  return Object.fromEntries(Object.entries(recipe).filter(([key]) => !own.has(key)))
}

/** Settings that only some optimizers read, or that have defaults of their own with some. */
const OF_OPTIMIZERS = settingsThat(
  ({ byOptimizer, needs }) =>
    byOptimizer !== undefined || needs?.some(({ setting }) => setting === 'optimizer') === true,
)

/** A recipe's settings without those of its optimizer, where the options choose another. */
function withoutOtherOptimizer(recipe: GivenSettings, { optimizer }: GivenSettings): GivenSettings {
  if (optimizer === undefined || optimizer === (recipe['optimizer'] ?? DEFAULTS.optimizer)) return recipe
  const own = new Set<string>(OF_OPTIMIZERS)
  return Object.fromEntries(Object.entries(recipe).filter(([key]) => !own.has(key)))
}

/** The target is the first of the peers where they are named. */
function firstPeer({ peers }: GivenSettings): string | undefined {
  const parsed = typeof peers === 'string' ? parsePeers(peers) : null
  return parsed?.kind === 'networks' ? parsed.names[0] : undefined
}

function unknownRecipe(name: string): ConfigFault {
  const near = Object.keys(RECIPES).filter((recipe) => recipe.startsWith(`${name.split('/')[0]}/`))
  const choice = near.length > 0 ? near.join(', ') : 'quickstart, table1/resnet-32-one-cifar100, ...'
  return {
    message: `Expected one of ${choice} for the recipe but received ${name}`,
    remedy: didYouMean(name, Object.keys(RECIPES), 'native-ensemble recipes lists them all; or give options alone.'),
  }
}

/** `runs/<recipe, or network-method-dataset>-<n>`, n above all numbers there are. */
async function freshRunFolder(settings: GivenSettings): Promise<string> {
  const { recipe, network, method, dataset } = settings
  const words = [network, method, dataset].map((word) => shortName(String(word)))
  const name = typeof recipe === 'string' ? recipe.replaceAll('/', '-') : words.join('-')
  const numbers = (await listRuns()).map((run) => {
    const number = run.startsWith(`${name}-`) ? run.slice(name.length + 1) : ''
    return /^\d+$/.test(number) ? Number(number) : 0
  })
  return join(RUNS_FOLDER, `${name}-${Math.max(0, ...numbers) + 1}`)
}

async function listRuns(): Promise<string[]> {
  try {
    return await readdir(RUNS_FOLDER)
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return []
    throw fileFault(error, 'read', RUNS_FOLDER)
  }
}

/** The run has their words already. */
function withoutOwn(changes: GivenSettings): GivenSettings {
  return Object.fromEntries(
    Object.entries(changes).filter(([key, value]) => !(Object.hasOwn(OWN_SETTINGS, key) && isOwnValue(value))),
  )
}

/**
 * The configuration in a run folder, `out` set to where the folder is now.
 * @param changes settings that a resumed run may have otherwise (`onResume` of their rows), and definitions of the user's
 *   that the run began with
 * @throws UserFault where it cannot be read or is none
 */
export async function readConfig(runFolder: string, changes: GivenSettings = {}): Promise<RunConfig> {
  const path = join(runFolder, 'config.json')
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const code = fileErrorCode(error)
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw fileFault(error, 'read', path)
    const remedy = 'Name a folder that `native-ensemble train` made (see runs/).'
    throw expected('the folder of a run', 'the run', runFolder, remedy)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = null
  }
  if (typeof value !== 'object' || value === null) {
    throw expected('a JSON object', path, text.slice(0, 40), 'Take the file from a copy of the run folder.')
  }
  await takeOwnAgain({ ...value }, changes, runFolder)
  // A setting that is newer than the run had its default's effect then.
  const own = { ...DEFAULTS, ...WITHOUT_METHOD, ...withPresentWords({ ...value }), out: runFolder }
  const remedy = 'Put it right in that file, or take the file from a copy of the run.'
  const faults = findFaults(own, new Set()).map(({ message }) => ({ message: `${message} in ${path}`, remedy }))
  refuseFaults(faults, path)
  return checkConfig(
    { ...own, ...withPresentWords(withoutOwn(changes)), out: runFolder },
    new Set(Object.keys(changes)),
    'these options',
  )
}
