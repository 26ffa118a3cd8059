import t from 'tap'
import { tfjsExecutor } from '../../src/engine/executors/tfjs/tfjs-executor.ts'
import { OPS } from '../../src/engine/graph/ops.ts'
import { captureOpCase, OP_CASES } from '../support/op-cases.ts'
import { normals } from '../support/random-tensors.ts'
import { type ProgramRun, runProgram } from '../support/run-program.ts'

/** Each rule against central differences of its operation along drawn directions, on small odd shapes, in f32. */
const executor = await tfjsExecutor('cpu')

/** Length of a step, in units of elements that are drawn from N(0, 1). */
const STEP = 0.02
const DIRECTIONS = 3
/** How far from a straight line elements of f32 may lie by rounding. */
const BEND = 1e-5
/** Of the derivative's own scale; f32 outputs allow no less. */
const TOLERANCE = 2e-4
/** Inputs whose gradient a rule leaves out on purpose: the teacher of a divergence is a constant (ONE). */
const CONSTANT_INPUTS: Readonly<Record<string, readonly string[]>> = {
  KullbackLeibler: ['x0'],
  DecoupledKullbackLeibler: ['x0'],
}

for (const opCase of OP_CASES.filter(({ differentiable }) => differentiable)) {
  t.test(opCase.name, (t) => {
    const program = captureOpCase(opCase, 'f32')
    const drawn = opCase.state(program)
    const at = (changed: ReadonlyMap<string, Float32Array>) =>
      runProgram(executor, program, {
        state: new Map([...drawn, ...changed]),
        ...(opCase.labels === null ? {} : { labels: opCase.labels }),
      })
    const here = at(new Map())
    for (const name of [...drawn.keys()].filter((key) => key.startsWith('x'))) {
      if (CONSTANT_INPUTS[opCase.op]?.includes(name) && !opCase.name.endsWith('both learn')) {
        t.equal(here.outputs.get(gradientOf(name)), undefined, `${name} has no gradient`)
        continue
      }
      const origin = drawn.get(name) ?? new Float32Array()
      for (let turn = 0; turn < DIRECTIONS; turn++) {
        const direction = normals(origin.length, 5, turn)
        const walk = (steps: number) =>
          at(new Map([[name, origin.map((value, i) => value + steps * STEP * (direction[i] ?? 0))]]))
        const stencil = [walk(-2), walk(-1), walk(1), walk(2)]
        const dy = withoutKinks(drawn.get('dy'), here, stencil, opCase.op === 'MaxPool')
        // Fourth-order central difference: its error falls with STEP^4.
        const [f0 = 0, f1 = 0, f2 = 0, f3 = 0] = stencil.map((run) => weighted(run, dy))
        const measured = (f0 - 8 * f1 + 8 * f2 - f3) / (12 * STEP)
        const there = dy === undefined ? here : at(new Map([['dy', dy]]))
        const gradient = there.outputs.get(gradientOf(name)) ?? new Float32Array()
        const claimed = dot(gradient, direction)
        // What a direction of N(0, 1) elements gives on average, and something where the gradient vanishes.
        const scale = Math.sqrt(dot(gradient, gradient)) + 0.01
        t.ok(Math.abs(measured - claimed) < TOLERANCE * scale, `${name}: ${claimed}, measured ${measured} of ${scale}`)
      }
    }
    t.end()
  })
}

t.test('every differentiable operation on tensors is among the cases', (t) => {
  // These act on scalars only, or do nothing in f32; whole steps cover them (gradients.test.ts).
  const scalarOps = ['Multiply', 'Cast']
  const rules = Object.entries(OPS).filter(([, { gradient }]) => gradient !== null)
  const covered = new Set<string>(OP_CASES.map(({ op }) => op))
  t.same(
    rules
      .map(([op]) => op)
      .filter((op) => !covered.has(op))
      .sort(),
    scalarOps.sort(),
  )
  t.end()
})

/** The scalar whose gradient a rule gets: sum of dy times the first output. */
function weighted(run: ProgramRun, dy: Float32Array | undefined): number {
  const y = run.outputs.get('y0') ?? new Float32Array()
  return dy === undefined ? 0.7 * (y[0] ?? Number.NaN) : dot(y, dy)
}

/**
 * The arriving gradient, zero for elements that a walk carries over a kink: of a rectifier, where they change their sign or come to relu6's bound, or
 * of a largest element, where another takes its place and so they leave the straight line.
 */
function withoutKinks(
  dy: Float32Array | undefined,
  here: ProgramRun,
  stencil: readonly ProgramRun[],
  straightOnly: boolean,
) {
  const elements = (run: ProgramRun) => run.outputs.get('y0') ?? new Float32Array()
  const origin = elements(here)
  const walked = stencil.map(elements)
  const at = (turn: number, place: number) => walked[turn]?.[place] ?? Number.NaN
  const side = (value = 0) => [value > 0, value < 6].join()
  const keepsSide = (place: number) => walked.every((run) => side(run[place]) === side(origin[place]))
  const isStraight = (place: number) => {
    const [far, near] = [at(0, place) + at(3, place), at(1, place) + at(2, place)]
    return Math.abs(far - 2 * (origin[place] ?? 0)) < BEND && Math.abs(near - 2 * (origin[place] ?? 0)) < BEND
  }
  return dy?.map((value, place) => (keepsSide(place) && (!straightOnly || isStraight(place)) ? value : 0))
}

function gradientOf(input: string): string {
  return input.replace('x', 'd')
}

function dot(left: Float32Array, right: Float32Array): number {
  return left.reduce((sum, value, place) => sum + value * (right[place] ?? Number.NaN), 0)
}
