/**
 * `npm run pack:release [-- --only main|platform]`: writes the tarballs of a release to release/: the package, and this
 * platform's prebuilt addons. release.yml publishes them.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { stageMainPackage } from './release/main-package.mjs'
import { stagePlatformPackage } from './release/platform-package.mjs'
import { checkNode } from './setup/node-and-system.mjs'
import { installPackages } from './setup/npm-packages.mjs'
import { inRoot } from './setup/places.mjs'
import { runCommand } from './setup/run-command.mjs'
import { orExplain, timed } from './setup/set-up.mjs'
import { SetupFault } from './setup/setup-fault.mjs'

await orExplain(async () => {
  const [option, only] = process.argv.slice(2)
  if (option !== undefined && (option !== '--only' || !['main', 'platform'].includes(only))) {
    throw new SetupFault(`Expected --only main or --only platform but received ${process.argv.slice(2).join(' ')}`, '')
  }
  checkNode()
  await timed('npm packages', installPackages)
  mkdirSync(inRoot('release'), { recursive: true })
  for (const old of readdirSync(inRoot('release')).filter((name) => name.endsWith('.tgz'))) {
    rmSync(inRoot(`release/${old}`))
  }
  if (only !== 'main') {
    const folder = inRoot('release/stage/platform')
    const { name, glibc } = await stagePlatformPackage(folder)
    console.log(`${await pack(folder)}: ${name}, glibc ${glibc} or newer`)
  }
  if (only !== 'platform') {
    const folder = inRoot('release/stage/main')
    await stageMainPackage(folder)
    console.log(await pack(folder))
  }
  return 0
})

/** @returns {Promise<string>} path of the archive with its size */
async function pack(folder) {
  const { status, stdout, output } = await runCommand(
    'npm',
    ['pack', '--json', '--pack-destination', inRoot('release')],
    {
      cwd: folder,
    },
  )
  if (status !== 0) throw new SetupFault('Expected npm to pack the release but it failed', 'Read what it says.', output)
  const [{ filename, size, unpackedSize, files }] = JSON.parse(stdout)
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`
  return `${join('release', filename)}: ${megabytes(size)}, ${files.length} files, ${megabytes(unpackedSize)} unpacked`
}
