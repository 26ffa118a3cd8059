/** `npm start [-- options of train]`: all set-up, the images, and the quickstart: ResNet-32 + ONE on Fashion-MNIST. */
import { inRoot } from './setup/places.mjs'
import { runInForeground } from './setup/run-command.mjs'
import { orExplain, setUp } from './setup/set-up.mjs'

await orExplain(async () => {
  await setUp()
  const cli = inRoot('dist/src/cli/main.js')
  const fetched = await runInForeground([cli, 'fetch', 'fashion-mnist'])
  if (fetched !== 0) return fetched
  return runInForeground([cli, 'train', 'quickstart', ...process.argv.slice(2)])
})
