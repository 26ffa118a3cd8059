/** The engine's addon, native/engine with or without oneDNN: native/build/<variant>/one.node. */
import { compileAddon, compilerWarnings } from './compile-addon.mjs'

/** Its files name each other from the folder of the sources, and what addons share from native/. */
const INCLUDES = ['-Inative/engine', '-Inative']

/** @param {import('./onednn.mjs').OneDnn | null} [onednn] null = our own kernels serve every operation */
function engine(onednn) {
  const base = { name: 'one', stamp: 'addon', sources: 'native/engine', objects: 'objects' }
  if (onednn === null) {
    return { ...base, include: [], compile: ['-DONE_WITHOUT_ONEDNN', ...INCLUDES], link: [], library: null }
  }
  // From native/build/<variant>/one.node to the package's root, so that a moved package still finds its oneDNN.
  const rpath = onednn?.origin === 'wheel' ? '$ORIGIN/../../../.onednn/lib' : onednn?.library
  const place = rpath === null ? [] : [`-L${onednn?.library}`, `-Wl,-rpath,${rpath}`]
  return {
    ...base,
    include: [onednn?.include].filter((folder) => typeof folder === 'string'),
    compile: ['-fopenmp', ...INCLUDES],
    link: ['-fopenmp', ...place, '-ldnnl'],
    library: onednn,
  }
}

/**
 * @param {import('./onednn.mjs').OneDnn | null} onednn null = without it
 * @param {{variant?: import('./compile-addon.mjs').Variant}} [options]
 * @returns {Promise<string | null>} what was done, null where nothing was to do
 * @throws {SetupFault} with the compiler's findings
 */
export async function buildAddon(onednn, { variant = 'Release' } = {}) {
  if (!(await compileAddon(engine(onednn), variant))) return null
  return variant === 'Release' ? 'addon compiled' : `addon compiled (${variant.toLowerCase()})`
}

/**
 * Builds the addon of a release at one instruction level: our own kernels serve every operation, so that it needs no oneDNN.
 * @returns {Promise<boolean>} false where nothing was to do
 */
export const buildReleasedEngine = (level) => compileAddon(engine(null), level)

/** What the compiler said of the addon's sources. */
export const addonWarnings = () => compilerWarnings(engine())
