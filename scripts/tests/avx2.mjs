/** The engine as processors without AVX-512 run it, on one that has it. */
import { readFileSync } from 'node:fs'
import { buildAddon } from '../setup/addon.mjs'
import { inRoot } from '../setup/places.mjs'
import { timed } from '../setup/set-up.mjs'
import { runAll } from './run-all.mjs'
import { testFiles } from './test-files.mjs'

/** Whether the usual build is another one, and this one can be run. */
export function differsFromAvx2() {
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? []
  return flags.includes('avx2') && flags.includes('avx512f')
}

/**
 * Builds the addon for AVX2 and runs tests with it.
 * @param {import('../setup/onednn.mjs').OneDnn} onednn
 * @param {readonly string[]} wanted parts of the tests' paths
 * @param {number} timeoutSeconds of a file
 */
export async function runWithAvx2(onednn, wanted, timeoutSeconds) {
  await timed('addon for AVX2', () => buildAddon(onednn, { variant: 'Avx2' }))
  const env = { NATIVE_ENSEMBLE_ADDON: inRoot('native/build/Avx2/one.node'), ONEDNN_MAX_CPU_ISA: 'AVX2' }
  return runAll(testFiles(wanted), { jobs: 1, alone: () => false, timeoutSeconds, env })
}
