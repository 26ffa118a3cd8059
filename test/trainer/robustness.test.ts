/** `robustness` on runs that were trained for it. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import t from 'tap'
import { type RobustnessResult, readRobustness } from '../../src/report/robustness-result.ts'
import { runCli, TRAIN_TINY } from './run-cli.ts'

t.setTimeout(580_000)
const cwd = t.testdir()
const METHODS = ['vanilla', 'one']
for (const method of METHODS) {
  const ended = await runCli([...TRAIN_TINY, '--method', method, '--steps', '20', '--out', method], { cwd })
  t.equal(ended.code, 0, ended.stderr)
}

/** Names and contents of all files below a folder, but for those whose name begins with `robustness`. */
async function fingerprint(folder: string): Promise<string[]> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter(
    (entry) => entry.isFile() && !entry.name.startsWith('robustness'),
  )
  const paths = names.map(({ parentPath, name }) => join(parentPath, name)).sort()
  return await Promise.all(
    paths.map(
      async (path) =>
        `${path} ${createHash('sha256')
          .update(await readFile(path))
          .digest('hex')}`,
    ),
  )
}

t.test('the solution itself is what evaluate measures; runs and checkpoints stay as they were', async (t) => {
  const before = await fingerprint(cwd)
  const options = ['--directions', '2', '--steps', '2', '--farthest', '3', '--json', '--out', 'figure3']
  const ended = await runCli(['robustness', ...METHODS, ...options], { cwd })
  t.equal(ended.code, 0, ended.stderr)
  t.same(
    (await fingerprint(cwd)).filter((line) => !line.includes('figure3')),
    before,
  )
  const results: RobustnessResult[] = JSON.parse(ended.stdout)
  t.same(
    results.map(({ method }) => method),
    METHODS,
  )
  for (const result of results) {
    t.same(await readRobustness(join(cwd, result.run)), result)
    t.same(result.images, { train: 160, test: 40 })
    t.same(
      result.points.map(({ direction, distance }) => [direction, distance]),
      [
        [null, 0],
        [0, 1.5],
        [0, 3],
        [1, 1.5],
        [1, 3],
      ],
    )
    for (const split of ['test', 'train'] as const) {
      const evaluated = await runCli(['evaluate', result.run, '--split', split, '--json'], { cwd })
      t.equal(result.points[0]?.[split].error, JSON.parse(evaluated.stdout).top1_error.branches[0])
    }
    const losses = result.points.map(({ train }) => train.cross_entropy)
    t.equal(new Set(losses).size, losses.length, 'each move is felt')
  }
  t.equal(results[0]?.parameters, results[1]?.parameters, 'the deployed networks are compared')
  const written = await readdir(join(cwd, 'figure3'))
  t.ok(written.includes('robustness.csv') && written.includes('robustness-train-cross-entropy.svg'), written.join(' '))
  const { width } = await sharp(join(cwd, 'figure3', 'robustness-test-error.svg')).metadata()
  t.equal(width, 640)
  const csv = (await readFile(join(cwd, 'figure3', 'robustness.csv'), 'utf8')).trimEnd().split('\r\n')
  t.equal(csv.length, 1 + 2 * 5)
})

t.test('again it is the same, another seed or branch is not', async (t) => {
  const measure = async (...more: string[]) => {
    const options = ['--directions', '1', '--steps', '1', '--fraction', '0.5', '--json', ...more]
    const ended = await runCli(['robustness', 'one', ...options], { cwd })
    t.equal(ended.code, 0, ended.stderr)
    const [result]: RobustnessResult[] = JSON.parse(ended.stdout)
    return result
  }
  const first = await measure()
  t.same(await measure(), first)
  t.same(first?.images, { train: 80, test: 20 })
  const [origin, moved] = first?.points ?? []
  const other = await measure('--direction-seed', '2')
  t.same(other?.points[0], origin)
  t.notSame(other?.points[1], moved)
  t.notSame((await measure('--branch', '2'))?.points[0], origin)
})

t.test('what cannot be is told before anything is measured', async (t) => {
  for (const [options, message] of [
    [['--directions', '0'], /whole number from 1 for --directions but received 0/],
    [['--farthest', '-1'], /above 0 for --farthest/],
    [['--fraction', '2'], /at most 1 for --fraction/],
    [['--branch', '3'], /branch from 0 to 2 for --branch/],
  ] as const) {
    const ended = await runCli(['robustness', 'one', ...options], { cwd })
    t.equal(ended.code, 2)
    t.match(ended.stderr, message)
  }
  t.equal((await runCli(['robustness', 'none'], { cwd })).code, 2)
})
