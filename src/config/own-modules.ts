/** Definitions of the user's among the settings: modules are loaded, values given in code taken up, and both by their hash. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { admitMethod } from '../engine/methods/registry.ts'
import { findOwnNetwork } from '../engine/networks/own-networks.ts'
import { familyOf } from '../engine/networks/registry.ts'
import { UserFault } from '../vocabulary/fault.ts'
import { fileFault } from '../vocabulary/file-fault.ts'
import {
  hashOfOwn,
  isModulePath,
  isRecord,
  type OwnDefinition,
  type OwnKind,
  registerOwn,
  wrongOwn,
} from '../vocabulary/own-definitions.ts'
import type { ConfigFault } from './config-fault.ts'
import type { GivenSettings } from './make-config.ts'
import { OPTION_TABLE, type OptionKey } from './option-table.ts'

/** Settings that may name a definition of the user's. */
export const OWN_SETTINGS = {
  network: 'network',
  teacherNetwork: 'network',
  method: 'method',
  optimizer: 'optimizer',
  dataset: 'dataset',
  augment: 'augmentation',
} as const satisfies Partial<Record<OptionKey, OwnKind>>

const SETTINGS = Object.entries(OWN_SETTINGS) as readonly (readonly [keyof typeof OWN_SETTINGS, OwnKind])[]

/** A definition, and the word by which settings name it: a module's absolute path, or its own name. */
interface Found extends OwnDefinition {
  readonly reference: string
}

/**
 * The settings with words in place of modules and definitions, which are then known by them; `modules` has their hashes.
 * @param faults receives what is wrong with them
 */
export async function takeOwn(given: GivenSettings, faults: ConfigFault[]): Promise<GivenSettings> {
  const taken: Record<string, unknown> = {}
  const modules: Record<string, string> = {}
  for (const [setting, kind] of SETTINGS) {
    const value = given[setting]
    if (!isOwnValue(value)) continue
    try {
      const found = await find(kind, value)
      taken[setting] = found.reference
      modules[setting] = found.sha256
      admit(kind, found.reference, found)
    } catch (error) {
      if (!(error instanceof UserFault)) throw error
      // A list ends its sentences itself.
      faults.push({ message: error.message.replace(/\.$/, ''), remedy: error.remedy })
      taken[setting] = String(value)
      admit(kind, String(value), error)
    }
  }
  return { ...given, ...taken, ...(Object.keys(modules).length > 0 && { modules }) }
}

/** Whether a value of a setting is a module or a definition, rather than the name of something of the package's. */
export function isOwnValue(value: unknown): boolean {
  return (typeof value === 'string' && isModulePath(value)) || value instanceof URL || isRecord(value)
}

/**
 * Takes up the definitions that a run began with. One that is not there, or is another now, is told where it is asked for: a
 * report can do without.
 * @param stored the run's settings as they were read
 * @param given definitions that the caller gives again
 * @param run for messages
 */
export async function takeOwnAgain(stored: GivenSettings, given: GivenSettings, run: string): Promise<void> {
  const { modules } = stored
  if (!isRecord(modules)) return
  for (const [setting, kind] of SETTINGS) {
    const [reference, sha256] = [stored[setting], modules[setting]]
    if (typeof reference !== 'string' || typeof sha256 !== 'string') continue
    try {
      const value = isOwnValue(given[setting]) ? given[setting] : reference
      if (typeof value === 'string' && !isModulePath(value)) {
        // Defined in this process already.
        if (hashOfOwn(kind, reference) === sha256) continue
        throw absent(setting, kind, reference, run)
      }
      const found = await find(kind, value)
      if (found.sha256 !== sha256) throw changed(setting, found, sha256, run)
      admit(kind, reference, found)
    } catch (error) {
      if (!(error instanceof UserFault)) throw error
      admit(kind, reference, error)
    }
  }
}

