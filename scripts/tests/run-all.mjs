import { runTestFile } from './run-file.mjs'

/**
 * Runs test files in the order given, `jobs` at a time, those of `alone` one by one after all others, and prints each
 * file's result as it comes.
 * @param {readonly string[]} files compiled tests relative to the package's root
 * @param {{jobs: number, alone: (file: string) => boolean, timeoutSeconds: number, env?: NodeJS.ProcessEnv,
 *   through?: readonly string[], node?: string}} options see runTestFile
 * @returns {Promise<{passed: number, failed: number, skipped: number}>} tests, not files
 */
export async function runAll(files, { jobs, alone, ...options }) {
  const total = { passed: 0, failed: 0, skipped: 0 }
  const work = async (waiting) => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const result = await runTestFile(file, options)
      printResult(result)
      for (const kind of ['passed', 'failed', 'skipped']) total[kind] += result[kind]
    }
  }
  const together = files.filter((file) => !alone(file))
  await Promise.all(Array.from({ length: jobs }, () => work(together)))
  await work(files.filter(alone))
  return total
}

function printResult({ file, passed, failed, skipped, faults, seconds }) {
  const counts = [`${passed} passed`, failed > 0 && `${failed} FAILED`, skipped > 0 && `${skipped} skipped`]
  console.log(`  ${file.replace(/^dist\//, '')}: ${counts.filter(Boolean).join(', ')}, ${seconds.toFixed(1)} s`)
  for (const fault of faults) console.log(fault.replaceAll(/^/gm, '      '))
}
