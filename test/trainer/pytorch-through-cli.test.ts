/** The comparison with PyTorch that is open to any user: `train --init` in fp32, its losses, weights and errors. */
import { join } from 'node:path'
import t from 'tap'
import { readMetrics, type StepLine } from '../../src/report/metrics.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { checkpointFolder, loadCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { readSafetensors, writeSafetensors } from '../../src/train/checkpoint/safetensors.ts'
import { fixturePath } from '../fixtures-folder.ts'
import { distanceOfScale } from '../support/compare-tensors.ts'
import { PYTORCH_RUNS, type PyTorchRun, readPyTorchRun } from '../support/pytorch-runs.ts'
import { withoutTensorflow } from '../support/tensorflow.ts'
import { runCli, TRAIN_TINY } from './run-cli.ts'

const LOSS_TOLERANCE = 1e-4
/** For parts, of the whole loss: the divergence is a small difference of large terms. */
const PART_TOLERANCE = 1e-6
const WEIGHT_TOLERANCE = 1e-3
t.setTimeout(120_000)

/** Options that make our run the one that PyTorch made. */
function optionsOf({ config, steps }: PyTorchRun, init: string, teacher: string): string[] {
  const { network, block, method, learningRate, momentum, weightDecay } = config
  return [
    ...['--init', init, '--augment', 'none', '--shuffle', 'none'],
    ...['--network', network, '--block', block, '--method', method, '--batch', `${config.batch}`],
    ...['--steps', `${steps.length}`, '--schedule', 'constant', '--lr', `${learningRate}`],
    ...['--momentum', `${momentum}`, '--weight-decay', `${weightDecay}`],
    ...methodOptions(config, teacher),
    ...ingredients(config),
  ]
}

function ingredients({ labelSmoothing, noDecay, clipNorm }: PyTorchRun['config']): string[] {
  return [
    ...(labelSmoothing === undefined ? [] : ['--label-smoothing', `${labelSmoothing}`]),
    ...(noDecay === undefined ? [] : ['--no-decay', noDecay]),
    ...(clipNorm === undefined ? [] : ['--clip-norm', `${clipNorm}`]),
  ]
}

function methodOptions(config: PyTorchRun['config'], teacher: string): string[] {
  const { method, branches, temperature, peers = '', teacherNetwork = '', alpha, dkdAlpha, dkdBeta } = config
  switch (method) {
    case 'vanilla':
      return []
    case 'one': {
      const ablations = (['distill', 'share', 'gate'] as const).flatMap((key) => {
        const value = config[key]
        return value === undefined ? [] : [`--${key}`, value]
      })
      // PyTorch's runs have the distillation term's full weight from the first step.
      const distilled = config.distill === 'off' ? [] : ['--temperature', `${temperature}`, '--ramp-up', '0']
      return ['--branches', `${branches}`, ...distilled, ...ablations]
    }
    case 'dml':
    case 'ensemble':
      return ['--peers', peers]
    case 'cl-ilr':
      return ['--branches', `${branches}`, '--alpha', `${alpha}`, '--temperature', `${temperature}`]
    case 'kdcl':
      return ['--peers', peers, '--temperature', `${temperature}`, '--kdcl-target', config.kdclTarget ?? 'min-logit']
    case 'okddip':
      return [
        ...['--branches', `${branches}`, '--share', config.share ?? 'low'],
        ...['--temperature', `${temperature}`, '--ramp-up', '0'],
      ]
    case 'dkd':
      return [
        ...['--teacher', teacher, '--teacher-network', teacherNetwork, '--temperature', `${temperature}`],
        ...['--dkd-alpha', `${dkdAlpha}`, '--dkd-beta', `${dkdBeta}`, '--ramp-up', '0'],
      ]
    case 'kd':
      return [
        ...['--teacher', teacher, '--teacher-network', teacherNetwork],
        ...['--alpha', `${alpha}`, '--temperature', `${temperature}`],
      ]
  }
}

