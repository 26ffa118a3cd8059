/**
 * `npm run test:crash [-- --kills <n> --seed <n> --out <folder> --what <words>]`: small trainings that are killed at any moment, and ones
 * whose disk becomes full; each is to come to the numbers of the undisturbed run. A few of them are in `npm test`.
 */
import { inRoot } from './setup/places.mjs'
import { runInForeground } from './setup/run-command.mjs'
import { orExplain, setUp } from './setup/set-up.mjs'

await orExplain(async () => {
  await setUp()
  return runInForeground([inRoot('dist/test/crash/main.js'), ...process.argv.slice(2)])
})