function admit(kind: OwnKind, reference: string, found: OwnDefinition | UserFault): void {
  registerOwn(kind, reference, found)
  if (kind === 'method') admitMethod(reference)
  if (kind === 'network' && !(found instanceof UserFault)) findOwnNetwork(reference)
}

/** Lets runs of this process find a definition that was made in code. @throws UserFault for a name that another has */
export function admitDefinition(kind: OwnKind, value: unknown): void {
  const found = describe(kind, value)
  admit(kind, found.reference, found)
}

async function find(kind: OwnKind, value: unknown): Promise<Found> {
  if (typeof value === 'string' || value instanceof URL) return await load(kind, value)
  if (isRecord(value) && typeof value['module'] === 'string') return await load(kind, value['module'])
  return describe(kind, value)
}

function describe(kind: OwnKind, value: unknown): Found {
  const name = isRecord(value) ? value['name'] : undefined
  const source = `the ${kind} ${String(name)} given in code`
  if (typeof name !== 'string' || name === '' || isModulePath(name) || familyOf(name) !== null) {
    throw wrongOwn('a name of its own', `the ${kind} given in code`, String(name), 'Give it a name that no other has.')
  }
  const sha256 = createHash('sha256').update(textOf(value)).digest('hex')
  return { reference: name, definition: value, source, sha256 }
}

/** Hash of each file that was imported: a changed one is imported anew. */
const imported = new Map<string, string>()

async function load(kind: OwnKind, module: string | URL): Promise<Found> {
  const isUrl = module instanceof URL || module.startsWith('file:')
  const path = isUrl ? fileURLToPath(module) : resolve(module)
  const source = isUrl ? path : module
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    throw fileFault(error, 'read', source)
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const url = pathToFileURL(path)
  // Threads load it, not this one.
  if (kind === 'augmentation') return { reference: path, definition: null, source, sha256, url: url.href }
  if ((imported.get(path) ?? sha256) !== sha256) url.search = sha256
  imported.set(path, imported.get(path) ?? sha256)
  let exports: unknown
  try {
    exports = await import(url.href)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw wrongOwn('a module that can be loaded', source, message, `Try it alone: node ${source}`, error)
  }
  const definition = isRecord(exports) ? (exports[kind] ?? exports['default']) : undefined
  if (definition === undefined) {
    const names = isRecord(exports) ? Object.keys(exports).join(', ') : ''
    const remedy = `Write export const ${kind} = ..., or export default.`
    throw wrongOwn(`an export named ${kind}, or a default export,`, source, names || 'no export', remedy)
  }
  return { reference: path, definition, source, sha256, url: url.href }
}

/** What tells one definition from another: its words and numbers, and its functions as they are written. */
function textOf(value: unknown): string {
  if (typeof value === 'function') return String(value)
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`
  if (Array.isArray(value)) return `[${value.map(textOf).join(',')}]`
  if (isRecord(value))
    return `{${Object.keys(value)
      .toSorted()
      .map((key) => `${key}:${textOf(value[key])}`)}}`
  return String(value)
}

function absent(setting: keyof typeof OWN_SETTINGS, kind: OwnKind, reference: string, run: string): UserFault {
  const remedy = `Define it again in the process that uses the run, or give it: resume(${JSON.stringify(run)}, { ${setting} }).`
  return new UserFault(
    `Expected the ${kind} ${reference}, which was defined in code, for ${run} but received none`,
    remedy,
  )
}

function changed(setting: keyof typeof OWN_SETTINGS, found: Found, before: string, run: string): UserFault {
  const { flag } = OPTION_TABLE[setting]
  const [then, now] = [before, found.sha256].map((hash) => hash.slice(0, 16))
  return new UserFault(
    `Expected ${found.source} as ${run} began with it (SHA-256 ${then}...) for ${flag} but received another (${now}...)`,
    'Put it back as it was, or train a new run with it: train --init <exported weights>.',
  )
}
