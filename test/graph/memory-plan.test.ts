import t from 'tap'
import { fuseNodes } from '../../src/engine/executors/cpu/fuse.ts'
import { growConcats } from '../../src/engine/executors/cpu/fuse-concats.ts'
import { planArena } from '../../src/engine/executors/cpu/lower-program.ts'
import { rematerialiseJoins } from '../../src/engine/executors/cpu/rematerialise.ts'
import { findHomes } from '../../src/engine/executors/cpu/storage.ts'
import { GraphBuilder, type Value } from '../../src/engine/graph/graph-builder.ts'
import { type MemoryPlan, planMemory, type StorageRules } from '../../src/engine/graph/memory-plan.ts'
import { type Program, type ProgramNode, typeOf, type ValueId } from '../../src/engine/graph/program.ts'
import { one } from '../../src/engine/methods/one.ts'
import { findNetwork } from '../../src/engine/networks/find-network.ts'
import { sgd } from '../../src/engine/optimizers/sgd.ts'
import { captureTrainingStep } from '../../src/engine/step/training-program.ts'
import { bytesPerElement, type ComputeDType } from '../../src/vocabulary/dtype.ts'
import { type RandomStream, randomStream } from '../../src/vocabulary/random.ts'
import { elementCount } from '../../src/vocabulary/shape.ts'

const LINE = 64

/** Kernels that read each element of these inputs before they write it; no other may write over what it reads. */
function inPlace({ op, inputs }: ProgramNode, output: number): readonly ValueId[] {
  const places: Readonly<Record<string, readonly number[]>> = {
    Add: [0, 1],
    // Where it adds to a sum.
    Conv2DBackpropInput: [2],
    'BatchNorm 0': [3],
    'BatchNormInference 0': [0, 5],
    'BatchNormGrad 0': [1, 0],
    'BatchNormGrad 3': [0, 1],
  }
  return (places[op] ?? places[`${op} ${output}`] ?? []).flatMap((place) => inputs[place] ?? [])
}

/** All but the result of a batch norm without rectifier, at which its gradient does not look. */
function reads(node: ProgramNode): readonly ValueId[] {
  const blind = node.op === 'BatchNormGrad' && node.attributes.activation === null
  return blind ? node.inputs.filter((_, place) => place !== 2) : node.inputs
}

function plainRules(program: Program): StorageRules {
  const made = new Set(program.nodes.flatMap(({ outputs }) => outputs))
  const bytesOf = (id: ValueId) => {
    const { shape, dtype } = typeOf(program, id)
    return made.has(id) ? elementCount(shape) * bytesPerElement(dtype) : 0
  }
  return { alignment: LINE, bytesOf, within: () => undefined, sharesWith: inPlace, reads }
}

/**
 * Runs a plan on paper: writes each value's number into its bytes, and lists inputs that are overwritten before they are
 * read, or by their own reader.
 */
function spoiled(program: Program, plan: MemoryPlan, readsOf: StorageRules['reads'] = reads): string[] {
  const buffers = new Map(plan.buffers.flatMap((buffer) => buffer.values.map((id) => [id, buffer] as const)))
  const owners = new Int32Array(plan.bytes / LINE).fill(-1)
  const linesOf = (id: ValueId) => {
    const { offset = 0, bytes = 0 } = buffers.get(id) ?? {}
    return owners.subarray(offset / LINE, (offset + bytes) / LINE)
  }
  const intact = (id: ValueId) => linesOf(id).every((owner) => owner === id)
  const faults: string[] = []
  program.nodes.forEach((node, index) => {
    const name = `node ${index} ${node.op}`
    for (const id of readsOf(node)) if (!intact(id)) faults.push(`${name} reads ${id}, which is overwritten`)
    node.outputs.forEach((id, place) => {
      const under = new Set(linesOf(id))
      const allowed = inPlace(node, place)
      for (const input of readsOf(node)) {
        if (under.has(input) && !allowed.includes(input)) faults.push(`${name} writes over its input ${input}`)
      }
      for (const other of node.outputs) if (under.has(other)) faults.push(`${name} writes over its output ${other}`)
      linesOf(id).fill(id)
    })
  })
  for (const { name, value } of [...program.outputs, ...program.updates]) {
    if (!intact(value)) faults.push(`${name} is overwritten before the end`)
  }
  return faults
}

