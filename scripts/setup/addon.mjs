/** The engine's addon, native/engine over oneDNN: native/build/<variant>/one.node. */
import { compileAddon, compilerWarnings } from './compile-addon.mjs'

/** @param {import('./onednn.mjs').OneDnn} [onednn] */
function engine(onednn) {
  // From native/build/<variant>/one.node to the package's root, so that a moved package still finds its oneDNN.
  const rpath = onednn?.origin === 'wheel' ? '$ORIGIN/../../../.onednn/lib' : onednn?.library
  const place = rpath === null ? [] : [`-L${onednn?.library}`, `-Wl,-rpath,${rpath}`]
  return {
    name: 'one',
    stamp: 'addon',
    sources: 'native/engine',
    objects: 'objects',
    include: [onednn?.include].filter((folder) => typeof folder === 'string'),
    // Its files name each other from the folder of the sources, and what addons share from native/.
    compile: ['-fopenmp', '-Inative/engine', '-Inative'],
    link: ['-fopenmp', ...place, '-ldnnl'],
    library: onednn,
  }
}

/**
 * @param {import('./onednn.mjs').OneDnn} onednn
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
