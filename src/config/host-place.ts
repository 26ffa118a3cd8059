/** Which of several hosts this process is: from options, from SLURM's srun, or from variables as torchrun sets them. */
import { type ConfigFault, fault } from './config-fault.ts'
import { firstOfNodeList } from './node-list.ts'

export interface HostPlace {
  /** Processes that train together, one a host; 2 or more. */
  readonly hosts: number
  /** Rank 0 coordinates, writes the run folder and evaluates. */
  readonly rank: number
  /** Where rank 0 listens. */
  readonly coordinator: { readonly host: string; readonly port: number }
}

/** Values of the command line's options, as text; undefined = not given. */
export interface HostOptions {
  readonly hosts?: unknown
  readonly hostRank?: unknown
  readonly coordinator?: unknown
}

export interface FoundHostPlace {
  /** null = this process trains alone. */
  readonly place: HostPlace | null
  readonly faults: readonly ConfigFault[]
}

type Environment = Readonly<Record<string, string | undefined>>

/** The three values by where they come from; null = not said there. */
interface Source {
  readonly name: string
  readonly hosts: string | null
  readonly rank: string | null
  readonly coordinator: string | null
  readonly faults: readonly ConfigFault[]
}

/** Options win, each by itself, over the environment; `--hosts 1` trains alone whatever the environment says. */
export function findHostPlace(options: HostOptions, environment: Environment): FoundHostPlace {
  const given = { hosts: text(options.hosts), rank: text(options.hostRank), coordinator: text(options.coordinator) }
  if (given.hosts === '1' && given.coordinator === null && (given.rank ?? '0') === '0') return alone()
  const around = fromSlurm(environment) ?? fromTorchrun(environment)
  const hosts = given.hosts ?? around?.hosts ?? null
  const rank = given.rank ?? around?.rank ?? null
  const coordinator = given.coordinator ?? around?.coordinator ?? null
  if (hosts === null && rank === null && coordinator === null) return alone()
  if (given.hosts === null && hosts === '1') return alone()
  const faults = [...(around !== null && given.hosts === null ? around.faults : [])]
  faults.push(...missing(hosts, rank, coordinator, around))
  const count = wholeNumber(hosts)
  if (hosts !== null && (count === null || count < 1 || count > MOST_HOSTS)) {
    faults.push(fault(`a whole number from 1 to ${MOST_HOSTS}`, '--hosts', hosts, 'One process runs on each host.'))
  }
  const own = wholeNumber(rank)
  if (rank !== null && (own === null || (count !== null && own >= count))) {
    const what = count === null ? 'a whole number from 0' : `a whole number below ${count}, the hosts`
    faults.push(fault(what, '--host-rank', rank, 'Ranks are 0, 1, 2, ...; each host has its own.'))
  }
  const address = coordinator === null ? null : parseAddress(coordinator)
  if (coordinator !== null && address === null) {
    const remedy = 'Name the host of rank 0 as the others reach it, and a port that is free there: node1:29500, say.'
    faults.push(fault('<host>:<port>', '--coordinator', coordinator, remedy))
  }
  if (faults.length > 0 || count === null || own === null || address === null) return { place: null, faults }
  return { place: count === 1 ? null : { hosts: count, rank: own, coordinator: address }, faults }
}

const MOST_HOSTS = 1024

const alone = (): FoundHostPlace => ({ place: null, faults: [] })

/** A set that is only half there is no guess at the rest. */
function missing(
  hosts: string | null,
  rank: string | null,
  coordinator: string | null,
  around: Source | null,
): ConfigFault[] {
  const parts = { '--hosts': hosts, '--host-rank': rank, '--coordinator': coordinator }
  const there = Object.entries(parts).flatMap(([flag, value]) => (value === null ? [] : [flag]))
  const where = around === null ? '' : ` (${around.name} says the others)`
  return Object.entries(parts).flatMap(([flag, value]) =>
    value === null
      ? [fault(`${flag} beside ${there.join(' and ')}`, 'several hosts', 'none', `Give all three, or none${where}.`)]
      : [],
  )
}

/**
 * A step that srun started: `SLURM_STEP_NUM_TASKS` (or `SLURM_NTASKS`), `SLURM_PROCID`, and the first of
 * `SLURM_STEP_NODELIST`. The shell of an allocation and a batch script are no step, and train alone.
 */
function fromSlurm(environment: Environment): Source | null {
  const list = environment['SLURM_STEP_NODELIST']
  if (list === undefined) return null
  const tasks = environment['SLURM_STEP_NUM_TASKS'] ?? environment['SLURM_NTASKS'] ?? null
  const nodes = environment['SLURM_STEP_NUM_NODES'] ?? environment['SLURM_NNODES'] ?? tasks
  const first = firstOfNodeList(list)
  const faults: ConfigFault[] = []
  if (tasks !== nodes) {
    faults.push(fault('one task a node', 'srun', `${tasks} tasks on ${nodes} nodes`, 'Use srun --ntasks-per-node=1.'))
  }
  return {
    name: 'SLURM',
    hosts: tasks,
    rank: environment['SLURM_PROCID'] ?? environment['SLURM_NODEID'] ?? null,
    coordinator: first === null ? null : `${first}:${portOfJob(environment['SLURM_JOB_ID'])}`,
    faults,
  }
}

/** Jobs that share a node are to meet at ports of their own: the upper 4096, by the job's number. */
function portOfJob(job: string | undefined): number {
  return 65_536 - 4096 + (Number(job ?? 0) % 4096)
}

/** `WORLD_SIZE`, `RANK`, `MASTER_ADDR` and `MASTER_PORT`, one process a host. */
function fromTorchrun(environment: Environment): Source | null {
  const { WORLD_SIZE: world, RANK: rank, MASTER_ADDR: host, MASTER_PORT: port } = environment
  if (world === undefined && rank === undefined) return null
  const local = environment['LOCAL_WORLD_SIZE'] ?? '1'
  const faults: ConfigFault[] = []
  if (local !== '1') {
    const remedy = 'Use --nproc-per-node 1: one process drives all devices of its host.'
    faults.push(fault('one process a host', 'LOCAL_WORLD_SIZE', local, remedy))
  }
  if (host === undefined || port === undefined) {
    const absent = [host === undefined ? 'MASTER_ADDR' : '', port === undefined ? 'MASTER_PORT' : ''].filter(Boolean)
    const remedy = 'Set them all, or unset WORLD_SIZE and RANK.'
    faults.push(fault(absent.join(' and '), 'WORLD_SIZE and RANK', 'none', remedy))
  }
  return {
    name: 'WORLD_SIZE and RANK',
    hosts: world ?? null,
    rank: rank ?? null,
    coordinator: host === undefined || port === undefined ? null : `${host}:${port}`,
    faults,
  }
}

/** `host:port`, `[::1]:port`. */
function parseAddress(address: string): HostPlace['coordinator'] | null {
  const parts = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address)
  const host = parts?.[1] ?? parts?.[2]
  const port = Number(parts?.[3])
  return host === undefined || !(port >= 1 && port <= 65_535) ? null : { host, port }
}

function wholeNumber(value: string | null): number | null {
  return value !== null && /^\d{1,6}$/.test(value) ? Number(value) : null
}

const text = (value: unknown) => (value === undefined ? null : String(value).trim())
