/** `native-ensemble setup <plugin>`, `npm run setup:cuda` and its like: fetches a PJRT plugin of native/pjrt/plugins.json by its name. */
import { checkNode } from './setup/node-and-system.mjs'
import { fetchPlugin } from './setup/pjrt-plugins.mjs'
import { isClone } from './setup/places.mjs'
import { orExplain, setUp, timed } from './setup/set-up.mjs'
import { removeStamp } from './setup/stamp.mjs'

await orExplain(async () => {
  // An installation from npm is whole but for this.
  if (isClone) await setUp()
  else checkNode()
  removeStamp('pjrt-absent')
  const [name = 'xla-cpu'] = process.argv.slice(2)
  await timed(`PJRT plugin ${name}`, () => fetchPlugin(name))
  console.log(`set-up: the PJRT plugin ${name} is there`)
  return 0
})
