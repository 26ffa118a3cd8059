/**
 * `npm run test:node -- <version> [substring ...]`: the fast tests on another Node, such as 24 or 20.15.0, whose program comes from
 * the npm package of Node's binaries. Set-up and build stay this Node's.
 */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inRoot } from './setup/places.mjs'
import { runCommand } from './setup/run-command.mjs'
import { orExplain, setUp, timed } from './setup/set-up.mjs'
import { SetupFault } from './setup/setup-fault.mjs'
import { isFast, testFiles } from './tests/test-files.mjs'

await orExplain(async () => {
  const [version = '', ...wanted] = process.argv.slice(2)
  if (!/^\d+(\.\d+){0,2}$/.test(version)) {
    throw new SetupFault(
      `Expected a version of Node but received ${version === '' ? 'none' : version}`,
      'npm run test:node -- 24',
    )
  }
  await setUp()
  const node = await fetchNode(version)
  const { stdout } = await runCommand(node, ['--version'])
  console.log(`tests on Node ${stdout.trim()}`)
  const { runAll } = await import('./tests/run-all.mjs')
  const files = testFiles(wanted).filter((file) => wanted.length > 0 || isFast(file))
  const total = await runAll(files, { jobs: 2, alone: () => false, timeoutSeconds: 600, node })
  if (total.skipped > 0) console.log(`${total.skipped} skipped`)
  console.log(`${total.passed} passed, ${total.failed} failed`)
  return total.failed === 0 && total.passed > 0 ? 0 : 1
})

/** The newest of a version that npm has, kept in .nodes/. @returns {Promise<string>} path of the program */
async function fetchNode(version) {
  const folder = inRoot(`.nodes/${version}`)
  const name = `node-${process.platform}-${process.arch}`
  const program = join(folder, 'node_modules', name, 'bin/node')
  if (existsSync(program)) return program
  await timed(`Node ${version}`, async () => {
    const aside = `${folder}.${process.pid}.part`
    try {
      mkdirSync(aside, { recursive: true })
      writeFileSync(join(aside, 'package.json'), '{"private":true}\n')
      const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', `${name}@${version}`]
      const { status, output } = await runCommand('npm', args, { cwd: aside })
      if (status !== 0) {
        throw new SetupFault(
          `Expected npm to fetch ${name}@${version} but it failed`,
          `npm view ${name} versions lists them.`,
          output,
        )
      }
      rmSync(folder, { recursive: true, force: true })
      renameSync(aside, folder)
    } finally {
      rmSync(aside, { recursive: true, force: true })
    }
    return `Node ${version} fetched`
  })
  return program
}
