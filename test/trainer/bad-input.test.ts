/** What a run is given wrongly: exit code 2, a sentence and its remedy, and nothing that was there altered. */
import { spawnSync } from 'node:child_process'
import { chmod, cp, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { PLAN_VERSION } from '../../src/engine/executors/cpu/plan-words.ts'
import { readMetrics } from '../../src/report/metrics.ts'
import { runFiles } from '../../src/report/run-files.ts'
import {
  checkpointFolder,
  loadCheckpoint,
  MODEL_FILE,
  STATE_FILE,
  saveCheckpoint,
} from '../../src/train/checkpoint/checkpoint.ts'
import { cifarRecords, tarOf } from '../datasets/write-archives.ts'
import { fixturePath } from '../fixtures-folder.ts'
import { readFolder } from './read-run.ts'
import { type CliOptions, runCli, TINY_ARCHIVE, TRAIN_TINY } from './run-cli.ts'

/** Processes at a time. */
const JOBS = 2
t.setTimeout(120_000)

const cwd = t.testdir({
  'not-an-archive.tar.gz': 'hello',
  'empty-folder': {},
  'a-file': 'text',
  'a-file.node': 'text',
  'not-a-run': {},
})
const path = (...parts: string[]) => join(cwd, ...parts)
const finished = await runCli([...TRAIN_TINY, '--steps', '11', '--out', 'run'], { cwd })
t.equal(finished.code, 0, finished.stderr)
await makeBadFiles()

/** What is called, and what the message and its last line must say. */
interface Refusal {
  readonly name: string
  readonly argv: readonly string[]
  readonly says: RegExp
  readonly remedy: RegExp
  readonly options?: Partial<CliOptions>
}

const train = (...options: string[]) => [...TRAIN_TINY, '--steps', '2', '--out', 'new', ...options]

const REFUSALS: readonly Refusal[] = [
  {
    name: 'a file that is no archive',
    argv: train('--data', 'not-an-archive.tar.gz'),
    says: /whole tar archive for not-an-archive\.tar\.gz but received no tar header/,
    remedy: /fetch/,
  },
  {
    name: 'a truncated archive',
    argv: train('--data', 'truncated.tar.gz'),
    says: /whole gzip file for truncated\.tar\.gz but received one that is cut off/,
    remedy: /fetch it again/,
  },
  {
    name: 'a label out of range',
    argv: train('--data', 'label-10.tar.gz'),
    says: /a label of 0 \.\. 9 for record 2 of data_batch_1\.bin in label-10\.tar\.gz but received 10/,
    remedy: /damaged/,
  },
  {
    name: 'a folder without images',
    argv: train('--data', 'empty-folder'),
    says: /cifar10 for empty-folder but received a folder with neither/,
    remedy: /native-ensemble fetch cifar10/,
  },
  {
    name: 'a path without images',
    argv: train('--data', 'nowhere'),
    says: /the images of cifar10 for nowhere but it does not exist/,
    remedy: /native-ensemble fetch cifar10/,
  },
  {
    name: 'an unknown dataset',
    argv: train('--dataset', 'mnist'),
    says: /fashion-mnist, cifar10, .* or image-folder for --dataset but received mnist/,
    remedy: /./,
  },
  {
    name: 'a batch larger than the dataset',
    argv: train('--batch', '161'),
    says: /at least 161 training images \(one batch\) for cifar10 but received 160/,
    remedy: /smaller --batch/,
  },
  {
    name: 'an unknown device',
    argv: train('--devices', 'tpu:0'),
    says: /for --devices but received tpu:0/,
    remedy: /native-ensemble devices/,
  },
  {
    name: 'a batch that does not divide into the replicas',
    argv: train('--devices', 'cpu:3'),
    says: /a multiple of the 3 replicas of --devices cpu:3 for --batch but received 16/,
    remedy: /Use --batch 15 or 18/,
  },
  {
    name: 'weights of another network',
    argv: train('--network', 'resnet-14', '--init', fixturePath('pytorch/vanilla-resnet8.init.safetensors')),
    says: /the tensors of this network for .*vanilla-resnet8\.init\.safetensors but \d+ differ:/,
    remedy: /Give the options/,
  },
  {
    name: 'damaged weights',
    argv: train('--init', 'damaged.safetensors'),
    says: /damaged\.safetensors/,
    remedy: /./,
  },
  {
    name: 'weights that are not there',
    argv: train('--init', 'nowhere.safetensors'),
    says: /Cannot read nowhere\.safetensors: it does not exist/,
    remedy: /Check the path/,
  },
  {
    name: 'the folder of another run',
    argv: train('--out', 'run'),
    says: /a new or empty folder for --out but received run, which is not empty/,
    remedy: /native-ensemble resume run/,
  },
  {
    name: 'a file in place of the run folder',
    argv: train('--out', 'a-file'),
    says: /a folder for --out but received a-file/,
    remedy: /another path/,
  },
  {
    name: 'resume of a folder that is no run',
    argv: ['resume', 'not-a-run'],
    says: /the folder of a run for the run but received not-a-run/,
    remedy: /native-ensemble train/,
  },
  {
    name: 'resume of a run without a checkpoint',
    argv: ['resume', 'no-checkpoint'],
    says: /a checkpoint for the run to resume but received no-checkpoint/,
    remedy: /train it anew/,
  },
  {
    name: 'resume from changed weights',
    argv: ['resume', 'changed-model'],
    says: /complete safetensors file for .*model\.safetensors but .* its bytes have changed/,
    remedy: /other steps \(10\).*--checkpoint.*move changed-model\/checkpoints\/step-00000011 away/,
  },
  {
    name: 'resume from a cut off state',
    argv: ['resume', 'damaged-state'],
    says: /Expected the state of a run for .*state\.msgpack/,
    remedy: /other steps \(10\)/,
  },
  {
    name: 'images of a run that are not where they are said to be',
    argv: ['evaluate', 'run', '--data', 'nowhere'],
    says: /the images of cifar10 for nowhere/,
    remedy: /--data/,
  },
  {
    name: 'evaluation of changed weights',
    argv: ['evaluate', 'changed-model'],
    says: /complete safetensors file for .*model\.safetensors but .* its bytes have changed/,
    remedy: /--checkpoint <step>/,
  },
  {
    name: 'export of changed weights',
    argv: ['export', 'changed-model'],
    says: /complete safetensors file for .*model\.safetensors but .* its bytes have changed/,
    remedy: /--checkpoint <step>/,
  },
  {
    name: 'a broken addon',
    argv: train(),
    says: /the native addon for the executor cpu but received: .*a-file\.node/,
    remedy: /npx native-ensemble setup/,
    options: { env: { NATIVE_ENSEMBLE_ADDON: path('a-file.node') } },
  },
  {
    name: 'an addon of another version',
    argv: train(),
    says: /a native addon that reads plans of version \d+ but received: one of 1\b/,
    remedy: /npx native-ensemble setup/,
    options: { env: { NATIVE_ENSEMBLE_ADDON: path('old-addon.cjs') } },
  },
]

t.test('refused before anything is made', async (t) => {
  const before = await readFolder(cwd)
  const waiting = [...REFUSALS]
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { name, argv, says, remedy, options } = next
      const { code, stdout, stderr } = await runCli(argv, { cwd, ...options })
      t.equal(code, 2, `${name}: ${stderr}`)
      t.equal(stdout, '', name)
      t.match(stderr, new RegExp(`^error: .*${says.source}`, 'm'), name)
      t.match(stderr.trimEnd().split('\n').at(-1), remedy, name)
      t.notMatch(stderr, /\n\s+at /, `${name}: no stack`)
    }
  }
  await Promise.all(Array.from({ length: JOBS }, work))
  t.same(await readFolder(cwd), before, 'every file is as it was, and there is no other')
})

