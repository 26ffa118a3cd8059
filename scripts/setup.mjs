/** `npm run setup`: all set-up and nothing else. */
import { orExplain, setUp } from './setup/set-up.mjs'

await orExplain(async () => {
  await setUp()
  console.log('set-up: all is there')
  return 0
})
