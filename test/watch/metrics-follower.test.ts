import { appendFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { MetricsFollower } from '../../src/watch/metrics-follower.ts'
import { madeUpRun } from '../report/made-up-run.ts'

const lines = madeUpRun(2)
const texts = lines.map((line) => `${JSON.stringify(line)}\n`)

t.test('a file that grows, in pieces that end within a line', async (t) => {
  const path = join(t.testdir(), 'metrics.jsonl')
  const follower = new MetricsFollower(path)
  await follower.refresh()
  t.same(follower.lines, [], 'no file yet')
  const text = texts.join('')
  for (let at = 0; at < text.length; at += 777) {
    await appendFile(path, text.slice(at, at + 777))
    await follower.refresh()
    const whole = text.slice(0, at + 777).split('\n').length - 1
    t.same(follower.lines, lines.slice(0, whole))
  }
  t.same(follower.lines, lines)
})

t.test('a file that a resumed run wrote anew, and one that was cut', async (t) => {
  const path = join(t.testdir(), 'metrics.jsonl')
  await writeFile(path, texts.join(''))
  const follower = new MetricsFollower(path)
  await follower.refresh()
  const before = follower.lines
  t.same(before, lines)
  // As the log does it: written aside and renamed, here longer than what was read.
  await writeFile(`${path}.tmp`, [...texts.slice(0, 5), ...texts].join(''))
  await rename(`${path}.tmp`, path)
  await follower.refresh()
  t.same(follower.lines, [...lines.slice(0, 5), ...lines])
  t.not(follower.lines, before)
  await writeFile(path, texts.slice(0, 2).join(''))
  await follower.refresh()
  t.same(follower.lines, lines.slice(0, 2))
})

t.test('a damaged line', async (t) => {
  const path = join(t.testdir(), 'metrics.jsonl')
  await writeFile(path, `${texts[0]}no metrics\n`)
  await t.rejects(new MetricsFollower(path).refresh(), { name: 'UserFault', message: /metrics\.jsonl, line 2/ })
})
