/** What is chosen for GPUs, as far as the CPU plugin can run it: the text that is written for them, and the trial of graphs. */
import t from 'tap'
import { cpuExecutor } from '../../../src/engine/executors/cpu/cpu-executor.ts'
import { lowerProgram } from '../../../src/engine/executors/xla/lower-program.ts'
import {
  CAPTURED,
  chooseOptions,
  compileFlags,
  graphChoices,
  LOWERING_CHOICES,
  type XlaOptions,
} from '../../../src/engine/executors/xla/platform-choices.ts'
import { captureTrainingStep } from '../../../src/engine/step/training-program.ts'
import { STEP_SCALARS, STEP_TOLERANCES, tooFar } from '../../support/compare-steps.ts'
import { runProgram } from '../../support/run-program.ts'
import { drawnState, smallBatch, smallOne, tensorsOf } from '../../support/small-steps.ts'
import { smallestUpdate } from '../../support/smallest-update.ts'
import { withoutXla, xlaOnCpu } from '../../support/xla.ts'

t.setTimeout(580_000)

/** What is too far from oneDNN after two steps. */
function apart(dtype: 'f32' | 'bf16', options: XlaOptions): string[] {
  const specification = smallOne({ batch: 4, dtype })
  const step = captureTrainingStep(specification, { gradients: true })
  const state = tensorsOf(step.layout, drawnState(step))
  const scalars = step.program.scalars.map(({ name }) => STEP_SCALARS[name] ?? Number.NaN)
  const inputs = { ...smallBatch(specification), layout: step.layout, state, scalars }
  const xla = xlaOnCpu(1, { excessPrecision: false, ...options })
  const wanted = runProgram(cpuExecutor({ ownConvolutions: false }), step.program, inputs)
  return tooFar(runProgram(xla, step.program, inputs), wanted, STEP_TOLERANCES[dtype])
}

/** Warnings of the process while something runs. */
async function warningsOf(work: () => void): Promise<string[]> {
  const heard: string[] = []
  const listen = ({ message }: Error) => heard.push(message)
  process.on('warning', listen)
  work()
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', listen)
  return heard
}

t.test('the text that is written for GPUs trains the same', { skip: withoutXla }, (t) => {
  t.same(apart('f32', { writtenFor: 'gpu' }), [])
  t.same(apart('bf16', { writtenFor: 'gpu' }), [])
  t.end()
})

t.test('runs on trial leave the state as it was', { skip: withoutXla }, async (t) => {
  t.same(await warningsOf(() => t.same(apart('f32', { captured: CAPTURED }), [])), [])
})

t.test('a program that cannot be captured is run without graphs, and that is said', { skip: withoutXla }, async (t) => {
  const warnings = await warningsOf(() => t.same(apart('f32', { captured: 'FUSION,NO_SUCH_KIND' }), []))
  t.match(warnings, [/launched in pieces.*NO_SUCH_KIND/])
})

t.test('of the orders that run the fastest is taken', { skip: withoutXla }, async (t) => {
  const { program, layout } = smallestUpdate()
  const launched = (orders: readonly string[]) => {
    const executor = xlaOnCpu(1, { captured: CAPTURED, orders })
    const memory = {
      state: new SharedArrayBuffer(4 * layout.elements),
      exchange: new SharedArrayBuffer(executor.exchangeBytes([program], layout, 1)),
    }
    const compiled = executor.compile(program, layout, memory, { replica: 0, replicas: 1, cores: [0] })
    compiled.dispose()
    return compiled.launched
  }
  const orderOf = (words: string) => /^as a graph, (\w+) /.exec(words)?.[1]
  const heard = await warningsOf(() => {
    const both = launched(['LHS', 'CONCURRENT'])
    t.match(both, /^as a graph, /)
    const [own = Number.NaN, other = Number.NaN] = [...both.matchAll(/([\d.]+) ms/g)].map(([, ms]) => Number(ms))
    // Equal after rounding says nothing.
    if (own !== other) t.equal(orderOf(both), own > other ? 'LHS' : 'CONCURRENT', both)
    t.match(launched(['LHS', 'NO_SUCH_ORDER']), /^as a graph, LHS .*NO_SUCH_ORDER/)
    t.match(launched(['NO_SUCH_ORDER', 'CONCURRENT']), /^as a graph, CONCURRENT .*NO_SUCH_ORDER/)
  })
  t.same(heard, [])
  t.match(await warningsOf(() => t.equal(launched(['NO_SUCH_ORDER']), 'in pieces')), [/launched in pieces/])
})

t.test('f32 convolutions are written as f32 where that is asked for', (t) => {
  const { program, layout } = captureTrainingStep(smallOne({ batch: 2 }))
  const written = (given: XlaOptions) => {
    const { text } = lowerProgram(program, layout, {
      replicas: 1,
      ...LOWERING_CHOICES[chooseOptions('gpu', given).writtenFor],
    })
    const convolutions = text.split('\n').filter((line) => line.includes('stablehlo.convolution('))
    return { all: convolutions.length, highest: convolutions.filter((line) => line.includes('HIGHEST')).length }
  }
  const { all, highest } = written({ precision: 'highest' })
  t.ok(all > 20)
  t.equal(highest, all)
  t.same(written({}), { all, highest: 0 })
  t.equal(chooseOptions('cpu', { precision: 'highest', writtenFor: 'gpu' }).writtenFor, 'gpu, highest')
  t.end()
})

t.test('GPUs compile rounded values and one graph, CPUs as XLA does', (t) => {
  const options = chooseOptions('gpu', {})
  const graphs = graphChoices(options)
  t.same(
    graphs.map(({ order }) => order),
    ['LHS', 'CONCURRENT'],
  )
  const gpu = compileFlags('gpu', '/toolkit', options, graphs[1] ?? null)
  t.match(gpu, { xla_allow_excess_precision: false, xla_gpu_cuda_data_dir: '/toolkit' })
  t.match(gpu['xla_gpu_enable_command_buffer'], /CONVOLUTION/)
  t.equal(gpu['xla_gpu_command_buffer_scheduling_mode'], 'CONCURRENT')
  t.same(compileFlags('cpu', null, chooseOptions('cpu', {}), null), {})
  t.same(graphChoices(chooseOptions('cpu', {})), [])
  t.teardown(() => delete process.env['NATIVE_ENSEMBLE_XLA_GRAPHS'])
  process.env['NATIVE_ENSEMBLE_XLA_GRAPHS'] = '0'
  t.same(graphChoices(chooseOptions('gpu', {})), [])
  process.env['NATIVE_ENSEMBLE_XLA_GRAPHS'] = 'CONCURRENT'
  t.same(graphChoices(chooseOptions('gpu', {})), [{ captured: CAPTURED, order: 'CONCURRENT' }])
  t.end()
})