// Root may write anywhere, so somebody else must try, who may not be let into the folders above.
const uid = process.getuid?.() === 0 ? 65_534 : undefined
const readable = ['-e', `require('fs').accessSync(${JSON.stringify(TINY_ARCHIVE)})`]
const shut = uid !== undefined && spawnSync(process.execPath, readable, { cwd, uid }).status !== 0

t.test('a folder that cannot be written', { skip: shut && 'no other user may read this folder' }, async (t) => {
  const closed = path('closed')
  await mkdir(closed)
  await chmod(closed, 0o555)
  const before = await readFolder(cwd)
  for (const out of ['closed', 'closed/below/run']) {
    const { code, stderr } = await runCli(train('--out', out), { cwd, ...(uid === undefined ? {} : { uid }) })
    t.equal(code, 2, stderr)
    t.match(
      stderr,
      /^error: Cannot (write to|make) the run folder closed.*: access is not permitted\.\nChoose another place/,
    )
  }
  t.same(await readFolder(cwd), before)
})

t.test('training that diverges ends, and keeps what it had', async (t) => {
  const { code, stderr } = await runCli(train('--steps', '30', '--lr', '1e30', '--out', 'diverged'), { cwd })
  t.equal(code, 2, stderr)
  t.match(
    stderr,
    /^error: Expected a finite loss for step \d+ but received (NaN|-?Infinity)\.\nTraining diverged: .*--lr/m,
  )
  const text = await readFile(runFiles(path('diverged')).metrics, 'utf8')
  t.notMatch(text, /null|NaN/, 'every line is whole and has its loss')
  t.ok((await readMetrics(runFiles(path('diverged')).metrics)).every((line) => line.kind === 'step' && line.loss > 0))

  const last = await runCli(train('--steps', '1', '--lr', '1e38', '--weight-decay', '10', '--out', 'harmed'), { cwd })
  t.equal(last.code, 2, last.stderr)
  t.match(last.stderr, /Expected finite elements of \S+ for step 1 but received -?(NaN|Infinity)\.\nTraining diverged/)
  t.notOk('checkpoints' in (await readFolder(path('harmed'))), 'harm of the last step does not become a checkpoint')
})

