import { existsSync } from 'node:fs'
import { inRoot, root } from './places.mjs'
import { runCommand } from './run-command.mjs'
import { SetupFault } from './setup-fault.mjs'
import { hashOf, hashOfFiles, readStamp, writeStamp } from './stamp.mjs'

/** Nothing in the tree needs an install script: native parts come as prebuilt packages. */
const QUIET = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']

/**
 * Installs the npm packages of package-lock.json where they are not in node_modules yet.
 * @returns {Promise<string | null>} what was done, null where nothing was to do
 */
export async function installPackages() {
  const key = hashOf([hashOfFiles(['package.json', 'package-lock.json']), process.versions.modules, process.arch])
  const installed = existsSync(inRoot('node_modules/.package-lock.json'))
  if (installed && readStamp('npm-packages')?.key === key) return null

  // Not `npm ci`: it refuses the lock file where a registry lacks an optional package for some other platform, and it
  // empties node_modules first. This installs what the lock file pins and changes neither it nor package.json.
  const args = ['install', '--no-save', ...QUIET]
  const { status, output } = await runCommand('npm', args, { cwd: root })
  if (status === 'absent') {
    throw new SetupFault('Expected the program npm in PATH but found none', 'Install it: sudo apt-get install npm')
  }
  if (status !== 0) {
    throw new SetupFault(
      `Expected npm to install the packages but it ended with exit code ${status}`,
      'Check the network and the registry that npm is configured for (npm ping), then run: npm install --no-save --ignore-scripts',
      output,
    )
  }
  writeStamp('npm-packages', { key })
  return 'npm packages installed'
}
