import { isPictureFolder, planPictureRun } from '../../api/picture-folder.ts'
import { trainRun } from '../../api/train.ts'
import { fault } from '../../config/config-fault.ts'
import { findHostPlace } from '../../config/host-place.ts'
import { makeConfig } from '../../config/make-config.ts'
import { NO_FILE, printSettings, readSettingsFile, type SettingsFile } from '../../config/settings-file.ts'
import { EXIT } from '../failure.ts'
import { givenSettings, hostChoice } from '../given-settings.ts'
import type { Invocation } from '../invocation.ts'
import { interruptedCode } from '../signals.ts'
import { refuseLostOutput } from '../streams.ts'
import { prepareShown } from './prepare.ts'
import { runTraining } from './training.ts'

/** `train [recipe | pictures]`: everything that is wrong is told before anything is made or loaded. */
export async function trainCommand(invocation: Invocation): Promise<number> {
  const { operands, options, faults } = invocation
  const json = options['json'] === true
  const [named = ''] = operands
  if (isPictureFolder(named)) return await trainOnPictures(named, invocation, json)
  if (options['profile'] === true) return await profile(invocation, json)
  if (options['printConfig'] === true) return await printConfig(invocation, json)
  const chosen = { ...(named && { recipe: named }), ...configFile(options) }
  const given = { ...givenSettings(options), ...hostChoice(options), ...chosen }
  return await runTraining((control, display) => trainRun({ ...given, ...control }, faults, display), json)
}

/** Says what it chooses, packs the pictures where they are not packed yet, and trains. */
async function trainOnPictures(folder: string, { options, faults }: Invocation, json: boolean): Promise<number> {
  const profiled =
    options['profile'] === true ? [fault('a recipe or options', '--profile', folder, AFTER_TRAINING)] : []
  const plan = await planPictureRun(folder, { ...givenSettings(options), ...hostChoice(options) }, [
    ...faults,
    ...profiled,
  ])
  for (const line of plan.lines) process.stderr.write(`${line}\n`)
  if (plan.prepare !== null) {
    const packed = await prepareShown(plan.prepare)
    if (packed === null) return interruptedCode()
    for (const { name, reason } of packed.bad) process.stderr.write(`left out: ${name}: ${reason}\n`)
  }
  const { settings } = plan
  return await runTraining((control, display) => trainRun({ ...settings, ...control }, [], display), json, USES)
}

const AFTER_TRAINING = 'Train without --profile first: its lines say which options to give with --dataset image-folder.'

/** What can be done with a run on pictures. */
const USES = (run: string) =>
  `Use it: native-ensemble predict ${run} <pictures>; native-ensemble export ${run} --format onnx (tfjs, web, safetensors)\n`

function configFile({ config }: Invocation['options']): { readonly config?: string } {
  return typeof config === 'string' ? { config } : {}
}

async function fileOf(options: Invocation['options']): Promise<SettingsFile> {
  const { config } = configFile(options)
  return config === undefined ? NO_FILE : await readSettingsFile(config)
}

/** What would be trained, as a file of settings; nothing is made. */
async function printConfig({ operands, options, faults }: Invocation, json: boolean): Promise<number> {
  const [given, file] = [givenSettings(options), await fileOf(options)]
  const config = await makeConfig(operands[0] ?? null, given, faults, file)
  const withFolder = { ...file.settings, ...given }['out'] !== undefined
  process.stdout.write(await printSettings(config, json ? 'json' : 'yaml', withFolder))
  await refuseLostOutput()
  return EXIT.done
}

async function profile({ operands, options, faults }: Invocation, json: boolean): Promise<number> {
  const file = await fileOf(options)
  const { place, faults: hostFaults } = findHostPlace({ ...file.settings, ...options }, process.env)
  const given: Record<string, unknown> = givenSettings(options)
  const profileFaults =
    { ...file.settings, ...given }['executor'] === 'tfjs'
      ? [fault('--executor cpu', '--profile', '--executor tfjs', 'Leave one of the two out.')]
      : []
  if (place !== null) profileFaults.push(fault('one host', '--profile', `--hosts ${place.hosts}`, 'Add --hosts 1.'))
  const hosts = place === null ? {} : { hosts: place.hosts }
  const allFaults = [...faults, ...hostFaults, ...profileFaults]
  const config = await makeConfig(operands[0] ?? null, { ...given, ...hosts }, allFaults, file)
  const { profileTraining } = await import('./profile.ts')
  return await profileTraining(config, json)
}
