/**
 * Builds @tensorflow/tfjs-node where its own install script cannot download the prebuilt libtensorflow: npm brings its
 * sources, pip TensorFlow's wheel, g++ compiles the binding against the wheel's library. Used by `npm run bench:step`
 * and `--executor tfjs --tfjs-backend tensorflow`. Linux only, 1.4 GB in one folder; nothing outside it is changed.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { unpackWheel } from './setup/unpack-wheel.mjs'

const TFJS_NODE = '@tensorflow/tfjs-node@4.22.0'
const TENSORFLOW = 'tensorflow-cpu==2.21.*'
const ROOT = fileURLToPath(new URL('..', import.meta.url))
const DEFAULT_FOLDER = join(ROOT, '.tfjs-node')
const HELP = `Usage: node scripts/build-tfjs-node.mjs [--folder <folder>] [--python <python3>]

Builds ${TFJS_NODE} on the library of ${TENSORFLOW} without its download of libtensorflow.
  --folder  where everything goes (default: .tfjs-node in the project, ignored by git)
  --python  the Python whose pip gets TensorFlow's wheel (default: python3)
Needs npm, pip and g++. A second run only checks what is there.`

class SetupFault extends Error {}

/** Runs a command in view of the user; a failure ends the script with the remedy. */
function run(command, args, remedy, options = {}) {
  const done = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options })
  if (done.error !== undefined) throw new SetupFault(`Cannot run ${command}: ${done.error.message}. ${remedy}`)
  if (done.status !== 0) throw new SetupFault(`${command} ${args[0]} failed (exit code ${done.status}). ${remedy}`)
}

function install(folder) {
  const modules = join(folder, 'node_modules')
  const present =
    existsSync(join(modules, '@tensorflow/tfjs-node/binding')) && existsSync(join(modules, 'node-api-headers'))
  if (present) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  const packages = [TFJS_NODE, 'node-api-headers@^1.9.0']
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages], 'See what npm says above.', {
    cwd: folder,
  })
}

/** The `tensorflow` folder of the wheel in `folder`, unpacked as far as a C program needs it. */
async function unpackTensorflow(folder, python) {
  const unpacked = join(folder, 'tensorflow')
  if (existsSync(join(unpacked, 'complete'))) return unpacked
  const wheels = join(folder, 'wheels')
  const isWheel = (name) => name.startsWith('tensorflow_cpu-') && name.endsWith('.whl')
  if (!existsSync(wheels) || !readdirSync(wheels).some(isWheel)) {
    run(
      python,
      ['-m', 'pip', 'download', '--no-deps', '-d', wheels, TENSORFLOW],
      'TensorFlow 2.21 has wheels for Python 3.10 to 3.13.',
    )
  }
  const wheel = readdirSync(wheels).find(isWheel)
  console.log(`Unpacking ${wheel}`)
  const prefixes = ['tensorflow/include/', 'tensorflow/libtensorflow_']
  const unzip = await unpackWheel(join(wheels, wheel), folder, { python, prefixes })
  if (unzip.status !== 0)
    throw new SetupFault(`Cannot unpack ${wheel}: ${unzip.output}. Is the disk full? It takes 1.2 GB.`)
  writeFileSync(join(unpacked, 'complete'), `${wheel}\n`)
  rmSync(wheels, { recursive: true })
  return unpacked
}

function compileBinding(folder, tensorflow) {
  const packageFolder = join(folder, 'node_modules/@tensorflow/tfjs-node')
  const output = join(packageFolder, 'lib/napi-v8/tfjs_binding.node')
  if (existsSync(output)) return
  mkdirSync(dirname(output), { recursive: true })
  const binding = join(packageFolder, 'binding')
  const sources = readdirSync(binding).filter((name) => name.endsWith('.cc'))
  console.log(`Compiling ${sources.join(' ')}`)
  const include = [join(folder, 'node_modules/node-api-headers/include'), join(tensorflow, 'include')]
  const args = [
    '-shared',
    '-fPIC',
    '-O2',
    '-std=c++17',
    '-w',
    '-DNAPI_VERSION=8',
    ...include.map((path) => `-I${path}`),
  ]
  const libraries = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'].map((name) => join(tensorflow, name))
  const rpath = `-Wl,-rpath,$ORIGIN/${relative(dirname(output), tensorflow)}`
  run(
    'g++',
    [...args, ...sources.map((name) => join(binding, name)), '-o', output, ...libraries, rpath],
    'A compiler is in the package g++ (apt-get install g++).',
  )
}

/** Loads the package in a process of its own (a broken library must not take this one down) and multiplies once. */
function check(folder) {
  const program = `
    const tf = require('@tensorflow/tfjs-node')
    const [value] = tf.matMul(tf.ones([1, 3]), tf.ones([3, 1])).dataSync()
    if (value !== 3) throw new Error('Expected 3 for 1 + 1 + 1 but received ' + value)
    const library = tf.backend().binding.TF_Version
    console.log('tfjs-node ' + tf.version['tfjs-node'] + ' on TensorFlow ' + library + ' works')`
  run('node', ['-e', program], `Remove ${folder} and run this script again.`, {
    cwd: folder,
    env: { TF_CPP_MIN_LOG_LEVEL: '2', ...process.env },
  })
}

async function main() {
  const { values } = parseArgs({
    options: {
      folder: { type: 'string', default: DEFAULT_FOLDER },
      python: { type: 'string', default: 'python3' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return console.log(HELP)
  if (process.platform !== 'linux')
    throw new SetupFault(
      'This build is for Linux: elsewhere `npm install @tensorflow/tfjs-node` has a prebuilt library.',
    )
  const folder = resolve(values.folder)
  install(folder)
  compileBinding(folder, await unpackTensorflow(folder, values.python))
  check(folder)
  console.log(`npm run bench:step finds it${values.folder === DEFAULT_FOLDER ? '' : ' only in the default folder'}.`)
  console.log(`For the executor tfjs: export NATIVE_ENSEMBLE_TFJS_NODE=${folder}`)
}

try {
  await main()
} catch (fault) {
  if (!(fault instanceof SetupFault) && fault?.code?.startsWith?.('ERR_PARSE_ARGS') !== true) throw fault
  console.error(fault.message)
  process.exitCode = 2
}
