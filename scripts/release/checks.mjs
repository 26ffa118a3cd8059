/** What an installation from the tarballs must do. Each check has a name and throws where it does not hold. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, realpathSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { inRoot } from '../setup/places.mjs'
import { runCommand } from '../setup/run-command.mjs'
import { archiveOf, manifest, PLATFORMS, platformPackage } from './packages.mjs'

const IMAGES = 'cifar-10-binary.tar.gz'
/** 160 images of ten classes; steps of 16. */
const TASK = ['--network', 'resnet-8', '--branches', '2', '--dataset', 'cifar10', '--data', IMAGES, '--batch', '16']
const TRAIN = ['native-ensemble', 'train', ...TASK, '--log-every', '1']

/** The tarballs of this platform, in release/. */
export const ARCHIVES = [
  archiveOf(manifest.name),
  ...PLATFORMS.filter(({ os, cpu }) => os === process.platform && cpu === process.arch).map((one) =>
    archiveOf(platformPackage(one)),
  ),
]

/** The package is the same on every platform: what it holds. */
export async function filesOfPackage() {
  const { stdout } = await runCommand('tar', ['-tzf', inRoot(`release/${ARCHIVES[0]}`)])
  const files = stdout
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''))
  const strange = files.filter((path) =>
    /(^|\/)(test|tests|fixtures|results|bench|node_modules|build)\/|\.map$|\.test\./.test(path),
  )
  assert.deepEqual(strange, [])
  for (const needed of [
    'dist/src/cli/main.js',
    'dist/workers/replica.js',
    'dist/web/page.js',
    'scripts/setup-addons.mjs',
    'LICENSE',
    'README.md',
  ]) {
    assert.ok(files.includes(needed), needed)
  }
  return files
}

/** @returns {Promise<{installSeconds: number, firstStepSeconds: number}>} `firstStepSeconds`: from the command to the first step's line in the log */
export async function installAndTrain(project) {
  copyFileSync(inRoot('test/fixtures/pytorch/tiny-cifar-10-binary.tar.gz'), join(project.folder, IMAGES))
  const began = performance.now()
  await succeeds(project, 'npm', [
    'install',
    '--no-audit',
    '--no-fund',
    ...ARCHIVES.map((name) => inRoot(`release/${name}`)),
  ])
  const installSeconds = (performance.now() - began) / 1000
  assert.ok(existsSync(join(project.folder, 'node_modules', platformPackage(PLATFORMS[0]), 'builds.json')))
  const firstStepSeconds = await secondsToFirstStep(project)
  return { installSeconds, firstStepSeconds }
}

function secondsToFirstStep(project) {
  const began = performance.now()
  return new Promise((resolve, reject) => {
    let seconds = null
    const child = spawn('npx', [...TRAIN, '--steps', '20', '--out', 'first'], {
      cwd: project.folder,
      env: project.env,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text
    })
    const clock = setInterval(() => {
      if (seconds === null && stepsOf(project, 'first').length > 0) seconds = (performance.now() - began) / 1000
    }, 5)
    child.on('error', reject)
    child.on('close', (status) => {
      clearInterval(clock)
      if (status === 0 && seconds !== null) resolve(seconds)
      else reject(new Error(`Expected a run with steps but received exit code ${status}: ${said}`))
    })
  })
}

/** Errors of a run are measured, and its network is exported. */
export async function evaluatesAndExports(project) {
  const { stdout } = await succeeds(project, 'npx', ['native-ensemble', 'evaluate', 'first', '--json'])
  const { branches } = JSON.parse(stdout).top1_error
  assert.equal(branches.length, 2)
  assert.ok(branches.every((error) => error >= 0 && error <= 100))
  await succeeds(project, 'npx', ['native-ensemble', 'export', 'first', '--out', 'branch.safetensors'])
  assert.ok(existsSync(join(project.folder, 'branch.safetensors')))
}

