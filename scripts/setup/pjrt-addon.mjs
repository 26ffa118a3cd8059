/** The XLA executor's addon, native/pjrt: native/build/<variant>/pjrt.node. It needs no library to build. */
import { compileAddon, compilerWarnings } from './compile-addon.mjs'

const pjrtClient = {
  name: 'pjrt',
  stamp: 'pjrt-addon',
  sources: 'native/pjrt',
  objects: 'pjrt-objects',
  include: [],
  compile: [],
  link: ['-ldl'],
  library: null,
}

/**
 * @param {{variant?: import('./compile-addon.mjs').Variant}} [options]
 * @returns {Promise<string | null>} what was done, null where nothing was to do
 * @throws {SetupFault} with the compiler's findings
 */
export async function buildPjrtAddon({ variant = 'Release' } = {}) {
  return (await compileAddon(pjrtClient, variant)) ? 'PJRT client compiled' : null
}

/** Builds the addon of a release at one instruction level. @returns {Promise<boolean>} false where nothing was to do */
export const buildReleasedPjrtClient = (level) => compileAddon({ ...pjrtClient, link: [] }, level)

/** What the compiler said of the addon's sources. */
export const pjrtAddonWarnings = () => compilerWarnings(pjrtClient)
