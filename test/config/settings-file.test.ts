/** `--config` and `--print-config`: the same run again, what beats what, and files that are wrong. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { makeConfig } from '../../src/config/make-config.ts'
import { printSettings, readSettingsFile } from '../../src/config/settings-file.ts'

const folder = t.testdir()
let files = 0

async function written(text: string, ending = 'yaml'): Promise<string> {
  files++
  const path = join(folder, `${files}.${ending}`)
  await writeFile(path, text)
  return path
}

/** The run that a file and options make. */
async function configOf(text: string, options: object = {}, recipe: string | null = null) {
  return await makeConfig(recipe, { out: 'o', ...options }, [], await readSettingsFile(await written(text)))
}

t.test('what is printed makes the same run, in both forms', async (t) => {
  const runs = [
    [null, {}],
    ['quickstart', { seed: 3, betas: '0.8,0.9', optimizer: 'lamb' }],
    ['table1/resnet-32-one-cifar100', { scale: 0.1 }],
    [null, { method: 'vanilla', steps: 10, optimizer: 'adamw', noDecay: 'norm,bias' }],
    [null, { method: 'snapshot', epochs: 10 }],
    [null, { method: 'dml', peers: '3', schedule: 'cosine', cosineFloor: 0.01, warmUp: 5 }],
    [null, { method: 'kd', teacher: 'runs/x', labelSmoothing: 0.1 }],
    [null, { executor: 'tfjs', batch: 64 }],
  ] as const
  for (const [recipe, given] of runs) {
    const config = await makeConfig(recipe, { out: 'o', ...given })
    for (const form of ['yaml', 'json'] as const) {
      for (const [withFolder, more] of [
        [true, {}],
        [false, { out: 'o' }],
      ] as const) {
        const path = await written(await printSettings(config, form, withFolder), form)
        t.same(await makeConfig(null, more, [], await readSettingsFile(path)), config, `${form} of ${recipe}`)
      }
    }
  }
})

t.test('options beat the file, the file beats the recipe', async (t) => {
  const text = 'recipe: quickstart\nepochs: 7\nlr: 0.3\nlabel_smoothing: 0.2\nno-decay: [norm, bias]\npeers: 1\n'
  const config = await configOf(text, { epochs: 5 })
  t.match(config, { recipe: 'quickstart', dataset: 'fashion-mnist', epochs: 5, learningRate: 0.3 })
  t.match(config, { labelSmoothing: 0.2, noDecay: 'norm,bias' })
  t.match(await configOf('recipe: quickstart\nseed: 4', {}, 'table1/resnet-32-one-cifar100'), {
    recipe: 'table1/resnet-32-one-cifar100',
    seed: 4,
  })
  t.match(await configOf('recipe: null\ndistill: false'), { recipe: null, distill: 'off' })
})

t.test("another method or optimizer takes the place of the file's, with its settings", async (t) => {
  const one = await printSettings(await makeConfig(null, { out: 'o', branches: 5, learningRate: 1 }), 'yaml', true)
  t.match(await configOf(one, { method: 'vanilla' }), { branches: 1, rampUp: 0 })
  t.match(await configOf(one, { method: 'snapshot' }), { schedule: 'cosine-cycles', branches: 1 })
  t.match(await configOf(one, { optimizer: 'adamw' }), { learningRate: 1e-3, weightDecay: 1e-2 })
})

t.test('what is wrong in a file is told', async (t) => {
  const wrong = [
    ['label-smothing: 0.1', /a setting in .*yaml but received label-smothing/, /label-smoothing\?/],
    ['weight_decay: 1\nwd: 2', /received wd/, /weight-decay\?/],
    ['lr: 1\nlearningRate: 2', /learningRate once in .* but received learningRate too/, /one of them/],
    ['epochs: many', /whole number from 1 for --epochs but received many/, /./],
    ['epochs: null', /for --epochs but received null/, /./],
    ['cosine-floor: 0.01', /--schedule cosine for --cosine-floor/, /./],
    ['method: snapshot\nschedule: cosine', /cosine-cycles for --schedule/, /./],
    ['epochs: 3\nsteps: 5', /either for --epochs and --steps/, /./],
    ['recipe: quickstrat', /one of quickstart, .* received quickstrat/, /quickstart\?/],
    ['recipe: 3', /name of a recipe or null for recipe in/, /./],
    ['- epochs', /settings by name for .* \["epochs"\]/, /print-config/],
    ['', /settings by name for .* null/, /print-config/],
    ['a: [1', /YAML for .* but received a file with a fault/, /Correct/],
    ['lr: 1\nlr: 2', /YAML for .*unique/, /Correct/],
  ] as const
  for (const [text, message, remedy] of wrong) {
    await t.rejects(configOf(text), { name: 'UserFault', message, remedy }, text)
  }
  await t.rejects(readSettingsFile(await written('{"epochs": 3,}', 'json')), { message: /JSON for .*json/ })
  await t.rejects(readSettingsFile(join(folder, 'absent.yaml')), { name: 'UserFault', message: /absent\.yaml/ })
})
