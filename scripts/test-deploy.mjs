/**
 * `npm run test:deploy`: installs onnxruntime for Node (290 MB) and onnx and onnxruntime for Python into .deploy/, then runs the
 * exports of every network and ensemble with them, the snippets of docs/deploy.md, and the page in Chromium where it is.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inRoot } from './setup/places.mjs'
import { runCommand } from './setup/run-command.mjs'
import { orExplain, setUp, timed } from './setup/set-up.mjs'
import { SetupFault } from './setup/setup-fault.mjs'
import { hashOf, readStamp, writeStamp } from './setup/stamp.mjs'
import { testFiles } from './tests/test-files.mjs'

const FOLDER = process.env.NATIVE_ENSEMBLE_DEPLOY ?? inRoot('.deploy')
const FOR_PYTHON = ['onnx==1.23.2', 'onnxruntime==1.32.0', 'numpy==2.4.6', 'pillow==13.0.0']
const FOR_NODE = ['onnxruntime-node@1.30.0']

await orExplain(async () => {
  await setUp()
  await timed('onnxruntime', install)
  const { runAll } = await import('./tests/run-all.mjs')
  const env = { NATIVE_ENSEMBLE_DEPLOY: FOLDER }
  const total = await runAll(testFiles(['test/deploy/']), { jobs: 1, alone: () => false, timeoutSeconds: 900, env })
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  return total.failed === 0 ? 0 : 1
})

async function install() {
  const key = hashOf([FOLDER, ...FOR_PYTHON, ...FOR_NODE])
  if (existsSync(FOLDER) && readStamp('deploy-runtimes')?.key === key) return null
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(join(FOLDER, 'package.json'), '{ "private": true }\n')
  const python = join(FOLDER, 'python')
  for (const argv of [
    ['python3', '-m', 'venv', python],
    [`${python}/bin/pip`, 'install', '--quiet', ...FOR_PYTHON],
    // Its install script would fetch CUDA libraries, which nothing here uses.
    ['npm', 'install', '--prefix', FOLDER, '--ignore-scripts', '--no-audit', '--no-fund', ...FOR_NODE],
  ]) {
    const { status, output } = await runCommand(argv[0], argv.slice(1))
    if (status === 0) continue
    const remedy = 'Install python3, python3-venv and python3-pip, check the network, then run the command again'
    throw new SetupFault(`Expected to install the runtimes but ${argv.join(' ')} failed`, remedy, output)
  }
  writeStamp('deploy-runtimes', { key })
  return 'onnxruntime for Node and Python installed'
}
