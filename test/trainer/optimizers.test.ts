/** Runs by each optimizer: two replicas repeat their bits, and a run goes on from a checkpoint to the same bits. */
import { join } from 'node:path'
import t from 'tap'
import { checkpointFolder, loadCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { readRun } from './read-run.ts'
import { rewindRun } from './rewind-run.ts'
import { runCli, TRAIN_TINY } from './run-cli.ts'

const STEPS = 14
t.setTimeout(300_000)

const INGREDIENTS = ['--label-smoothing', '0.1', '--no-decay', 'norm,bias', '--clip-norm', '0.5']
const OPTIMIZERS = [
  {
    name: 'lamb',
    options: ['--betas', '0.9,0.99', '--eps', '1e-5', '--lr', '0.002', '--weight-decay', '0.05', ...INGREDIENTS],
    slots: ['exp_avg', 'exp_avg_sq'],
  },
  { name: 'lars', options: ['--momentum', '0.8', '--trust-coefficient', '0.002'], slots: ['momentum'] },
]

for (const { name, options, slots } of OPTIMIZERS) {
  t.test(name, async (t) => {
    const cwd = t.testdir()
    const run = async (...args: string[]) => {
      const { code, stderr } = await runCli(args, { cwd })
      if (code !== 0) throw new Error(stderr)
    }
    const always = ['--devices', 'cpu:2', '--steps', `${STEPS}`, '--checkpoint-steps', '3', '--keep', '9']
    await run(...TRAIN_TINY, '--optimizer', name, ...options, ...always, '--out', 'whole')
    const from = await rewindRun(join(cwd, 'whole'), join(cwd, 'again'), 9)
    const { tensors } = await loadCheckpoint(checkpointFolder(join(cwd, 'again'), from))
    const weights = tensors.model.filter((tensor) => !/\.running_(mean|var)$/.test(tensor.name))
    const wanted = slots.flatMap((slot) => weights.map((tensor) => `${slot}.${tensor.name}`))
    t.same([...tensors.optimizer.keys()].toSorted(), wanted.toSorted(), 'all states are in the checkpoint')
    t.ok(
      [...tensors.optimizer.values()].every((state) => state.some((value) => value !== 0)),
      'none is left at zero',
    )
    await run('resume', 'again')
    t.same(await readRun(join(cwd, 'again'), STEPS), await readRun(join(cwd, 'whole'), STEPS), `from step ${from}`)
  })
}
