/** All that must be there before anything runs, in order; each step does nothing where its result is up to date. */
import { buildAddon } from './addon.mjs'
import { buildImageAddon } from './image-addon.mjs'
import { checkNode } from './node-and-system.mjs'
import { installPackages } from './npm-packages.mjs'
import { findOneDnn } from './onednn.mjs'
import { buildPjrtAddon } from './pjrt-addon.mjs'
import { SetupFault } from './setup-fault.mjs'
import { buildTypeScript } from './typescript.mjs'
import { buildWebPage } from './web-page.mjs'

/**
 * @param {{typeFaultsEnd?: boolean}} [options] `typeFaultsEnd: false` goes on with what tsc
 *   emitted where it found type faults
 * @returns {Promise<{onednn: import('./onednn.mjs').OneDnn, typeFaults: string}>} `typeFaults` is empty where all is well
 * @throws {SetupFault}
 */
export async function setUp({ typeFaultsEnd = true } = {}) {
  checkNode()
  await timed('npm packages', installPackages)
  const onednn = await buildAddons()
  let typeFaults = ''
  await timed('TypeScript', async () => {
    try {
      return await buildTypeScript()
    } catch (error) {
      if (typeFaultsEnd || !(error instanceof SetupFault)) throw error
      typeFaults = error.evidence
      return 'TypeScript compiled, with type faults'
    }
  })
  if (typeFaults === '') await timed('page for browsers', buildWebPage)
  return { onednn, typeFaults }
}

/**
 * Compiles the addons for this machine.
 * @param {{needsOneDnn?: boolean}} [options] `needsOneDnn: false` goes on without where it cannot be had and ONEDNN_ROOT does not ask for it
 * @returns {Promise<import('./onednn.mjs').OneDnn | null>}
 * @throws {SetupFault}
 */
export async function buildAddons({ needsOneDnn = true } = {}) {
  let onednn = null
  await timed('oneDNN', async () => {
    try {
      const found = await findOneDnn()
      onednn = found.onednn
      return found.done
    } catch (error) {
      if (needsOneDnn || process.env.ONEDNN_ROOT || !(error instanceof SetupFault)) throw error
      return `no oneDNN (${error.message}), our own kernels serve every operation`
    }
  })
  await timed('addon', () => buildAddon(onednn))
  await timed('image decoder', buildImageAddon)
  await timed('PJRT client', buildPjrtAddon)
  return onednn
}

/** Runs a step and prints what it did and how long that took; nothing where there was nothing to do. */
export async function timed(name, step) {
  const began = performance.now()
  // On a terminal the line stands there while the step runs, and is then written over.
  if (process.stdout.isTTY) process.stdout.write(`set-up: ${name} ...`)
  const done = await step().finally(() => {
    if (process.stdout.isTTY) process.stdout.write('\r\x1b[K')
  })
  if (done !== null) console.log(`set-up: ${done}, ${((performance.now() - began) / 1000).toFixed(1)} s`)
}

/** Runs a program's main part; a fault of the set-up is printed with its remedy and ends the process with exit code 2. */
export async function orExplain(main) {
  try {
    process.exitCode = await main()
  } catch (error) {
    if (!(error instanceof SetupFault)) throw error
    if (error.evidence !== '') console.error(error.evidence.trimEnd())
    console.error(`${error.message}.\n${error.remedy}`)
    process.exitCode = 2
  }
}
