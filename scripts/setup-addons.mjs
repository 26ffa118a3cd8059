/** `native-ensemble setup`: compiles the addons for this machine, in a clone or in an installation from npm. */
import { accessSync, constants } from 'node:fs'
import { compilerVersion } from './setup/compiler.mjs'
import { ABSENT } from './setup/image-addon.mjs'
import { checkNode } from './setup/node-and-system.mjs'
import { root } from './setup/places.mjs'
import { buildAddons, orExplain } from './setup/set-up.mjs'
import { SetupFault } from './setup/setup-fault.mjs'
import { removeStamp } from './setup/stamp.mjs'

await orExplain(async () => {
  checkNode()
  checkWritable()
  removeStamp(ABSENT)
  await compilerVersion()
  await buildAddons({ needsOneDnn: false })
  console.log('set-up: the addons are there, compiled for this machine')
  return 0
})

/** @throws {SetupFault} where an installation belongs to somebody else */
function checkWritable() {
  try {
    accessSync(root, constants.W_OK)
  } catch {
    throw new SetupFault(
      `Expected to write to ${root} but this user may not`,
      'Run it as the owner of the installation, or install the package into a folder of your own: npm install native-ensemble',
    )
  }
}
