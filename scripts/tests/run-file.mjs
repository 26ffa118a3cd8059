import { spawn, spawnSync } from 'node:child_process'
import { Parser } from 'tap-parser'
import { inRoot, root } from '../setup/places.mjs'

let setprivWorks = null

/**
 * @typedef {object} FileResult
 * @property {string} file as given
 * @property {number} passed top-level tests
 * @property {number} failed top-level tests, 1 where the file ended without saying what failed
 * @property {number} skipped
 * @property {string[]} faults one text a failure: where, what, and the assertion's details
 * @property {number} seconds
 */

/**
 * Runs one compiled tap test in a process of its own and reads the TAP that it prints.
 * @param {string} file relative to the package's root
 * @param {{timeoutSeconds: number, env?: NodeJS.ProcessEnv, through?: readonly string[], node?: string}} options `through`: a
 *   program and its arguments that start node; `node`: another one than this
 * @returns {Promise<FileResult>}
 */
export function runTestFile(file, { timeoutSeconds, env = {}, through = [], node = process.execPath }) {
  const began = performance.now()
  const [program, ...before] = [...endWithUs(), ...through, node]
  const child = spawn(program, [...before, '--enable-source-maps', inRoot(file)], {
    cwd: root,
    env: { ...process.env, TAP_TIMEOUT: String(timeoutSeconds), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const faults = []
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  let overdue = false
  const clock = setTimeout(() => {
    overdue = true
    child.kill('SIGKILL')
  }, timeoutSeconds * 1000)

  return new Promise((resolve, reject) => {
    child.on('error', reject)
    const parser = new Parser((results) => {
      const finish = (status, signal) => {
        clearTimeout(clock)
        const skipped = results.skip + results.todo
        let failed = results.fail
        if (overdue) faults.push(`took more than ${timeoutSeconds} s and was ended`)
        if (results.count === 0 && !results.bailout && status === 0) faults.push('ran no test')
        if (failed === 0 && (status !== 0 || faults.length > 0 || !results.ok)) {
          failed = 1
          if (faults.length === 0)
            faults.push(`ended with ${signal ?? `exit code ${status}`}${results.bailout ? `: ${results.bailout}` : ''}`)
        }
        if (failed > 0 && stderr !== '') faults.push(`stderr:\n${stderr.trimEnd().split('\n').slice(-40).join('\n')}`)
        const seconds = (performance.now() - began) / 1000
        resolve({ file, passed: results.count - results.fail - skipped, failed, skipped, faults, seconds })
      }
      if (child.exitCode !== null || child.signalCode !== null) finish(child.exitCode, child.signalCode)
      else child.on('exit', finish)
    })
    collectFaults(parser, faults)
    child.stdout.pipe(parser)
  })
}

/**
 * util-linux's setpriv lets the kernel end the test with this process: a test whose main thread is stuck in native code would
 * outlive a runner that was killed. Where it is not installed, tests run without.
 */
function endWithUs() {
  setprivWorks ??= spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0
  return setprivWorks ? ['setpriv', '--pdeathsig', 'KILL'] : []
}

/** Innermost failing assertions only: a subtest that fails because of them merely repeats them. */
function collectFaults(parser, faults) {
  let lastSubtest = null
  parser.on('child', (inner) => {
    lastSubtest = inner
    collectFaults(inner, faults)
  })
  parser.on('assert', (assertion) => {
    const repeats = lastSubtest !== null && lastSubtest.name === assertion.name && lastSubtest.fail > 0
    if (assertion.ok || assertion.skip || assertion.todo || repeats) return
    const { at, compare: _compare, stack: _stack, source, ...details } = assertion.diag ?? {}
    const where = at?.fileName === undefined ? '' : ` (${at.fileName}:${at.lineNumber})`
    const shown = [source?.trimEnd(), print(details)].filter((text) => text !== undefined && text !== '')
    faults.push([`${assertion.fullname || assertion.name}${where}`, ...shown].join('\n'))
  })
}

function print(details) {
  return Object.entries(details)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('\n')
}
