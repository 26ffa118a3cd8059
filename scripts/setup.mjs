/** `npm run setup`: all set-up and nothing else. */
import { ABSENT } from './setup/image-addon.mjs'
import { orExplain, setUp } from './setup/set-up.mjs'
import { removeStamp } from './setup/stamp.mjs'

await orExplain(async () => {
  removeStamp(ABSENT)
  await setUp()
  console.log('set-up: all is there')
  return 0
})