t.test('checkpoints from before a run diverged are intact', async (t) => {
  // The run goes on with a learning rate that breaks it: its settings are changed by hand wherever they stand.
  const folder = path('breaking')
  await cp(path('run'), folder, { recursive: true })
  const { config, metrics } = runFiles(folder)
  const settings: object = JSON.parse(await readFile(config, 'utf8'))
  const breaking = { ...settings, steps: 30, learningRate: 1e30 }
  await writeFile(config, JSON.stringify(breaking))
  const refused = await runCli(['resume', 'breaking'], { cwd })
  t.equal(refused.code, 2, refused.stderr)
  t.match(refused.stderr, /settings of .*step-00000011 for .*config\.json .* learningRate 0\.1 there and 1e\+30 here/)
  const last = await loadCheckpoint(checkpointFolder(folder, 11))
  await saveCheckpoint(folder, { ...last, progress: { ...last.progress, config: breaking } }, 2)
  const [checkpoints, lines] = [await readFolder(join(folder, 'checkpoints')), await readMetrics(metrics)]
  const { code, stderr } = await runCli(['resume', 'breaking'], { cwd })
  t.equal(code, 2, stderr)
  t.match(stderr, /Expected a finite loss .*\n.*Earlier checkpoints are intact/)
  t.same(await readFolder(join(folder, 'checkpoints')), checkpoints)
  t.same((await readMetrics(metrics)).slice(0, lines.length), lines)
})

t.test('a fault of ours has its stack and exit code 1', async (t) => {
  const machine = 'machine() { throw new Error("broken inside") }'
  await writeFile(path('broken-addon.cjs'), `module.exports = { planVersion: ${PLAN_VERSION}, ${machine} }`)
  const env = { NATIVE_ENSEMBLE_ADDON: path('broken-addon.cjs') }
  const { code, stderr } = await runCli(train('--out', 'ours'), { cwd, env })
  t.equal(code, 1)
  t.match(stderr, /Error: broken inside\n +at [\s\S]*This is a fault of native-ensemble/)
})

async function makeBadFiles(): Promise<void> {
  const whole = await readFile(TINY_ARCHIVE)
  await writeFile(path('truncated.tar.gz'), whole.subarray(0, whole.length / 2))
  const labels = Array.from({ length: 20 }, (_, image) => [image === 2 ? 10 : image % 10])
  const archive = tarOf([
    ['data_batch_1.bin', cifarRecords(labels)],
    ['test_batch.bin', cifarRecords(labels.slice(3))],
  ])
  await writeFile(path('label-10.tar.gz'), gzipSync(archive))
  const weights = await readFile(fixturePath('pytorch/one-resnet8.init.safetensors'))
  await writeFile(path('damaged.safetensors'), weights.subarray(0, weights.length - 100))
  await writeFile(path('old-addon.cjs'), 'module.exports = { planVersion: 1 }')

  for (const name of ['no-checkpoint', 'changed-model', 'damaged-state']) {
    await cp(path('run'), path(name), { recursive: true })
  }
  await rm(path('no-checkpoint', 'checkpoints'), { recursive: true })
  const model = join(checkpointFolder(path('changed-model'), 11), MODEL_FILE)
  const bytes = await readFile(model)
  bytes.writeUInt8((bytes.at(-1) ?? 0) ^ 1, bytes.length - 1)
  await writeFile(model, bytes)
  await truncate(join(checkpointFolder(path('damaged-state'), 11), STATE_FILE), 1000)
}