/** Pictures are classified. */
export async function predicts(project) {
  const pictures = ['jpg-rgb.jpg', 'png-rgb.png']
  for (const name of pictures) copyFileSync(inRoot(`test/fixtures/pictures/${name}`), join(project.folder, name))
  const { stdout } = await succeeds(project, 'npx', [
    'native-ensemble',
    'predict',
    'first',
    ...pictures,
    '--json',
    '--top',
    '2',
  ])
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  for (const name of pictures) {
    const { predictions } = lines.find(({ file }) => file === name)
    assert.equal(predictions.length, 2)
    assert.ok(
      predictions.every(({ label, probability }) => typeof label === 'string' && probability >= 0 && probability <= 1),
    )
  }
}

/** Each instruction set computes the same losses up to rounding, and the executor of the slow twin does. */
export async function everyLevelTrains(project) {
  const { levels, addons } = readBuilds(project)
  const runs = levels.filter(({ level }) => addons.one[level] !== undefined)
  const losses = {}
  for (const { level } of runs) {
    losses[level] = await lossesOf(project, `at-${level}`, [], { NATIVE_ENSEMBLE_INSTRUCTIONS: level })
    assert.equal(librariesOf(project, `at-${level}`).addon, `${level}, prebuilt`)
  }
  losses.tfjs = await lossesOf(project, 'at-tfjs', ['--executor', 'tfjs'])
  for (const [level, numbers] of Object.entries(losses)) {
    numbers.forEach((loss, step) => {
      // The first comes from the same weights; the others from weights that rounding has moved apart.
      const most = losses.tfjs[step] * (step === 0 ? 1e-5 : 1e-3)
      assert.ok(
        Math.abs(loss - losses.tfjs[step]) < most,
        `${level}, step ${step + 1}: ${loss} and ${losses.tfjs[step]}`,
      )
    })
  }
  return losses
}

async function lossesOf(project, out, options, env) {
  await succeeds(project, 'npx', [...TRAIN, '--steps', '3', '--out', out, ...options], env)
  const losses = stepsOf(project, out).map(({ loss }) => loss)
  assert.equal(losses.length, 3)
  return losses
}

/** User-mode emulation of processors that lack what this one has (Debian's qemu-user). */
const EMULATOR = 'qemu-x86_64'
const OLDER = { 'x86-64-v2': 'Nehalem' }

/** Whether older processors can be emulated here. */
export const canEmulate = async () => (await runCommand(EMULATOR, ['--version'])).status === 0

/** The oldest processor of an instruction set runs it, with the same bits as this one; after everyLevelTrains. */
export async function runsOnOlderProcessors(project) {
  const main = join(project.folder, 'node_modules/native-ensemble/dist/src/cli/main.js')
  for (const [level, processor] of Object.entries(OLDER)) {
    const train = [main, ...TRAIN.slice(1), '--steps', '3', '--out', `on-${processor}`]
    const { status, output } = await runCommand(
      EMULATOR,
      ['-cpu', processor, realpathSync(process.execPath), ...train],
      {
        cwd: project.folder,
        // The emulator shows programs the /proc/cpuinfo of the machine that it runs on.
        env: { ...project.env, NATIVE_ENSEMBLE_INSTRUCTIONS: level },
      },
    )
    assert.equal(status, 0, `on ${processor}: ${output.slice(-2000)}`)
    const [emulated, here] = [`on-${processor}`, `at-${level}`].map((run) =>
      stepsOf(project, run).map(({ loss }) => loss),
    )
    assert.deepEqual(emulated, here)
  }
}

/** A script in TypeScript against the package's types, then what it does. */
export async function servesScript(project) {
  copyFileSync(inRoot('scripts/release/project/train.ts'), join(project.folder, 'train.ts'))
  const { typescript, '@types/node': node } = manifest.devDependencies
  const packages = [`typescript@${typescript}`, `@types/node@${node}`]
  await succeeds(project, 'npm', ['install', '--save-dev', '--no-audit', '--no-fund', ...packages])
  const options = ['--strict', '--target', 'es2022', '--module', 'nodenext', '--types', 'node', '--outDir', 'built']
  await succeeds(project, 'npx', ['tsc', ...options, 'train.ts'])
  const { stdout } = await succeeds(project, 'node', ['built/train.js'])
  const { losses, ended, step, top1, refused } = JSON.parse(stdout)
  // Steps that have begun are done before a run stops.
  assert.ok(losses.length >= 3 && losses.length < 10, `${losses.length} steps before the stop`)
  assert.deepEqual(ended, ['stopped', 'finished'])
  assert.equal(step, 20)
  assert.equal(top1.members.length, 2)
  assert.match(refused, /^Expected .* but received resnet-7/)
}

