/** What a launcher's variables say of this process: which rank it is, of how many, and where rank 0 is. */
import { type ConfigFault, fault } from './config-fault.ts'
import { firstOfNodeList } from './node-list.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** One launcher's words; null = it does not say that. */
export interface LauncherPlace {
  /** As error messages call it. */
  readonly name: string
  readonly hosts: string | null
  readonly rank: string | null
  readonly coordinator: { readonly host: string; readonly port: string } | null
  /** What of it cannot be a run of one process a host. */
  readonly faults: readonly ConfigFault[]
}

/** All launchers that started this process, the innermost first: an mpiexec within srun's step, say. */
export function findLaunchers(environment: Environment): LauncherPlace[] {
  const sources = [fromTorch, fromOpenMpi, fromPmi, fromPmix, fromSlurm, fromKubernetes]
  return sources.flatMap((source) => source(environment) ?? [])
}

/** `MASTER_ADDR` and `MASTER_PORT`, which people set for any launcher; null where one of them is absent. */
export function masterAddress(environment: Environment): LauncherPlace['coordinator'] {
  const host = environment['MASTER_ADDR'] ?? environment['PET_MASTER_ADDR']
  const port = environment['MASTER_PORT'] ?? environment['PET_MASTER_PORT']
  if (host === undefined || port === undefined) return null
  // The agent of torchrun listens at MASTER_PORT itself.
  const taken = environment['TORCHELASTIC_USE_AGENT_STORE'] === 'True'
  // Kubeflow tells the pod of rank 0 `localhost`, where the others could not reach it.
  const pod = environment['KUBERNETES_SERVICE_HOST'] === undefined ? undefined : environment['HOSTNAME']
  const named = host === 'localhost' && environment['WORLD_SIZE'] !== '1' ? (pod ?? host) : host
  return { host: named.replace(/^\[(.*)\]$/, '$1'), port: taken ? `${Number(port) + 1}` : port }
}

/** `WORLD_SIZE` and `RANK`, as torchrun and Kubeflow set them; the Kubeflow Trainer's `PET_NNODES` and `PET_NODE_RANK`. */
function fromTorch(environment: Environment): LauncherPlace | null {
  const hosts = environment['WORLD_SIZE'] ?? environment['PET_NNODES'] ?? null
  const rank = environment['RANK'] ?? environment['PET_NODE_RANK'] ?? null
  if (hosts === null && rank === null) return null
  const faults = oneAHost('LOCAL_WORLD_SIZE', environment['LOCAL_WORLD_SIZE'], '--nproc-per-node 1')
  return { name: 'torchrun or Kubeflow (WORLD_SIZE, RANK)', hosts, rank, coordinator: null, faults }
}

function fromOpenMpi(environment: Environment): LauncherPlace | null {
  const hosts = environment['OMPI_COMM_WORLD_SIZE']
  if (hosts === undefined) return null
  const local = environment['OMPI_COMM_WORLD_LOCAL_SIZE']
  const faults = oneAHost('OMPI_COMM_WORLD_LOCAL_SIZE', local, 'mpiexec --map-by ppr:1:node')
  const rank = environment['OMPI_COMM_WORLD_RANK'] ?? null
  return { name: "Open MPI's mpiexec", hosts, rank, coordinator: firstOfJob(environment, hosts, rank), faults }
}

/** MPICH's and Intel MPI's mpiexec, and others that speak PMI. */
function fromPmi(environment: Environment): LauncherPlace | null {
  const hosts = environment['PMI_SIZE']
  if (hosts === undefined) return null
  const faults = oneAHost('MPI_LOCALNRANKS', environment['MPI_LOCALNRANKS'], 'mpiexec -ppn 1')
  const rank = environment['PMI_RANK'] ?? null
  return { name: 'mpiexec (PMI)', hosts, rank, coordinator: firstOfJob(environment, hosts, rank), faults }
}

