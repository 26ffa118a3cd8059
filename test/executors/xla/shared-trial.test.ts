/** The trial of graphs in two replicas, one of which cannot: both go on without, and neither waits for ever. */
import t from 'tap'
import { CAPTURED, type XlaOptions } from '../../../src/engine/executors/xla/platform-choices.ts'
import { findState, viewState } from '../../../src/engine/graph/state-layout.ts'
import { runReplicas } from '../../support/run-replicas.ts'
import { smallestUpdate } from '../../support/smallest-update.ts'
import { withoutXla, xlaOnCpu } from '../../support/xla.ts'

t.setTimeout(580_000)

const COULD: XlaOptions = { captured: CAPTURED, orders: ['LHS'] }
const COULD_NOT: XlaOptions = { captured: 'FUSION,NO_SUCH_KIND', orders: ['LHS'] }

/** The update, compiled and run twice in two replicas. */
async function updated(choices: readonly XlaOptions[]) {
  const { program, layout } = smallestUpdate()
  const state = new SharedArrayBuffer(4 * layout.elements)
  viewState(findState(layout, 'x'), state).set([1, 2, 3])
  viewState(findState(layout, 'dy'), state).set([0.5])
  const inputs = { images: new Uint8Array(0), labels: new Int32Array(0), scalars: Float32Array.of(0.1) }
  const answers = await runReplicas(xlaOnCpu(2), program, layout, state, [inputs, inputs], { choices, times: 2 })
  return answers.map((answer) => {
    if (answer.kind === 'failed') throw new Error(answer.message)
    return answer
  })
}

t.test('both replicas do without what one of them cannot', { skip: withoutXla }, async (t) => {
  const pieces = (reason: string) => new RegExp(`launched in pieces.*${reason}`)
  const cases = [
    { choices: [COULD, COULD], warnings: [] },
    { choices: [COULD, COULD_NOT], warnings: [pieces('another device could not'), pieces('another device could not')] },
    { choices: [COULD_NOT, COULD], warnings: [pieces('NO_SUCH_KIND'), pieces('NO_SUCH_KIND')] },
    { choices: [COULD_NOT, COULD_NOT], warnings: [pieces('NO_SUCH_KIND'), pieces('NO_SUCH_KIND')] },
  ]
  for (const { choices, warnings } of cases) {
    const answers = await updated(choices)
    t.same(
      answers.map((answer) => answer.outputs),
      [0, 1].map(() => Float32Array.of(0.5, 1, 1.5)),
      'both run on',
    )
    t.match(answers[0]?.warnings, warnings)
    t.equal(answers[0]?.warnings.length, warnings.length)
    t.same(answers[1]?.warnings, [], 'the first replica says it for all')
  }
})

t.test('both replicas take the same of several orders', { skip: withoutXla }, async (t) => {
  const orders = (...names: string[]): XlaOptions => ({ captured: CAPTURED, orders: names })
  const cases = [
    { choices: [orders('LHS', 'CONCURRENT'), orders('LHS', 'CONCURRENT')], taken: 'LHS|CONCURRENT' },
    { choices: [orders('LHS', 'CONCURRENT'), orders('LHS', 'NO_SUCH_ORDER')], taken: 'LHS' },
    { choices: [orders('NO_SUCH_ORDER', 'CONCURRENT'), orders('LHS', 'CONCURRENT')], taken: 'CONCURRENT' },
  ]
  for (const { choices, taken } of cases) {
    const [first, second] = await updated(choices)
    const [one, other] = [first, second].map((answer) => answer?.launched.split(' (')[0])
    t.match(one, new RegExp(`^as a graph, (${taken})$`))
    t.equal(other, one)
    t.same([first?.outputs, second?.outputs], [Float32Array.of(0.5, 1, 1.5), Float32Array.of(0.5, 1, 1.5)])
    t.same([first?.warnings, second?.warnings], [[], []])
  }
})
