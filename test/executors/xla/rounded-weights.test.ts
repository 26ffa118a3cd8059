/** bf16 copies of weights that stay on the device: always those of the present weights, whoever changed them. */
import t from 'tap'
import { lowerProgram } from '../../../src/engine/executors/xla/lower-program.ts'
import { LOWERING_CHOICES } from '../../../src/engine/executors/xla/platform-choices.ts'
import type { Program } from '../../../src/engine/graph/program.ts'
import { kd } from '../../../src/engine/methods/kd.ts'
import { findNetwork } from '../../../src/engine/networks/find-network.ts'
import { captureEvaluation } from '../../../src/engine/step/evaluation-program.ts'
import { captureTrainingStep } from '../../../src/engine/step/training-program.ts'
import { drawnState, smallBatch, smallOne } from '../../support/small-steps.ts'
import { withoutXla, xlaOnCpu } from '../../support/xla.ts'

t.setTimeout(580_000)

const specification = smallOne({ batch: 4, branches: 2, dtype: 'bf16' })
const step = captureTrainingStep(specification)
const wideStep = captureTrainingStep({ ...specification, dtype: 'f32' })
const evaluation = captureEvaluation(specification, { logits: true })

/** A step in bf16, one in f32 that keeps no copies, an evaluation in bf16, or the host changing the weights. */
const ACTS = ['bf16', 'bf16', 'f32', 'f32', 'evaluate', 'bf16', 'evaluate', 'host', 'evaluate', 'bf16', 'bf16'] as const

t.test('copies follow the weights', { skip: withoutXla }, (t) => {
  const { layout } = step
  const programs = { bf16: step.program, f32: wideStep.program, evaluate: evaluation }
  const executor = xlaOnCpu(1, { excessPrecision: false, writtenFor: 'gpu' })
  const exchange = new SharedArrayBuffer(executor.exchangeBytes(Object.values(programs), layout, 1))
  const memory = { state: drawnState(step), exchange }
  const compile = (program: Program) =>
    executor.compile(program, layout, memory, { replica: 0, replicas: 1, cores: [0] })
  const compiled = { bf16: compile(programs.bf16), f32: compile(programs.f32), evaluate: compile(programs.evaluate) }
  const scalars = { bf16: [0.1, 0.6], f32: [0.1, 0.6], evaluate: [] }

  /**
   * The state afterwards, behind it what the evaluations said.
   * @param anew whether every run begins with what the host has, so that copies are made of that
   */
  const goThrough = (anew: boolean): number[] => {
    const elements = new Float32Array(memory.state)
    elements.set(new Float32Array(drawnState(step)))
    executor.pushState?.(memory)
    const said: number[] = []
    for (const act of ACTS) {
      if (anew || act === 'host') executor.pullState?.(memory)
      if (act === 'host') elements.set(elements.map((value) => 0.9 * value))
      if (anew || act === 'host') executor.pushState?.(memory)
      if (act === 'host') continue
      const run = compiled[act].start({ ...smallBatch(specification), scalars: Float32Array.from(scalars[act]) })
      const outputs = run.outputs()
      if (act === 'evaluate') said.push(...outputs)
    }
    executor.pullState?.(memory)
    return [...elements, ...said]
  }
  const [wanted, received] = [goThrough(true), goThrough(false)]
  t.ok(wanted.length > layout.elements && wanted.every(Number.isFinite))
  t.equal(received.filter((value, place) => value !== wanted[place]).length, 0)
  for (const program of Object.values(compiled)) program.dispose()
  t.end()
})

t.test('only what is rounded has a copy, and only what is updated a new one', (t) => {
  const lower = (program: Program, platform: 'cpu' | 'gpu', layout = step.layout) => {
    const { roundedReads, roundedWrites } = lowerProgram(program, layout, {
      replicas: 1,
      ...LOWERING_CHOICES[platform],
    })
    return { reads: roundedReads.toSorted(), writes: roundedWrites.toSorted() }
  }
  const convolved = step.layout.tensors
    .flatMap(({ name, role, shape }) => (role !== 'optimizer' && shape.length === 4 ? [name] : []))
    .toSorted()
  t.same(lower(step.program, 'gpu'), { reads: convolved, writes: convolved })
  t.same(lower(wideStep.program, 'gpu'), { reads: [], writes: [] })
  t.same(lower(step.program, 'cpu'), { reads: [], writes: [] })
  t.same(lower(evaluation, 'gpu').writes, [])
  const teacher = findNetwork('resnet-8', 'basic')
  const distilled = captureTrainingStep({ ...specification, method: kd({ teacher, alpha: 0.7, temperature: 3 }) })
  const { reads, writes } = lower(distilled.program, 'gpu', distilled.layout)
  t.equal(reads.length, 2 * writes.length, "the teacher's weights are read alone")
  t.end()
})