/** Pairs of buffers that lie over each other while both are in use. */
function overlaps({ buffers }: MemoryPlan): string[] {
  return buffers.flatMap((one, index) =>
    buffers.slice(index + 1).flatMap((other) => {
      const inTime = one.from <= other.to && other.from <= one.to
      const inSpace = one.offset < other.offset + other.bytes && other.offset < one.offset + one.bytes
      return inTime && inSpace ? [`${one.values.join(' ')} and ${other.values.join(' ')}`] : []
    }),
  )
}

/** The most bytes that are in use at one node: no plan needs less. */
function mostInUse({ buffers }: MemoryPlan, nodes: number): number {
  const inUse = (node: number) => buffers.filter(({ from, to }) => from <= node && node <= to)
  const sums = Array.from({ length: nodes }, (_, node) => inUse(node).reduce((sum, { bytes }) => sum + bytes, 0))
  return Math.max(...sums)
}

const ONEDNN = { threads: 2, block: 16, ownConvolutions: true, lean: true }

const resNet32One = (dtype: ComputeDType) => stepOf('resnet-32', dtype)

function stepOf(name: string, dtype: ComputeDType): Program {
  const input = { height: 32, width: 32, channels: 3, mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2] }
  const method = one({ branches: 3, temperature: 3 })
  const network = findNetwork(name, 'auto')
  const optimizer = sgd({ momentum: 0.9, weightDecay: 1e-4 })
  return captureTrainingStep({ network, method, classes: 100, batch: 128, dtype, input, optimizer }).program
}

for (const dtype of ['f32', 'bf16'] as const) {
  t.test(`ONE ResNet-32 in ${dtype}`, (t) => {
    const program = resNet32One(dtype)
    const plan = planMemory(program, plainRules(program))
    t.same(spoiled(program, plan), [])
    t.same(overlaps(plan), [])
    t.ok(plan.bytes < 1.15 * mostInUse(plan, program.nodes.length), 'within 15 % of the least possible')
    t.ok(plan.bytesWithoutReuse > 1.8 * plan.bytes, `${plan.bytesWithoutReuse} bytes of values in ${plan.bytes}`)
    t.end()
  })

  t.test(`ONE ResNet-32 in ${dtype}, the arena of a thread of oneDNN`, (t) => {
    const fused = fuseNodes(rematerialiseJoins(resNet32One(dtype)), () => true)
    const plan = planArena(fused, findHomes(fused.program), ONEDNN)
    t.ok(fused.accumulating.size > 0 && fused.masks.size > 0, 'nodes were fused')
    // Where the mask comes from x, nobody looks at y.
    const readsOf = (node: ProgramNode) =>
      fused.masks.has(node) ? node.inputs.filter((_, place) => place !== 2) : reads(node)
    t.same(spoiled(fused.program, plan, readsOf), [])
    t.same(overlaps(plan), [])
    t.ok(plan.bytesWithoutReuse > 1.8 * plan.bytes, `${plan.bytesWithoutReuse} bytes of values in ${plan.bytes}`)
    t.end()
  })
}

t.test('blocks whose outputs are made again need less memory, the more of a row the less', (t) => {
  const program = resNet32One('f32')
  const bytes = [1, 2, 3].map((blocks) => {
    const fused = fuseNodes(rematerialiseJoins(program, blocks), () => true)
    return planArena(fused, findHomes(fused.program), ONEDNN).bytes
  })
  const [kept = 0, second = 0, third = 0] = bytes
  t.ok(second < 0.9 * kept, `${bytes}`)
  t.ok(third < 0.95 * second, `${bytes}`)
  t.end()
})

t.test("a dense block's features and their gradients lie in one tensor each", (t) => {
  const program = stepOf('densenet-bc-40-12', 'f32')
  const [grown, copied] = [true, false].map((grows) => fuseNodes(program, () => true, grows))
  t.equal(copied?.parts.size, 0)
  t.ok((grown?.parts.size ?? 0) >= 2 * 5 * 5, `${grown?.parts.size} parts of five blocks with six layers each`)
  const [lean, plain] = [grown, copied].map((fused) =>
    fused === undefined ? undefined : planArena(fused, findHomes(fused.program), ONEDNN),
  )
  t.same(lean === undefined ? [] : overlaps(lean), [])
  t.ok((lean?.bytes ?? 0) < 0.6 * (plain?.bytes ?? 0), `${lean?.bytes} bytes where copies need ${plain?.bytes}`)
  for (const [value, host] of grown?.within ?? []) t.equal(lean?.offsets.get(value), lean?.offsets.get(host))
  t.end()
})

