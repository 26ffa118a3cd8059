import { appendFile, readFile, utimes, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { runFiles } from '../../src/report/run-files.ts'
import { startWatchServer } from '../../src/watch/watch-server.ts'
import { WatchedRuns } from '../../src/watch/watched-runs.ts'
import { epochLine, evalLine, madeUpRun, stepLine } from '../report/made-up-run.ts'
import { printLines, writeRun } from './watch-folder.ts'

/** As any program may ask, with a Host of its own. */
function ask(url: string, { method = 'GET', host }: { method?: string; host?: string } = {}) {
  return new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
    const asked = request(url, { method, ...(host && { headers: { host } }) }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }))
    })
    asked.on('error', reject)
    asked.end()
  })
}

t.test('answers its own pages, reads only, and only runs', async (t) => {
  const folder = t.testdir({ 'secret.txt': 'secret' })
  await writeRun(join(folder, 'a'), madeUpRun(2), 3)
  const server = await startWatchServer(folder, 0)
  t.teardown(() => server.close())
  t.match(server.url, /^http:\/\/127\.0\.0\.1:\d+\/$/)
  const { port } = new URL(server.url)
  const page = await ask(server.url)
  t.equal(page.status, 200)
  t.match(page.headers['content-security-policy'], /^default-src 'none'/)
  t.equal((await ask(server.url, { host: `localhost:${port}` })).status, 200)
  for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', 'localhost:1']) {
    t.equal((await ask(`${server.url}runs.json`, { host })).status, 403, `rebound: ${host}`)
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) t.equal((await ask(server.url, { method })).status, 405)
  for (const path of [
    'secret.txt',
    '..%2f..%2fetc/passwd',
    '/',
    'view?run=..',
    'samples?run=../a',
    'view',
    'view?run=a&run=b',
  ]) {
    t.equal((await ask(`${server.url}${path}`)).status, 404, path)
  }
  t.match((await ask(`${server.url}page.js`)).text, /runs\.json/)
  const { runs } = JSON.parse((await ask(`${server.url}runs.json`)).text)
  t.match(runs, [
    { id: 'a', state: 'stopped', step: 20, steps: 30, epoch: 2, epochs: 3, error: 11, best: 11, fault: null },
  ])
  const view = (await ask(`${server.url}view?run=a`)).text
  for (const text of ['Confusion matrix', 'Epochs', '2 (best)', '/samples?run=a', 'training images: cat, dog']) {
    t.ok(view.includes(text), text)
  }
  t.equal((await ask(`${server.url}samples?run=a`)).headers['content-type'], 'image/png; charset=utf-8')
  await t.rejects(startWatchServer(folder, Number(port)), { name: 'UserFault', message: /--port .*EADDRINUSE/ })
})

t.test('a run that goes on, is damaged, and ends', async (t) => {
  const folder = t.testdir()
  const files = runFiles(join(folder, 'a'))
  await writeRun(files.folder, [stepLine(1), stepLine(2)], 1)
  await writeFile(files.lock, '')
  const see = async () => {
    const [run] = await new WatchedRuns(folder).list()
    return run!.summary
  }
  // 8 steps of 20 images at the speed that both lines have on average.
  const speed = 2 / (1 / 1001 + 1 / 1002)
  t.match(await see(), { state: 'running', step: 2, imagesPerSecond: speed, timeLeft: '0:00', epoch: 0.2 })
  const runs = new WatchedRuns(folder)
  await runs.list()
  await appendFile(files.metrics, 'damaged\n')
  await new Promise((resolve) => setTimeout(resolve, 600))
  t.match((await runs.list())[0]?.summary.fault, /line 3/)
  const good = printLines([stepLine(10), epochLine(0), evalLine(0)])
  await writeFile(files.metrics, (await readFile(files.metrics, 'utf8')).replace('damaged\n', good))
  await new Promise((resolve) => setTimeout(resolve, 600))
  t.match((await runs.list())[0]?.summary, { fault: null, state: 'finished', error: 12, timeLeft: null })
  await writeFile(files.metrics, printLines([stepLine(1)]))
  const old = new Date(Date.now() - 60_000)
  await utimes(files.lock, old, old)
  t.match(await see(), { state: 'stopped', timeLeft: null }, 'the lock of a process that was killed')
})

t.test('a folder that is not there yet, and the teacher of a run', async (t) => {
  const folder = join(t.testdir(), 'runs')
  t.same(await new WatchedRuns(folder).list(), [])
  await writeRun(join(folder, 'kd'), [], 1)
  await writeRun(join(folder, 'kd', 'teacher'), madeUpRun(1), 1)
  const ids = (await new WatchedRuns(folder).list()).map(({ summary }) => summary.id)
  t.same(ids, ['kd', 'kd/teacher'])
  t.same(
    (await new WatchedRuns(join(folder, 'kd', 'teacher')).list()).map(({ summary }) => summary.id),
    ['.'],
    'one run',
  )
})