/** A network and a method of the project's own, by the names of their files. */
export async function takesOwnFiles(project) {
  for (const name of ['own-network.js', 'own-method.js'])
    copyFileSync(inRoot(`examples/${name}`), join(project.folder, name))
  const own = ['--network', './own-network.js', '--method', './own-method.js']
  const task = ['--dataset', 'cifar10', '--data', IMAGES, '--batch', '16', '--log-every', '1']
  await succeeds(project, 'npx', ['native-ensemble', 'train', ...own, ...task, '--steps', '3', '--out', 'own-files'])
  const steps = stepsOf(project, 'own-files')
  assert.equal(steps.length, 3)
  assert.ok('towards_mean' in steps[0].parts)
}

/** Without the platform's package, as on a platform that has none: TensorFlow.js trains, and the run says so. */
export async function trainsWithoutAddons(project) {
  const [folder, aside] = ['node_modules/@native-ensemble', 'node_modules/.aside'].map((path) =>
    join(project.folder, path),
  )
  renameSync(folder, aside)
  try {
    const { output } = await succeeds(project, 'npx', [...TRAIN, '--steps', '2', '--out', 'portable'])
    assert.match(output, /training in JavaScript \(executor tfjs\), many times slower/)
    assert.match(output, /npx native-ensemble setup/)
    assert.equal(JSON.parse(readRun(project, 'portable', 'config.json')).executor, 'tfjs')
    const refused = await project.run('npx', [...TRAIN, '--steps', '2', '--executor', 'cpu', '--out', 'refused'])
    assert.equal(refused.status, 2)
    assert.match(
      refused.output,
      /package @native-ensemble\/\S+ is not installed\nBuild it with: npx native-ensemble setup\./,
    )
    const setup = await project.run('npx', ['native-ensemble', 'setup'])
    assert.equal(setup.status, 2)
    assert.match(setup.output, /Expected a C\+\+ compiler named g\+\+ in PATH but found none/)
  } finally {
    renameSync(aside, folder)
  }
}

/** With a compiler in PATH `setup` builds in the installation, and what it built is taken. */
export async function buildsFromSource(project) {
  const { output } = await runCommand('npx', ['native-ensemble', 'setup'], {
    cwd: project.folder,
    env: { ...project.env, PATH: process.env.PATH },
  })
  assert.match(output, /set-up: the addons are there, compiled for this machine/)
  await lossesOf(project, 'own', [])
  assert.equal(librariesOf(project, 'own').addon, 'built here')
  rmSync(join(project.folder, 'node_modules/native-ensemble/native/build'), { recursive: true })
}

async function succeeds(project, program, args, env) {
  const ran = await project.run(program, args, env)
  assert.equal(
    ran.status,
    0,
    `${program} ${args.join(' ')} ended with exit code ${ran.status}:\n${ran.output.slice(-2000)}`,
  )
  return ran
}

export function readBuilds(project) {
  const path = join(project.folder, 'node_modules', platformPackage(PLATFORMS[0]), 'builds.json')
  return JSON.parse(readFileSync(path, 'utf8'))
}

const readRun = (project, run, file) => readFileSync(join(project.folder, run, file), 'utf8')
const librariesOf = (project, run) => JSON.parse(readRun(project, run, 'machine.json')).libraries

/** Lines of the run's log that are of steps; none where there is no log yet. */
function stepsOf(project, run) {
  if (!existsSync(join(project.folder, run, 'metrics.jsonl'))) return []
  const whole = readRun(project, run, 'metrics.jsonl').split('\n').slice(0, -1)
  return whole.map((line) => JSON.parse(line)).filter(({ kind }) => kind === 'step')
}
