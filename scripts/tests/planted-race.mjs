/** Whether ThreadSanitizer, as it is loaded and told here, sees a race of two JavaScript threads in an addon. */
import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { compiler } from '../setup/compiler.mjs'
import { inRoot } from '../setup/places.mjs'
import { runCommand } from '../setup/run-command.mjs'
import { SetupFault } from '../setup/setup-fault.mjs'

const SOURCES = 'test/fixtures/threads'

/**
 * @param {import('./thread-reports.mjs').ThreadReports} reports
 * @param {NodeJS.ProcessEnv} env of the sanitizer
 * @returns {Promise<string>} what was wrong, empty where the race was reported and the locked twin was not
 */
export async function missedPlantedRace(reports, env) {
  const addon = inRoot('native/build/Threads/racing.node')
  mkdirSync(inRoot('native/build/Threads'), { recursive: true })
  const headers = createRequire(import.meta.url)('node-api-headers').include_dir
  const compile = ['-std=c++17', '-fPIC', '-shared', '-pthread', '-g', '-fsanitize=thread', '-isystem', headers]
  const source = inRoot(`${SOURCES}/racing-addon.cpp`)
  const { status, output } = await runCommand(compiler, [...compile, source, '-o', addon])
  if (status !== 0) throw new SetupFault(`Expected ${source} to compile but it did not`, 'See above', output)

  const faults = []
  for (const [name, wanted] of [
    ['count', true],
    ['lockedCount', false],
  ]) {
    const [program, ...args] = [...reports.through, process.execPath, inRoot(`${SOURCES}/call-in-two-threads.mjs`)]
    const { output: said } = await runCommand(program, [...args, addon, name], {
      env: { ...process.env, ...env, ...reports.envFor(name) },
    })
    const found = reports.of(name)
    const races = found.filter((report) => report.includes('racing-addon.cpp'))
    if (races.length > 0 !== wanted || races.length !== found.length) {
      faults.push(
        `${name}: ${found.length} reports where ${wanted ? 'one' : 'none'} was due\n${said}${found.join('\n')}`,
      )
    }
  }
  return faults.join('\n')
}
