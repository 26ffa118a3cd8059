/** The secret that the hosts of a run share: what proves a connection to be one of theirs. */
import { createHmac, randomBytes } from 'node:crypto'
import { linkSync, lstatSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CoordinatorAddress } from '../../config/host-place.ts'
import { expected, UserFault } from '../../vocabulary/fault.ts'

export const KEY_VARIABLE = 'NATIVE_ENSEMBLE_CLUSTER_KEY'
const KEY_FILE_VARIABLE = 'NATIVE_ENSEMBLE_CLUSTER_KEY_FILE'

/** Shorter ones can be guessed. Characters. */
const SHORTEST = 16

export type ClusterKey = Buffer

type Environment = Readonly<Record<string, string | undefined>>

/** Whether only processes of this machine can come to that address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/**
 * The key of `NATIVE_ENSEMBLE_CLUSTER_KEY`, or in the file that `NATIVE_ENSEMBLE_CLUSTER_KEY_FILE` names. Where neither is set
 * and the hosts meet on loopback, one that all processes of this user on this machine find.
 * @throws UserFault where there is none for other addresses, or it is too short or cannot be read
 */
export function findClusterKey({ host }: CoordinatorAddress, environment: Environment): ClusterKey {
  const [given, file] = [environment[KEY_VARIABLE], environment[KEY_FILE_VARIABLE]]
  if (given !== undefined) return checkKey(given, KEY_VARIABLE)
  if (file !== undefined) return checkKey(readKey(file), `the file ${file} of ${KEY_FILE_VARIABLE}`)
  if (isLoopback(host)) return userKey(join(tmpdir(), `native-ensemble-${process.getuid?.() ?? 0}`))
  throw expected(
    'a secret that the hosts share',
    KEY_VARIABLE,
    'none',
    `Make one, and give all hosts the same: export ${KEY_VARIABLE}=$(openssl rand -hex 32) before srun or mpiexec; ` +
      `or ${KEY_FILE_VARIABLE}=<file that all of them can read>.`,
  )
}

/** A key for one use within a run, made out of the cluster's and of what the leader drew for the run. */
export function deriveKey(key: ClusterKey, use: string, token: string): Buffer {
  return createHmac('sha256', key).update(`${use}\0${token}`).digest()
}

function checkKey(text: string, source: string): ClusterKey {
  const key = text.trim()
  if (key.length >= SHORTEST) return Buffer.from(key)
  const remedy = 'Make one with: openssl rand -hex 32'
  throw expected(`a secret of ${SHORTEST} characters or more`, source, `${key.length}`, remedy)
}

function readKey(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new UserFault(
      `Expected to read the hosts' secret but received: ${reason}.`,
      `Make it on each host with: umask 077; echo <secret> > ${file}`,
      { cause },
    )
  }
}

/** The key in a folder that nobody else may look into; made by whoever comes first. */
function userKey(folder: string): ClusterKey {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // Not of what a link leads to: it may be somebody else's.
  const found = lstatSync(folder)
  const own = found.isDirectory() && found.uid === (process.getuid?.() ?? found.uid) && (found.mode & 0o077) === 0
  if (!own) {
    throw expected(
      'a folder that only you can read',
      `the hosts' secret, ${folder},`,
      'one that others made or may read',
      `Name the secret yourself: export ${KEY_VARIABLE}=$(openssl rand -hex 32), the same for all hosts.`,
    )
  }
  const file = join(folder, 'cluster-key')
  const draft = join(folder, `cluster-key.${process.pid}`)
  try {
    return checkKey(readFileSync(file, 'utf8'), file)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  writeFileSync(draft, randomBytes(32).toString('hex'), { mode: 0o600 })
  try {
    // Whole at once, and never over one that another process made meanwhile.
    linkSync(draft, file)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    unlinkSync(draft)
  }
  return checkKey(readFileSync(file, 'utf8'), file)
}
