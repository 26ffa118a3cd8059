import { spawn } from 'node:child_process'
import { appendFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { runFiles } from '../../src/report/run-files.ts'
import { LogLines } from '../../src/watch/log-lines.ts'
import { WatchedRuns } from '../../src/watch/watched-runs.ts'
import { epochLine, evalLine, madeUpRun, stepLine } from '../report/made-up-run.ts'
import { runCli } from '../trainer/run-cli.ts'
import { printLines, writeRun } from './watch-folder.ts'

t.setTimeout(120_000)
const ADAPTER = fileURLToPath(new URL('../../../examples/lines-to-mlflow.js', import.meta.url))

t.test('each line once, also where a resumed run measures steps again', async (t) => {
  const folder = t.testdir()
  const { metrics } = runFiles(join(folder, 'a'))
  await writeRun(join(folder, 'a'), [stepLine(9), stepLine(10), epochLine(0), evalLine(0), stepLine(11)], 2)
  const lines = new LogLines(new WatchedRuns(folder))
  const next = async () => {
    await pause(600)
    return (await lines.next()).map((line) => JSON.parse(line))
  }
  const first = await next()
  t.same(
    first.map(({ _step }) => _step),
    [9, 10, 10, 10, 11],
  )
  t.match(first[1], { run: 'a', epoch: 0, 'loss/total': 0.65, 'schedule/learning_rate': 0.1 })
  t.match(first[2], { 'epoch_loss/total': 0.65, 'epoch_error_train_top1/mean': 19.5 })
  t.match(first[3], { 'error_test_top1/mean': 12, 'error_test_top1/teacher': 10.25 })
  t.same(await next(), [])
  // Resumed from step 10, whose evaluation stood in the file.
  await writeFile(
    metrics,
    printLines([stepLine(9), stepLine(10), epochLine(0), evalLine(0), stepLine(11), stepLine(12)]),
  )
  await appendFile(metrics, printLines([stepLine(13)]))
  t.same(
    (await next()).map(({ _step }) => _step),
    [12, 13],
  )
})

t.test('the command, and the adapter for MLflow', async (t) => {
  const folder = t.testdir()
  await writeRun(join(folder, 'a'), madeUpRun(1), 1)
  await writeRun(join(folder, 'b'), [stepLine(1)], 1)
  const { code, stdout, stderr } = await runCli(['watch', folder, '--lines', '--once'], { cwd: folder })
  t.equal(code, 0, stderr)
  t.equal(stdout.trimEnd().split('\n').length, 13)

  // Answers in the form of MLflow's REST; docs/watch.md says with which version it was tried.
  const asked: { path: string | undefined; body: Record<string, unknown> }[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    request.on('end', () => {
      const body = JSON.parse(text)
      asked.push({ path: request.url, body })
      response.end(JSON.stringify({ run: { info: { run_id: `id of ${body.run_name}` } } }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : null
  const env = { ...process.env, MLFLOW_TRACKING_URI: `http://127.0.0.1:${port}` }
  const adapter = spawn(process.execPath, [ADAPTER], { env, stdio: ['pipe', 'inherit', 'inherit'] })
  adapter.stdin.end(stdout)
  t.equal(await new Promise((resolve) => adapter.on('close', resolve)), 0)
  t.same(
    asked.filter(({ path }) => path === '/api/2.0/mlflow/runs/create').map(({ body }) => body['run_name']),
    ['a', 'b'],
  )
  const batches = asked.filter(({ path }) => path === '/api/2.0/mlflow/runs/log-batch')
  t.equal(batches.length, 13)
  const key = 'error_test_top1/mean'
  t.match(batches[11]?.body, { run_id: 'id of a' })
  t.match(JSON.stringify(batches[11]?.body), `{"key":"${key}","value":12,`)
})

t.test('what cannot be is told', async (t) => {
  const cwd = t.testdir({ file: '' })
  const told = async (...argv: string[]) => {
    const { code, stderr } = await runCli(['watch', ...argv], { cwd })
    t.equal(code, 2)
    return stderr
  }
  t.match(await told('none'), /none/)
  t.match(await told('file'), /Expected a folder of runs for watch but received file/)
  t.match(await told('--port', 'x'), /Expected a whole number from 0 to 65535 for --port but received x/)
  t.match(await told('--once'), /Add --lines/)
})
