import { fileURLToPath } from 'node:url'
import t from 'tap'

interface FileResult {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly faults: readonly string[]
}

// The runner is plain JavaScript, as it must run before anything is compiled.
const runner: { runTestFile(file: string, options: { timeoutSeconds: number }): Promise<FileResult> } = await import(
  fileURLToPath(new URL('../../../scripts/tests/run-file.mjs', import.meta.url))
)

/** Runs a test file with this text; tap's test folder lies in the package, so that it finds tap. */
async function run(test: Pick<typeof t, 'testdir'>, text: string, timeoutSeconds = 60): Promise<FileResult> {
  const folder = test.testdir({ 'a.test.mjs': text })
  return runner.runTestFile(`${folder}/a.test.mjs`, { timeoutSeconds })
}

t.test('passed, failed and skipped tests are counted, and the innermost failure told once', async (t) => {
  const result = await run(
    t,
    `import t from 'tap'
    t.test('good', (t) => { t.ok(true); t.ok(true); t.end() })
    t.test('bad', (t) => { t.test('deep', (t) => { t.equal(1, 2, 'same'); t.end() }); t.end() })
    t.test('later', { skip: 'no device' }, (t) => t.end())`,
  )
  t.match(result, { passed: 1, failed: 1, skipped: 1, faults: { length: 1 } })
  t.match(result.faults[0], /^bad > deep > same \(.*a\.test\.mjs:3\)/)
})

t.test('a file that ends with an exit code of its own has failed', async (t) => {
  const result = await run(t, 'console.error("last words"); process.exit(3)')
  t.match(result, { passed: 0, failed: 1, faults: ['ended with exit code 3', /last words/] })
})

t.test('a file that runs no test has failed', async (t) => {
  t.match(await run(t, 'console.log("hello")'), { passed: 0, failed: 1, faults: ['ran no test'] })
})

t.test('a test that throws after its first assertion has failed', async (t) => {
  const result = await run(t, `import t from 'tap'\nt.test('a', async (t) => { t.ok(1); throw new Error('boom') })`)
  t.match(result, { passed: 0, failed: 1, faults: [/boom/] })
})

t.test('a file that does not end is ended', async (t) => {
  const result = await run(t, `import t from 'tap'\nt.ok(1)\nwhile (true);`, 2)
  t.equal(result.failed, 1)
  t.match(result.faults.join('\n'), /took more than 2 s/)
})
