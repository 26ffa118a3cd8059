import { spawn } from 'node:child_process'
import { constants } from 'node:os'

const signalNumbers = constants.signals
/** Signals that ask for the end and come to us alone; Ctrl-C and Ctrl-\ come from the terminal to the child as well. */
const HANDED_ON = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGXCPU', 'SIGPWR']
const FROM_TERMINAL = ['SIGINT', 'SIGQUIT']

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
 * group, so this process only waits for its end; SIGTERM and its like come to us alone and are handed on.
 * @param {readonly string[]} args script and its arguments
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>} exit code, 128 + signal number where a signal ended it
 */
export function runInForeground(args, env = process.env) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: 'inherit', env })
    const wait = () => {}
    const handOn = (signal) => child.kill(signal)
    for (const signal of FROM_TERMINAL) process.on(signal, wait)
    for (const signal of HANDED_ON) process.on(signal, handOn)
    child.on('error', reject)
    child.on('exit', (status, signal) => {
      for (const signal of FROM_TERMINAL) process.off(signal, wait)
      for (const signal of HANDED_ON) process.off(signal, handOn)
      resolve(status ?? 128 + (signal === null ? 0 : signalNumbers[signal]))
    })
  })
}
