/**
 * Signals that ask a process to end: from a person (Ctrl-C, Ctrl-\), a terminal that is gone, a supervisor (Kubernetes,
 * systemd, mpiexec: SIGTERM), or a batch system before it ends a job (SLURM, LSF, Grid Engine, PBS).
 */
export const END_SIGNALS = [
  'SIGINT',
  'SIGTERM',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGXCPU',
  'SIGPWR',
] as const

export type EndSignal = (typeof END_SIGNALS)[number]

/**
 * For a child of ours that is told otherwise when to end: such signals often go to the whole group of processes, and the
 * parent decides. Node would open its debugger's port at SIGUSR1.
 */
export function leaveSignalsToParent(): void {
  for (const signal of END_SIGNALS) process.on(signal, () => undefined)
}

/** Options of Node for a child process: no debugger at SIGUSR1 from its first moment on, where this Node can (22.14). */
export function withoutDebugger(): string[] {
  return process.allowedNodeEnvironmentFlags.has('--disable-sigusr1') ? ['--disable-sigusr1'] : []
}
