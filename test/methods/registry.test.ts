/** What each method's definition says of it, against the step that it captures; a new method is checked by its row. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { makeConfig } from '../../src/config/make-config.ts'
import { parameterOwner } from '../../src/engine/methods/deployed-parameters.ts'
import type { Method } from '../../src/engine/methods/method.ts'
import { scaled, sumOfParts } from '../../src/engine/methods/objective-parts.ts'
import { isMethodName, METHOD_NAMES, METHODS, type MethodName } from '../../src/engine/methods/registry.ts'
import { vanilla } from '../../src/engine/methods/vanilla.ts'
import { findNetwork } from '../../src/engine/networks/find-network.ts'
import { captureEvaluation } from '../../src/engine/step/evaluation-program.ts'
import { reduceOutputs } from '../../src/engine/step/step-outputs.ts'
import { captureTrainingStep } from '../../src/engine/step/training-program.ts'
import { progressLine } from '../../src/report/progress.ts'
import { tensorboardScalars } from '../../src/report/tensorboard-scalars.ts'
import { smallOne } from '../support/small-steps.ts'

const small = findNetwork('resnet-8', 'auto')
const others = { peers: () => [small, small], teacher: () => small }

/** The method with its defaults, on a small network. */
async function create(name: MethodName): Promise<Method> {
  const config = await makeConfig(null, { method: name, network: 'resnet-8', out: 'none' })
  return METHODS[name].create(config, others)
}

const plain = new Set(captureTrainingStep(smallOne({ batch: 4, method: vanilla() })).parameters.map(({ name }) => name))

for (const name of METHOD_NAMES) {
  t.test(`the definition of ${name} is true of what it trains`, async (t) => {
    const definition = METHODS[name]
    const method = await create(name)
    t.equal(method.name, name)
    const { parameters, outputs, program } = captureTrainingStep(smallOne({ batch: 4, method }))
    const owned = parameters.map((parameter) => ({ parameter, owner: parameterOwner(parameter.name, name) }))
    const members = owned.flatMap(({ owner }) => (typeof owner === 'object' ? [owner.member] : []))
    t.equal(members.length > 0, definition.members.scope !== null, 'members own parameters where they have a scope')
    for (const member of new Set([0, ...members])) {
      const deployed = owned.flatMap(({ parameter, owner }) => {
        if (typeof owner === 'object') return owner.member === member ? [owner.name] : []
        return owner === 'shared' ? [parameter.name] : []
      })
      t.same(new Set(deployed), plain, `member ${member} is deployed as the plain network`)
    }
    const frozen = parameters.some(({ kind }) => kind === 'frozen')
    t.equal(frozen, definition.teacher, 'it has a frozen network where it learns from a teacher')
    t.same(
      outputs.map((output) => output.name),
      program.outputs.map((output) => output.name),
    )
    t.equal(new Set(outputs.map((output) => output.name)).size, outputs.length, 'each output has a name of its own')
    const evaluated = captureEvaluation(smallOne({ batch: 4, method })).outputs
    const ensemble = evaluated.some((output) => output.name === 'top1.teacher')
    t.equal(ensemble, definition.ensemble === 'trained', 'it predicts as an ensemble where its definition says so')
    const texts = [definition.help, definition.title(() => 'x'), ...Object.values(definition.members.names(() => ''))]
    t.ok(texts.every((text) => text.trim() === text && text !== ''))
  })
}

/** Terms that nothing but this method knows. */
function withOddTerms(): Method {
  const base = vanilla()
  return {
    ...base,
    name: 'odd',
    objective: (graph, predictions, targets, scalar) => {
      const { total } = base.objective(graph, predictions, targets, scalar)
      const part = (name: string, factor: number) => ({ name, value: scaled(graph, total, factor) })
      return sumOfParts(graph, [part('attention.0', 0.25), part('attention.1', 0.5), part('fusion', 0.125)])
    },
  }
}

t.test('terms that nobody knows by name are reduced, shown and plotted', (t) => {
  const { outputs } = captureTrainingStep(smallOne({ batch: 4, method: withOddTerms() }))
  t.same(outputs, [
    { name: 'loss', role: 'loss', reduce: 'mean' },
    { name: 'attention.0', role: 'part', reduce: 'mean' },
    { name: 'attention.1', role: 'part', reduce: 'mean' },
    { name: 'fusion', role: 'part', reduce: 'mean' },
    { name: 'correct.0', role: 'hits', reduce: 'sum', classifier: '0' },
  ])
  const replicas = [
    [7, 2, 4, 1, 3],
    [7, 4, 4, 2, 2],
  ]
  const values = reduceOutputs(outputs, replicas)
  t.same(Object.fromEntries(values), { loss: 7, 'attention.0': 3, 'attention.1': 4, fusion: 1.5, 'correct.0': 5 })
  const parts = Object.fromEntries([...values].slice(1, 4))
  const line = { step: 1, epoch: 0, lr: 0.1, loss: 7, parts }
  const shown = progressLine({ ...line, epochs: 1, steps: 2, imagesPerSecond: 1, secondsLeft: 1 })
  t.match(shown, /loss 7\.000 \(attention 7\.000, fusion 1\.500\)/)
  const plotted = tensorboardScalars({ kind: 'step', ...line, images_per_second: 1 })
  t.equal(plotted.get('loss/attention.1'), 4)
  t.end()
})

t.test('nothing outside of src/engine/methods and the recipes asks for a method by its name', (t) => {
  const root = fileURLToPath(new URL('../../../src/', import.meta.url))
  const asks = /\b(?:method|methodName) [!=]== '(\w+)'|\bcase '(\w+)':/g
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.startsWith('engine/methods/') && !file.startsWith('config/recipes'),
  )
  t.ok(files.includes('train/run/train.ts'))
  const found = files.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(asks)]
      .filter((match) => isMethodName(match[1] ?? match[2]))
      .map((match) => `${file}: ${match[0]}`),
  )
  t.same(found, [])
  t.end()
})
