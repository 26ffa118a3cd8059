/** `npm run setup:cuda` and its like: fetches a PJRT plugin by its name in native/pjrt/plugins.json. */
import { fetchPlugin } from './setup/pjrt-plugins.mjs'
import { orExplain, setUp, timed } from './setup/set-up.mjs'
import { removeStamp } from './setup/stamp.mjs'

await orExplain(async () => {
  await setUp()
  removeStamp('pjrt-absent')
  const [name = 'xla-cpu'] = process.argv.slice(2)
  await timed(`PJRT plugin ${name}`, () => fetchPlugin(name))
  console.log(`set-up: the PJRT plugin ${name} is there`)
  return 0
})
