/** Takes a dataset from a Debian or Ubuntu package with apt-get as it is configured, without root and without installing. */
import { spawn } from 'node:child_process'
import { mkdir, readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { readTar, type TarFiles } from './tar.ts'

/** apt tries an address that does not answer for minutes; the public home comes next, so do not wait that long. */
const LONGEST_MS = 300_000

/**
 * The files of a package, by the last part of their names.
 * @param folder empty folder for apt's files
 * @throws Error in words that say what failed
 */
export async function readDebianPackage(name: string, folder: string): Promise<TarFiles> {
  try {
    await run('apt-get', ['download', name], folder)
  } catch {
    // No package lists here, as in a fresh container: make private ones, which needs no root.
    const options = await privateLists(folder)
    await run('apt-get', [...options, 'update'], folder)
    await run('apt-get', [...options, 'download', name], folder)
  }
  const file = (await readdir(folder)).find((one) => one.startsWith(`${name}_`) && one.endsWith('.deb'))
  if (file === undefined) throw new Error(`apt-get download ${name} left no package`)
  return readTar(await run('dpkg-deb', ['--fsys-tarfile', file], folder), file)
}

async function privateLists(folder: string): Promise<string[]> {
  const lists = resolve(folder, 'lists')
  const cache = resolve(folder, 'cache')
  await mkdir(join(lists, 'partial'), { recursive: true })
  await mkdir(join(cache, 'archives', 'partial'), { recursive: true })
  return ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache=${cache}`]
}

/** What a program printed. Its messages are taken in plain English, its last one is the error's. */
function run(program: string, args: readonly string[], folder: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: folder,
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const output: Buffer[] = []
    const messages: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => messages.push(chunk))
    // Not spawn's own `timeout`: where the program is missing, Node 20 leaves that timer running.
    const timer = setTimeout(() => child.kill(), LONGEST_MS)
    child.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (code === 0) return resolve(Buffer.concat(output))
      const last = Buffer.concat(messages).toString().trim().split('\n').at(-1)
      reject(
        new Error(`${program} ${args.at(-2) ?? ''} ${args.at(-1) ?? ''} ended with ${code ?? signal}: ${last ?? ''}`),
      )
    })
  })
}