t.test('a concatenation that is asked for at the end, or read otherwise, is not a part of the next', (t) => {
  const graph = new GraphBuilder(2)
  const [x, a, b] = ['x', 'a', 'b'].map((name) => graph.state(name, [2, 4, 3, 3]))
  if (x === undefined || a === undefined || b === undefined) throw new Error('three states')
  const first = graph.applyOne('Concat', [x, a], {})
  const second = graph.applyOne('Concat', [first, b], {})
  const asked = graph.finish('asked', [
    { name: 'first', value: first },
    { name: 'second', value: second },
  ])
  t.equal(growConcats(asked, () => true).parts.size, 0)
  const free = { ...asked, outputs: asked.outputs.slice(1) }
  t.same([...growConcats(free, () => true).within], [[second.id, first.id]])
  const read = { ...free, nodes: [...free.nodes, { ...free.nodes[0], inputs: [first.id], outputs: [99] }] } as Program
  t.equal(growConcats(read, () => false).parts.size, 0)
  t.end()
})

t.test('random programs', (t) => {
  for (let seed = 0; seed < 60; seed++) {
    const program = randomProgram(randomStream(seed, 'perturbation'))
    const plan = planMemory(program, plainRules(program))
    t.same([...spoiled(program, plan), ...overlaps(plan)], [], `seed ${seed}`)
  }
  t.end()
})

t.test('a value is written over an operand that dies there, and over no other', (t) => {
  const graph = new GraphBuilder(1)
  const x = graph.state('x', [1, 16])
  const first = graph.applyOne('Softmax', [x], {})
  const second = graph.applyOne('Add', [first, x], {})
  const third = graph.applyOne('Add', [second, second], {})
  const last = graph.applyOne('Add', [third, second], {})
  const program = graph.finish('chain', [{ name: 'y', value: last }])
  const plan = planMemory(program, plainRules(program))
  const [a, b, c, d] = [first, second, third, last].map(({ id }) => plan.offsets.get(id))
  t.equal(a, b, 'the softmax dies in the sum')
  t.not(b, c, 'the sum is read again')
  t.equal(c, d)
  t.equal(plan.bytes, 2 * LINE)
  t.equal(plan.bytesWithoutReuse, 4 * LINE)
  t.end()
})

t.test('the checks of this file find buffers that lie over each other', (t) => {
  const program = randomProgram(randomStream(1, 'perturbation'))
  const plan = planMemory(program, plainRules(program))
  const crushed = { ...plan, buffers: plan.buffers.map((buffer) => ({ ...buffer, offset: 0 })) }
  t.not(spoiled(program, crushed).length, 0)
  t.not(overlaps(crushed).length, 0)
  t.end()
})

/** Some thirty operations on values picked at random, of different sizes, some of them kept as outputs. */
function randomProgram(random: RandomStream): Program {
  const graph = new GraphBuilder(2)
  const shapes = [1, 2, 3].map((scale) => [2, 8 * scale, scale, scale])
  const pools: Value[][] = shapes.map((shape, index) => [graph.state(`x${index}`, shape)])
  const pick = <T>(items: readonly T[]): T => {
    const item = items[random.below(items.length)]
    if (item === undefined) throw new Error('Expected something to pick from')
    return item
  }
  for (let node = 0; node < 30; node++) {
    const index = random.below(pools.length)
    const pool = pools[index] ?? []
    const x = pick(pool)
    const channels = x.shape[1] ?? 0
    const vector = (name: string) => graph.state(`${name}${index}`, [channels])
    const norm = {
      epsilon: 1e-5,
      activation: random.below(2) === 0 ? ('relu' as const) : null,
      residual: random.below(2) === 0,
    }
    const operands = [x, vector('scale'), vector('shift')]
    switch (random.below(3)) {
      case 0:
        pool.push(graph.applyOne('Add', [x, pick(pool)], {}))
        break
      case 1:
        pool.push(...graph.apply('BatchNorm', norm.residual ? [...operands, pick(pool)] : operands, norm).slice(0, 1))
        break
      default: {
        const [y, mean, variance] = graph.apply('BatchNorm', operands, { ...norm, residual: false })
        if (y === undefined || mean === undefined || variance === undefined) throw new Error('Expected three outputs')
        const gradients = graph.apply('BatchNormGrad', [pick(pool), x, y, vector('scale'), mean, variance], norm)
        pool.push(...gradients.filter(({ shape }) => shape.length === 4))
      }
    }
  }
  const outputs = pools.flatMap((pool, index) =>
    pool.slice(-2).map((value, place) => ({ name: `${index}.${place}`, value })),
  )
  return graph.finish('random', outputs)
}
