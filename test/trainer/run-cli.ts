/** The command line in processes of their own, as people meet it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { fixturePath } from '../fixtures-folder.ts'

/** The program, compiled. */
export const CLI_MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

/** A test that ends early leaves no process behind. */
const alive = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

/** 160 training images (10 steps of 16 an epoch) and 40 test images. */
export const TINY_ARCHIVE = fixturePath('pytorch/tiny-cifar-10-binary.tar.gz')

/** `train` on the small archive with the smallest network. */
export const TRAIN_TINY = [
  ...['train', '--network', 'resnet-8', '--dataset', 'cifar10', '--data', TINY_ARCHIVE],
  ...['--batch', '16', '--log-every', '1'],
] as const

/** As process 1 of a PID namespace of its own, as in a container; util-linux's unshare, which has to be permitted. */
export const NEW_PID_NAMESPACE = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'] as const

export interface EndedProcess {
  /** null where a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** User that it runs as. */
  readonly uid?: number
  /** Options of node itself. */
  readonly nodeOptions?: readonly string[]
  /** Logical CPUs that it may run on, as taskset takes them. */
  readonly cores?: string
  /** A program and its arguments that start node, such as NEW_PID_NAMESPACE. */
  readonly under?: readonly string[]
}

export interface CliProcess {
  readonly child: ChildProcess
  readonly ended: Promise<EndedProcess>
  /** Resolves when stderr holds the text. @throws Error where the process ends before */
  said(text: string): Promise<void>
}

export function startCli(
  argv: readonly string[],
  { cwd, env = {}, uid, nodeOptions = [], cores, under = [] }: CliOptions,
): CliProcess {
  const before = [...under, ...(cores === undefined ? [] : ['taskset', '-c', cores])]
  const settings = { cwd, env, ...(uid === undefined ? {} : { uid }) }
  return startProgram([...before, process.execPath, ...nodeOptions, CLI_MAIN, ...argv], settings)
}

/** Any program, as startCli starts ours: a launcher of several processes, say. */
export function startProgram(
  [program = '', ...argv]: readonly string[],
  { cwd, env = {}, uid }: Pick<CliOptions, 'cwd' | 'env' | 'uid'>,
): CliProcess {
  const child = spawn(program, argv, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid }),
  })
  alive.add(child)
  child.on('close', () => alive.delete(child))
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = new Promise<EndedProcess>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  const said = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!stderr.includes(text)) return
        child.stderr.off('data', look)
        resolve()
      }
      child.stderr.on('data', look)
      child.on('close', () => reject(new Error(`Expected stderr to say ${text} but it ended with: ${stderr}`)))
      look()
    })
  return { child, ended, said }
}

export function runCli(argv: readonly string[], options: CliOptions): Promise<EndedProcess> {
  return startCli(argv, options).ended
}
