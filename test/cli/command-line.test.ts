/** The command line as people meet it: a process, its output, its exit code. */
import { spawnSync } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { OPTION_KEYS, OPTION_TABLE } from '../../src/config/option-table.ts'
import { saveCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { readSafetensors } from '../../src/train/checkpoint/safetensors.ts'
import { checkpointAt } from '../checkpoint/small-run.ts'
import { madeUpRun } from '../report/made-up-run.ts'

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

/** Runs the command line in a folder. */
function run(cwd: string, ...argv: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...argv], { cwd, encoding: 'utf8' })
  return { status, stdout, stderr }
}

const COMMANDS = [
  'train',
  'recipes',
  'evaluate',
  'resume',
  'fetch',
  'summary',
  'devices',
  'export',
  'robustness',
  'report',
]

t.test('help says what there is', async (t) => {
  const cwd = t.testdir()
  const { status, stdout } = run(cwd, '--help')
  t.equal(status, 0)
  for (const command of COMMANDS) t.match(stdout, new RegExp(`^  ${command} `, 'm'))
  t.equal(run(cwd).stdout, stdout, 'no command is a call for help')
  for (const command of COMMANDS) {
    const help = run(cwd, command, '--help')
    t.equal(help.status, 0)
    t.match(help.stdout, new RegExp(`Examples:\\n {2}\\$ native-ensemble ${command}`))
  }
  const train = run(cwd, 'train', '--help').stdout
  for (const key of OPTION_KEYS) t.ok(train.includes(`  ${OPTION_TABLE[key].flag} ${OPTION_TABLE[key].value}`), key)
  t.match(train, /native-ensemble recipes/)
  t.same(await readdir(cwd), [], 'help leaves nothing behind')
})

t.test('the version is that of the package', async (t) => {
  const manifest: unknown = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8'))
  t.match(manifest, { version: run(t.testdir(), '--version').stdout.trim() })
})

t.test('a command line that cannot be gets its remedy and exit code 2', async (t) => {
  const cwd = t.testdir()
  const cases: [argv: string[], messages: RegExp[]][] = [
    [['trian'], [/one of train, .* received trian/, /Did you mean train\?/]],
    [
      ['train', '--bach', '3', '--lr', '-1', '--x=2'],
      [/^error: 3 things/, /--bach.*Did you mean --batch\?/, /--lr/, /--x\./],
    ],
    [
      [
        'train',
        'tabel1/resnet-32-one-cifar100',
        '--learning-rate',
        '1',
        '--network',
        'resnt-32',
        '--method',
        'ensembel',
      ],
      [
        /^error: 4 things/,
        /Did you mean --lr\?/,
        /mean table1\/resnet-32-one-cifar100\?/,
        /mean resnet-32\?/,
        /mean ensemble\?/,
      ],
    ],
    [['recipes', 'tabel1/'], [/Did you mean table1\/\?/]],
    [['fetch', 'cifar-10'], [/Did you mean cifar10\?/]],
    [['train', 'quickstart', 'more'], [/at most 1 argument .* more too/]],
    [['train', '--batch'], [/--batch/]],
    [
      ['train', '--devices', 'tpu'],
      [/for --devices but received tpu/, /native-ensemble devices/],
    ],
    [['evaluate'], [/'run'/]],
    [['evaluate', 'no-such-run'], [/the folder of a run .* no-such-run/]],
    [['evaluate', '.', '--checkpoint', 'newest'], [/latest, best or a step for --checkpoint/]],
    [['evaluate', '.', '--split', 'validation'], [/test or train for --split/]],
    [['resume', 'no-such-run', '--batch', '3'], [/an option of resume but received --batch/]],
    [['fetch', 'imagenet'], [/one of fashion-mnist, cifar10, cifar100/]],
    [
      ['summary', 'resnet-33'],
      [/--network but received resnet-33/, /resnet-32 and resnet-38/],
    ],
    [['devices', 'all'], [/no argument for devices/]],
    [['export', 'no-such-run'], [/Cannot read no-such-run: it does not exist/]],
    [['export', '.', '--branch', 'one'], [/--branch but received one/]],
    [['report', 'no-such-run'], [/the folder of a run/]],
  ]
  for (const [argv, messages] of cases) {
    const { status, stdout, stderr } = run(cwd, ...argv)
    t.equal(status, 2, argv.join(' '))
    t.equal(stdout, '')
    for (const message of messages) t.match(stderr, message, argv.join(' '))
    t.notMatch(stderr, /\n\s+at /, 'no stack')
  }
  t.same(await readdir(cwd), [], 'nothing is left behind')
})

t.test('export and report work from a run folder alone', async (t) => {
  const cwd = t.testdir()
  const folder = join(cwd, 'run')
  await mkdir(folder)
  await writeFile(join(folder, 'config.json'), '{}')
  t.match(run(cwd, 'export', 'run').stderr, /a run with a checkpoint/)
  await saveCheckpoint(folder, checkpointAt(10, { step: 10, error: 5 }), 2)
  await saveCheckpoint(folder, checkpointAt(20, { step: 10, error: 5 }), 2)

  const exported = run(cwd, 'export', 'run', '--branch', '1')
  t.match(exported, { status: 0, stdout: /^run\/branch-1\.safetensors: 3 tensors, 16 numbers/ })
  const latest = await readSafetensors(join(folder, 'branch-1.safetensors'))
  t.equal(run(cwd, 'export', 'run', '--checkpoint', 'best', '--out', 'best.safetensors').status, 0)
  const best = await readSafetensors(join(cwd, 'best.safetensors'))
  t.equal(latest.find(({ name }) => name === 'conv1.weight')?.data[1], 20)
  t.equal(best.find(({ name }) => name === 'conv1.weight')?.data[1], 10)
  t.match(run(cwd, 'export', 'run', '--branch', '2'), { status: 2, stderr: /a branch from 0 to 1/ })
  t.match(run(cwd, 'export', 'run', '--checkpoint', '15'), { status: 2, stderr: /one of the steps 10, 20/ })

  t.match(run(cwd, 'report', 'run'), { status: 2, stderr: /metrics\.jsonl/ })
  await writeFile(
    join(folder, 'metrics.jsonl'),
    madeUpRun(1)
      .map((line) => `${JSON.stringify(line)}\n`)
      .join(''),
  )
  t.match(run(cwd, 'report', 'run'), { status: 0, stdout: 'run/report.html\n' })
})

t.test('--print-config prints what --config reads, and makes nothing', async (t) => {
  const cwd = t.testdir()
  const plain = run(cwd, 'train', '--print-config', '--json')
  t.equal(plain.status, 0, plain.stderr)
  t.match(JSON.parse(plain.stdout), { recipe: null, noDecay: 'none', labelSmoothing: 0, method: 'one', epochs: 300 })
  const printed = run(cwd, 'train', 'quickstart', '--print-config', '--no-decay', 'norm,bias')
  t.match(printed.stdout, /^recipe: quickstart$/m)
  t.same(await readdir(cwd), [])
  await writeFile(join(cwd, 'mine.yaml'), printed.stdout)
  t.equal(run(cwd, 'train', '--config', 'mine.yaml', '--print-config').stdout, printed.stdout)
  const wrong = run(cwd, 'train', '--config', 'mine.yaml', '--epochs', 'few', '--labels-smoothing', '1')
  t.equal(wrong.status, 2)
  t.match(wrong.stderr, /--epochs but received few/)
  t.match(wrong.stderr, /Did you mean --label-smoothing\?/)
})