/** PMIx alone (prterun, say) tells no number of processes. */
function fromPmix(environment: Environment): LauncherPlace | null {
  const rank = environment['PMIX_RANK']
  if (rank === undefined) return null
  return { name: 'PMIx (PMIX_RANK)', hosts: null, rank, coordinator: firstOfJob(environment, null, rank), faults: [] }
}

/**
 * The first node of a job of SLURM in which an mpiexec runs: there is its rank 0. What srun's variables say is of the mpiexec's
 * daemons, on the other nodes only. null where srun started the process itself.
 */
function firstOfJob(environment: Environment, hosts: string | null, rank: string | null): LauncherPlace['coordinator'] {
  const [tasks, own] = [environment['SLURM_STEP_NUM_TASKS'], environment['SLURM_PROCID']]
  if (tasks !== undefined && (hosts === null || hosts === tasks) && rank === own) return null
  return addressOfNode(environment['SLURM_JOB_NODELIST'], environment)
}

/**
 * A step that srun started: `SLURM_STEP_NUM_TASKS` (or `SLURM_NTASKS`), `SLURM_PROCID`, and the first of
 * `SLURM_STEP_NODELIST`. The shell of an allocation and a batch script are no step: in an allocation of several nodes a
 * process that srun did not start would use one of them.
 */
function fromSlurm(environment: Environment): LauncherPlace | null {
  const list = environment['SLURM_STEP_NODELIST']
  if (list === undefined) return withoutSrun(environment)
  const tasks = environment['SLURM_STEP_NUM_TASKS'] ?? environment['SLURM_NTASKS'] ?? null
  const nodes = environment['SLURM_STEP_NUM_NODES'] ?? environment['SLURM_NNODES'] ?? tasks
  const faults: ConfigFault[] = []
  if (tasks !== nodes) {
    faults.push(fault('one task a node', 'srun', `${tasks} tasks on ${nodes} nodes`, 'Use srun --ntasks-per-node=1.'))
  }
  return {
    name: 'SLURM',
    hosts: tasks,
    rank: environment['SLURM_PROCID'] ?? environment['SLURM_NODEID'] ?? null,
    coordinator: addressOfNode(list, environment),
    faults,
  }
}

function withoutSrun(environment: Environment): LauncherPlace | null {
  const nodes = environment['SLURM_JOB_NUM_NODES'] ?? environment['SLURM_NNODES'] ?? '1'
  if (nodes === '1') return null
  const remedy = 'Start it with srun --ntasks-per-node=1; --hosts 1 trains on this node alone.'
  const faults = [fault('srun', `a SLURM allocation of ${nodes} nodes`, 'a process that it did not start', remedy)]
  return { name: 'SLURM', hosts: null, rank: null, coordinator: null, faults }
}

/** The first of the nodes; jobs that share one are to meet at ports of their own: the upper 4096, by the job's number. */
function addressOfNode(list: string | undefined, environment: Environment): LauncherPlace['coordinator'] {
  const host = firstOfNodeList(list ?? '')
  const port = 65_536 - 4096 + (Number(environment['SLURM_JOB_ID'] ?? 0) % 4096)
  return host === null ? null : { host, port: `${port}` }
}

/** An Indexed Job, alone or of a JobSet, tells the rank only. */
function fromKubernetes(environment: Environment): LauncherPlace | null {
  const rank = environment['JOB_COMPLETION_INDEX']
  if (rank === undefined) return null
  return { name: 'Kubernetes (JOB_COMPLETION_INDEX)', hosts: null, rank, coordinator: null, faults: [] }
}

function oneAHost(variable: string, local: string | undefined, how: string): ConfigFault[] {
  if ((local ?? '1') === '1') return []
  const remedy = `Use ${how}: one process drives all devices of its host (--devices cpu:${local} makes as many replicas).`
  return [fault('one process a host', variable, local, remedy)]
}
