import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { jpegOf } from '../datasets/made-images.ts'
import { runCli } from '../trainer/run-cli.ts'

t.setTimeout(120_000)

const cwd = t.testdir({ photos: { cat: {}, dog: {} } })
for (const [place, name] of ['cat', 'dog'].entries()) {
  for (let image = 0; image < 5; image++) {
    writeFileSync(join(cwd, 'photos', name, `${image}.jpg`), await jpegOf(10 * place + image))
  }
}
const ask = (...argv: string[]) => runCli(['prepare', ...argv], { cwd })

t.test('prepare, then --verify', async (t) => {
  const made = await ask('photos', 'shards', '--validation', '0.2', '--processes', '1', '--json')
  t.equal(made.code, 0, made.stderr)
  t.match(JSON.parse(made.stdout), { images: { train: 8, test: 2 }, classes: 2, bad: [], shards: 'shards' })
  const verified = await ask('--verify', 'shards')
  t.match(verified, { code: 0, stdout: /10 images in shards: every byte is as it was made/ })
  writeFileSync(join(cwd, 'shards', 'test.index'), 'x')
  t.match(await ask('--verify', 'shards'), { code: 2, stderr: /received 1 faults:\n {2}test\.index: Expected/ })
})

t.test('--on-bad report lists and ends with 2, skip leaves out', async (t) => {
  mkdirSync(join(cwd, 'photos', 'eel'))
  writeFileSync(join(cwd, 'photos', 'eel', 'good.jpg'), await jpegOf(90))
  writeFileSync(join(cwd, 'photos', 'eel', 'more.jpg'), await jpegOf(92))
  writeFileSync(join(cwd, 'photos', 'eel', 'cut.jpg'), (await jpegOf(91)).subarray(0, 700))
  t.match(await ask('photos', 'other', '--on-bad', 'report'), {
    code: 2,
    stdout: /1 bad:\n {2}eel\/cut\.jpg: \S[\s\S]*; nothing was written/,
  })
  t.notOk(existsSync(join(cwd, 'other')))
  t.match(await ask('photos', 'other'), { code: 2, stderr: /1 that are not:\n {2}eel\/cut\.jpg[\s\S]*--on-bad skip/ })
  t.match(await ask('photos', 'other', '--on-bad', 'skip'), {
    code: 0,
    stdout: /1 bad, left out:[\s\S]*training and \d test images of 3 classes are in other/,
  })
})

t.test('all that is wrong with the options is told at once', async (t) => {
  const { code, stderr } = await ask(
    'photos',
    '--on-bad',
    'ignore',
    '--validation',
    '1',
    '--quality',
    '80',
    '--shard-sizes',
    '3',
  )
  t.equal(code, 2)
  for (const says of [/only photos/, /--on-bad but received ignore/, /--validation but received 1/, /--short-side/]) {
    t.match(stderr, says)
  }
  t.match(stderr, /Did you mean --shard-size\?/)
  t.match(await ask('--verify', 'shards', '--quality', '3'), { code: 2, stderr: /nothing else for prepare --verify/ })
  t.match(await ask('photos', 'shards'), { code: 2, stderr: /new or empty folder/ })
})
