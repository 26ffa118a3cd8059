import { spawn } from 'node:child_process'
import { constants } from 'node:os'

const signalNumbers = constants.signals

/**
 * Runs a program to its end and keeps what it wrote.
 * @param {string} program looked up in PATH
 * @param {readonly string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv}} [options]
 * @returns {Promise<{status: number | 'absent', stdout: string, output: string}>} `absent` where PATH has no such
 *   program; `output` is stdout and stderr in the order they came
 */
export function runCommand(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text
      output += text
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output += text
    })
    child.on('error', (error) => {
      // EACCES: not found, and PATH holds a folder that this user may not search.
      if (error.code === 'ENOENT' || error.code === 'EACCES') resolve({ status: 'absent', stdout: '', output: '' })
      else reject(error)
    })
    child.on('close', (status) => resolve({ status: status ?? 1, stdout, output }))
  })
}

/**
 * Runs a Node program in the foreground: its output is ours, Ctrl-C reaches it from the terminal as it is in our process
 * group, so this process only waits for its end; SIGTERM comes to us alone and is handed on.
 * @param {readonly string[]} args script and its arguments
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>} exit code, 128 + signal number where a signal ended it
 */
export function runInForeground(args, env = process.env) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: 'inherit', env })
    const wait = () => {}
    const handOn = () => child.kill('SIGTERM')
    process.on('SIGINT', wait)
    process.on('SIGTERM', handOn)
    child.on('error', reject)
    child.on('exit', (status, signal) => {
      process.off('SIGINT', wait)
      process.off('SIGTERM', handOn)
      resolve(status ?? 128 + (signal === null ? 0 : signalNumbers[signal]))
    })
  })
}
