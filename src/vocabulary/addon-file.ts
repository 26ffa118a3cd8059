/**
 * Where the package's addons are: one that was built on this machine, else the prebuilt one of this platform for the richest
 * instruction set that this processor has. The layers that own an addon load it.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expected, UserFault } from './fault.ts'

/** `one`: the engine's kernels; `images`: the JPEG decoder; `pjrt`: the client of XLA's plugins. */
export type AddonName = 'one' | 'images' | 'pjrt'

export interface AddonFile {
  readonly path: string
  /** In words, e.g. `built here` or `x86-64-v3, prebuilt`. */
  readonly origin: string
}

/** builds.json of a platform's package (scripts/release/platform-package.mjs). */
export interface PrebuiltAddons {
  /** The richest instruction set first, with what each needs by the names of /proc/cpuinfo. */
  readonly levels: readonly { readonly level: string; readonly needs: readonly string[] }[]
  /** Files by instruction set; an addon has none for a level that would give it nothing. */
  readonly addons: Readonly<Record<AddonName, Readonly<Record<string, string>>>>
}

/** Environment variables that name another build of an addon (the sanitizers'), or one that is not there. */
const VARIABLES = {
  one: 'NATIVE_ENSEMBLE_ADDON',
  images: 'NATIVE_ENSEMBLE_IMAGE_ADDON',
  pjrt: 'NATIVE_ENSEMBLE_PJRT_ADDON',
} as const satisfies Record<AddonName, string>

/** The instruction set that prebuilt addons are to use, where it is not to be the richest. */
const LEVEL_VARIABLE = 'NATIVE_ENSEMBLE_INSTRUCTIONS'

/** From dist/src/vocabulary/ to the package's root. */
const root = fileURLToPath(new URL('../../../', import.meta.url))

/** The package with this platform's prebuilt addons. */
const PLATFORM_PACKAGE = `@native-ensemble/${process.platform}-${process.arch}`

/** @throws Error where there is none that can be used here, with the reason; UserFault where a variable is wrong */
export function findAddon(name: AddonName): AddonFile {
  const chosen = process.env[VARIABLES[name]]
  if (chosen !== undefined) return { path: chosen, origin: `named by ${VARIABLES[name]}` }
  const own = join(root, 'native/build/Release', `${name}.node`)
  if (existsSync(own)) return { path: own, origin: 'built here' }
  const prebuilt = findPrebuilt()
  if (prebuilt === null) throw new Error(`none was built here, and the package ${PLATFORM_PACKAGE} is not installed`)
  const { level, file } = choosePrebuilt(prebuilt.addons, name, processorFlags(), process.env[LEVEL_VARIABLE])
  return { path: join(prebuilt.folder, file), origin: `${level}, prebuilt` }
}

/** Why there is no addon for this machine, null where there is one; whether it can be loaded is not tried. */
export function addonAbsence(name: AddonName): string | null {
  try {
    findAddon(name)
    return null
  } catch (error) {
    if (error instanceof UserFault || !(error instanceof Error)) throw error
    return error.message
  }
}

function findPrebuilt(): { folder: string; addons: PrebuiltAddons } | null {
  let path: string
  try {
    path = createRequire(import.meta.url).resolve(`${PLATFORM_PACKAGE}/builds.json`)
  } catch {
    // An optional package: there is none for this platform, or it was left out.
    return null
  }
  // Written by our own release: this cast is the border.
  return { folder: dirname(path), addons: JSON.parse(readFileSync(path, 'utf8')) as PrebuiltAddons }
}

/**
 * @param flags of the processor
 * @param richest the richest instruction set that may be used, undefined = any
 * @throws Error where the processor can use none of them
 * @throws UserFault where there is no such instruction set
 */
export function choosePrebuilt(
  { levels, addons }: PrebuiltAddons,
  name: AddonName,
  flags: ReadonlySet<string>,
  richest?: string,
): { level: string; file: string } {
  const first = richest === undefined ? 0 : levels.findIndex(({ level }) => level === richest)
  if (first < 0) {
    const known = levels.map(({ level }) => level).join(', ')
    throw expected(`one of ${known}`, LEVEL_VARIABLE, richest, 'Unset it: the richest that the processor has is taken.')
  }
  const lacks = (needs: readonly string[]) => needs.filter((flag) => !flags.has(flag))
  for (const { level, needs } of levels.slice(first)) {
    const file = addons[name][level]
    if (file !== undefined && lacks(needs).length === 0) return { level, file }
  }
  const least = levels.findLast(({ level }) => addons[name][level] !== undefined)
  throw new Error(
    `the prebuilt one needs ${least?.level}, and this processor lacks ${lacks(least?.needs ?? []).join(', ')}`,
  )
}

/** Instructions that this processor and its kernel have, by the names of /proc/cpuinfo. */
function processorFlags(): ReadonlySet<string> {
  try {
    return new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' '))
  } catch {
    // No /proc: nothing is known, and nothing is chosen.
    return new Set()
  }
}
