/** What a real run says while it trains, and leaves for those who watch it. */
import { join } from 'node:path'
import t from 'tap'
import { classErrors } from '../../src/report/class-counts.ts'
import { classifierNames } from '../../src/report/classifier-names.ts'
import { readMetrics } from '../../src/report/metrics.ts'
import { epochSummary } from '../../src/report/progress.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { readRunView } from '../../src/report/run-view.ts'
import { runCli, TRAIN_TINY } from './run-cli.ts'

t.setTimeout(300_000)

t.test('progress in a pipe, classes, length and names of the samples', async (t) => {
  const cwd = t.testdir()
  const run = await runCli([...TRAIN_TINY, '--epochs', '2', '--out', 'run'], { cwd })
  t.equal(run.code, 0, run.stderr)
  const files = runFiles(join(cwd, 'run'))
  const lines = await readMetrics(files.metrics)
  const view = await readRunView(files.folder, lines)
  const said = run.stderr.split('\n')
  t.equal(
    said.filter((line) => /^\d+:\d\d left {2}\d+ images\/s {2}epoch [12]\/2 {2}step \d+\/20 {2}loss /.test(line))
      .length,
    20,
  )
  t.equal(
    said.filter((line) => /^evaluating: \d+\/40 images$/.test(line)).length >= 2,
    true,
    'one an evaluation at least',
  )
  let best: number | null = null
  for (const epoch of [0, 1]) {
    const trained = lines.filter((line) => line.kind === 'epoch').find((line) => line.epoch === epoch) ?? null
    const evaluation = lines.filter((line) => line.kind === 'eval').find((line) => line.epoch === epoch) ?? null
    const wanted = epochSummary({ epoch, epochs: 2, trained, evaluation, best }, classifierNames(view.config))
    t.ok(said.includes(wanted), wanted)
    best = evaluation?.top1_error.mean ?? null
  }

  const last = lines.findLast((line) => line.kind === 'eval')
  const { classes, length, sampleLabels } = view
  t.match(classes, { step: 20, epoch: 1, images: 40 })
  const errors = classes!.classifiers.map((classifier) => {
    const ofClasses = classErrors(classes!.classes, classifier)
    t.equal(
      ofClasses.reduce((sum, { images }) => sum + images, 0),
      40,
      'each image once',
    )
    return ofClasses.reduce((sum, { error, images }) => sum + error * images, 0) / 40
  })
  const measured = last?.kind === 'eval' ? [last.top1_error.branches[0]!, last.top1_error.teacher!] : []
  for (const [place, error] of errors.entries()) t.ok(Math.abs(error - measured[place]!) < 1e-9, `${error}`)
  t.equal(errors.length, 2, 'branch 0 and the ensemble')
  t.same(length, { steps: 20, epochs: 2, steps_per_epoch: 10 })
  t.equal(sampleLabels?.labels.length, 16)
  t.same(
    sampleLabels?.labels.filter((label) => !classes!.classes.includes(label)),
    [],
  )
})
