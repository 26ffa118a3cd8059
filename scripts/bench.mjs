/** `npm run bench:<name> [-- options]`: set-up, then dist/bench/<name>.js. */
import { existsSync } from 'node:fs'
import { inRoot } from './setup/places.mjs'
import { runInForeground } from './setup/run-command.mjs'
import { orExplain, setUp } from './setup/set-up.mjs'
import { SetupFault } from './setup/setup-fault.mjs'

await orExplain(async () => {
  const [name = '', ...options] = process.argv.slice(2)
  await setUp()
  const bench = inRoot(`dist/bench/${name}.js`)
  if (!existsSync(bench)) {
    throw new SetupFault(
      `Expected the name of a benchmark in bench/ but received ${name === '' ? 'none' : name}`,
      'The benchmarks: npm run (lines that begin with bench:)',
    )
  }
  return runInForeground([bench, ...options])
})
