import t from 'tap'
import { figuresOf, printTable, quantile } from '../../bench/step-report.ts'
import { isReached, printTargets, targetRatios } from '../../bench/step-targets.ts'

const times = (baseline: string, mode: string, ms: number[]) => ({
  baseline,
  mode,
  ms,
  loss: 1,
  peakRssBytes: 2e8,
  remark: null,
  convolutionShare: baseline === 'own' ? 0.75 : null,
})

t.test('quantiles lie between neighbours', async (t) => {
  t.equal(quantile([1, 2, 3, 10], 0.5), 2.5)
  t.equal(quantile([1, 2, 3, 10], 0), 1)
  t.equal(quantile([1, 2, 3, 10], 1), 10)
  t.equal(quantile([4], 0.75), 4)
})

t.test('a mode is compared with the best mode of PyTorch at its precision', async (t) => {
  const figures = figuresOf(
    [
      times('own', 'fp32', [90, 110, 100]),
      times('own', 'bf16-2-replicas', [50, 50, 50]),
      times('torch', 'fp32', [400, 300, 350]),
      times('torch', 'fp32-channels-last', [200, 210, 190]),
      times('torch', 'bf16-autocast', [100, 100, 100]),
    ],
    128,
  )
  t.same(
    figures.map(({ againstTorch }) => againstTorch),
    [2, 2, 200 / 350, 1, 1],
  )
  t.same(
    figures.map(({ memoryAgainstTorch }) => memoryAgainstTorch),
    [1, 1, 1, 1, 1],
  )
  t.match(figures[0], { medianMs: 100, minMs: 90, n: 3, imagesPerSecond: 1280, spread: 0.1, precision: 'fp32' })
})

t.test('without PyTorch nothing is compared, and the table says so', async (t) => {
  const figures = figuresOf([times('own', 'bf16', [10, 20])], 30)
  t.equal(figures[0]?.againstTorch, null)
  const [head = '', rule = '', row = ''] = printTable(figures).split('\n')
  t.equal(
    row,
    '| own      | bf16 |      15.0 | 10.0 |   33 % | 2 |     2000 |         - |     200 |         - | 75 % |      1.33 |',
  )
  t.equal(head.length, row.length)
  t.equal(rule.length, row.length)
})

t.test('the ratios of the targets come from the modes that were measured', async (t) => {
  const figures = figuresOf(
    [
      times('own', 'fp32', [100]),
      times('own', 'fp32-2-replicas', [98]),
      times('own', 'fp32-direct', [120]),
      times('own', 'fp32-evaluation', [25]),
      times('torch', 'fp32', [400]),
      times('torch', 'fp32-channels-last', [160]),
      times('tfjs-node', 'fp32-eager', [450]),
    ],
    128,
  )
  t.equal(figures[3]?.againstTorch, null, 'an evaluation is compared with no step')
  const ratios = targetRatios('resnet-32', figures)
  t.same(
    ratios.map((ratio) => [Number(ratio.value.toFixed(4)), isReached(ratio)]),
    [
      [1.6, true],
      [1, false],
      [4.5, false],
      [1.3333, false],
      [1.0204, true],
      [4, true],
      [1.2, true],
    ],
  )
  const [first = '', , tfjs = '', , , , direct = ''] = printTargets(ratios).split('\n')
  t.equal(first, "- fp32: images/s against PyTorch's best mode, fp32-channels-last: 1.60 (target >= 1.5: reached)")
  t.match(tfjs, /4\.50 \(target >= 5: missed\)$/)
  t.match(direct, /direct ones: 1\.20$/)
  t.equal(targetRatios('resnet-110', figures)[0]?.target?.bound, 1.3)
  t.same(targetRatios('resnet-32', []), [])
})
