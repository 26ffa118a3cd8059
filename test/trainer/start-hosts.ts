/** Runs on several hosts, each a process of its own with a core of its own, on this machine. */
import { createServer } from 'node:net'
import { allowedCores } from '../../src/vocabulary/allowed-cores.ts'
import { type CliProcess, type EndedProcess, startCli } from './run-cli.ts'

export interface HostsOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

/** A port that nobody listens at just now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('Expected a port')
  return address.port
}

/** The command on one host of several. */
export function startHost(
  argv: readonly string[],
  host: { readonly rank: number; readonly hosts: number; readonly port: number },
  { cwd, env = {} }: HostsOptions,
): CliProcess {
  const place = ['--hosts', `${host.hosts}`, '--host-rank', `${host.rank}`, '--coordinator', `127.0.0.1:${host.port}`]
  const core = coreOf(host.rank)
  return startCli([...argv, ...place], { cwd, env: { ...PATIENT, ...env }, cores: `${core}` })
}

/** The same command on all hosts; the leader first. */
export async function startHosts(argv: readonly string[], hosts: number, options: HostsOptions): Promise<CliProcess[]> {
  const port = await freePort()
  return Array.from({ length: hosts }, (_, rank) => startHost(argv, { rank, hosts, port }, options))
}

/** How the leader and the one follower ended. */
export async function endsOf(hosts: readonly CliProcess[]): Promise<[EndedProcess, EndedProcess]> {
  const [leader, follower] = await Promise.all(hosts.map((host) => host.ended))
  if (leader === undefined || follower === undefined) throw new Error('Expected two hosts')
  return [leader, follower]
}

/** Cores of a process that computes alone what `hosts` hosts compute together, for `taskset`. */
export const coresOf = (hosts: number) => [...new Set(Array.from({ length: hosts }, (_, rank) => coreOf(rank)))].join()

/** A busy machine is no host that is gone. */
const PATIENT = { NATIVE_ENSEMBLE_HOST_TIMEOUT: '100' }

function coreOf(rank: number): number {
  const cores = allowedCores()
  return cores[rank % cores.length] ?? 0
}
