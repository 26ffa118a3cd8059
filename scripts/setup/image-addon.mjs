/** The image decoder's addon, native/images over libjpeg-turbo: native/build/<variant>/images.node. */
import { compileAddon, compilerWarnings } from './compile-addon.mjs'
import { findLibjpeg, libjpegFromWheel } from './libjpeg-turbo.mjs'
import { SetupFault } from './setup-fault.mjs'
import { readStamp, writeStamp } from './stamp.mjs'

/** @param {import('./libjpeg-turbo.mjs').Libjpeg} [libjpeg] */
function decoder(libjpeg) {
  return {
    name: 'images',
    stamp: 'image-addon',
    sources: 'native/images',
    objects: 'image-objects',
    include: [libjpeg?.include].filter((folder) => typeof folder === 'string'),
    // The resize's weights are to be the same numbers as in its slow twin, which has no fused multiply-add.
    compile: ['-ffp-contract=off'],
    link: libjpeg?.link ?? [],
    library: libjpeg,
  }
}

/**
 * Without it images are decoded by prebuilt packages, more slowly: what cannot be had is told and not tried again until
 * the next set-up by command.
 * @param {{variant?: import('./compile-addon.mjs').Variant}} [options]
 * @returns {Promise<string | null>} what was done, null where nothing was to do
 */
export async function buildImageAddon({ variant = 'Release' } = {}) {
  if (readStamp(ABSENT) !== null) return null
  try {
    const { libjpeg, done } = await findLibjpeg()
    const compiled = await compileAddon(decoder(libjpeg), variant)
    if (!compiled) return done
    return `image decoder compiled, libjpeg-turbo ${libjpeg.version} ${libjpeg.origin}`
  } catch (error) {
    if (!(error instanceof SetupFault)) throw error
    writeStamp(ABSENT, { reason: error.message })
    return `no image decoder of our own (${error.message}; ${error.remedy}). ImageNet's images are decoded by prebuilt packages, more slowly`
  }
}

/** Builds the addon of a release at one instruction level. @returns {Promise<boolean>} false where nothing was to do */
export async function buildReleasedDecoder(level) {
  const libjpeg = await libjpegFromWheel()
  return compileAddon({ ...decoder(libjpeg), link: libjpeg.link.filter((flag) => !flag.startsWith('-Wl,')) }, level)
}

/** Why there is no addon, where it could not be built. */
export const ABSENT = 'image-addon-absent'

/** What the compiler said of the addon's sources. */
export const imageAddonWarnings = () => compilerWarnings(decoder())
