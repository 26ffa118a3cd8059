/** The engine as other processors run it, on one that has more instructions. */
import { readFileSync } from 'node:fs'
import { buildAddon } from '../setup/addon.mjs'
import { inRoot } from '../setup/places.mjs'
import { timed } from '../setup/set-up.mjs'
import { runAll } from './run-all.mjs'
import { testFiles } from './test-files.mjs'

function processorHas(...instructions) {
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? []
  return instructions.every((name) => flags.includes(name))
}

/** Whether the usual build is another one than that for AVX2, and that one can be run. */
export const differsFromAvx2 = () => processorHas('avx2', 'avx512f')

/** Whether the build without oneDNN, for SSE 4.2, can be run. */
export const runsPortable = () => processorHas('sse4_2')

/**
 * Builds the addon for AVX2 and runs tests with it.
 * @param {import('../setup/onednn.mjs').OneDnn} onednn
 * @param {readonly string[]} wanted parts of the tests' paths
 * @param {number} timeoutSeconds of a file
 */
export const runWithAvx2 = (onednn, wanted, timeoutSeconds) =>
  runWith('Avx2', onednn, { ONEDNN_MAX_CPU_ISA: 'AVX2' }, wanted, timeoutSeconds)

/** As above with the addon for processors without AVX, and without oneDNN. */
export const runPortable = (wanted, timeoutSeconds) => runWith('Portable', null, {}, wanted, timeoutSeconds)

async function runWith(variant, onednn, env, wanted, timeoutSeconds) {
  await timed(`addon (${variant.toLowerCase()})`, () => buildAddon(onednn, { variant }))
  const addon = { NATIVE_ENSEMBLE_ADDON: inRoot(`native/build/${variant}/one.node`) }
  return runAll(testFiles(wanted), { jobs: 1, alone: () => false, timeoutSeconds, env: { ...env, ...addon } })
}