/** PyTorch's weights at the start as the files that our options name: the teacher, under `teacher.` there, has its own. */
async function writeInitialWeights(name: string, init: string, teacher: string): Promise<void> {
  const prefix = 'teacher.'
  const tensors = await readSafetensors(fixturePath(`pytorch/${name}.init.safetensors`))
  const ofTeacher = tensors.filter((tensor) => tensor.name.startsWith(prefix))
  await writeSafetensors(
    teacher,
    ofTeacher.map((tensor) => ({ ...tensor, name: tensor.name.slice(prefix.length) })),
  )
  await writeSafetensors(
    init,
    tensors.filter((tensor) => !tensor.name.startsWith(prefix)),
  )
}

function partsOf(step: PyTorchRun['steps'][number]): Record<string, number> {
  const { crossEntropy, teacherCrossEntropy, distillation } = step
  return {
    ...Object.fromEntries(crossEntropy.map((value, branch) => [`cross_entropy.${branch}`, value])),
    ...(teacherCrossEntropy === null ? {} : { 'cross_entropy.teacher': teacherCrossEntropy }),
    ...(distillation === null ? {} : { distillation }),
  }
}

const EXECUTORS = [
  { executor: 'cpu', options: [], skip: false },
  {
    executor: "tfjs on TensorFlow's kernels",
    options: ['--executor', 'tfjs', '--tfjs-backend', 'tensorflow'],
    skip: withoutTensorflow,
  },
] as const
const CASES = PYTORCH_RUNS.flatMap((name) => EXECUTORS.map((executor) => ({ name, ...executor })))

for (const { name, executor, options, skip } of CASES) {
  t.test(`${name}, ${executor}`, { skip }, async (t) => {
    const wanted = await readPyTorchRun(name)
    if (wanted.config.method === 'one') t.equal(wanted.config.distillationWeight, 1)
    const cwd = t.testdir()
    const [init, teacher] = [join(cwd, 'init.safetensors'), join(cwd, 'teacher.safetensors')]
    await writeInitialWeights(name, init, teacher)
    const argv = [...TRAIN_TINY, ...optionsOf(wanted, init, teacher), ...options, '--out', 'run']
    const ended = await runCli(argv, { cwd })
    t.equal(ended.code, 0, ended.stderr)
    const run = join(cwd, 'run')
    const metrics = await readMetrics(runFiles(run).metrics)

    const lines = metrics.filter((line): line is StepLine => line.kind === 'step')
    t.equal(lines.length, wanted.steps.length)
    for (const [index, { step, loss, parts }] of lines.entries()) {
      const theirs = wanted.steps[index]
      if (theirs === undefined) continue
      t.equal(step, index + 1)
      t.ok(Math.abs(loss - theirs.total) <= LOSS_TOLERANCE * theirs.total, `step ${step}: ${loss}, not ${theirs.total}`)
      const theirParts = partsOf(theirs)
      t.same(Object.keys(parts).sort(), Object.keys(theirParts).sort())
      for (const [part, value] of Object.entries(theirParts)) {
        const apart = Math.abs((parts[part] ?? Number.NaN) - value)
        const allowed = LOSS_TOLERANCE * value + PART_TOLERANCE * theirs.total
        t.ok(apart <= allowed, `step ${step}, ${part}: ${parts[part]}, not ${value}`)
      }
    }

    const { tensors } = await loadCheckpoint(checkpointFolder(run, wanted.steps.length))
    const theirTensors = await readSafetensors(fixturePath(`pytorch/${name}.final.safetensors`))
    t.same(
      tensors.model.map(({ name: tensor, shape }) => [tensor, shape]).sort(),
      theirTensors.map(({ name: tensor, shape }) => [tensor, shape]).sort(),
      'the same names and shapes',
    )
    for (const { name: tensor, data } of theirTensors) {
      const ours = tensors.model.find((candidate) => candidate.name === tensor)
      const apart = distanceOfScale(ours?.data ?? [], data)
      t.ok(apart <= WEIGHT_TOLERANCE, `${tensor} is ${apart} of its scale away`)
    }

    const evaluation = metrics.find((line) => line.kind === 'eval')
    const { images, top1Errors, top5Errors, teacherTop1Errors, teacherTop5Errors } = wanted.evaluation
    const percent = (errors: number | null) => (errors === null ? null : (100 * errors) / images)
    t.match(evaluation, {
      images,
      top1_error: { branches: top1Errors.map(percent), teacher: percent(teacherTop1Errors) },
      top5_error: { branches: top5Errors.map(percent), teacher: percent(teacherTop5Errors) },
    })
  })
}
